//! Which code objects may be compiled: the patterns of `allow=` and `deny=`.
//!
//! A pattern is `NAME`, `FILE:NAME` or `FILE:LINE:NAME`, with `co_qualname`, `co_filename` and `co_firstlineno`. In the
//! texts, `*` stands for any characters and `?` for one. A file without `/` is compared with the last part of the path.

use crate::lazy::rules::glob_matches;
use crate::profile::Place;

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    file: Option<String>,
    line: Option<i32>,
    name: String,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let Some((place, name)) = text.rsplit_once(':') else {
            return Self {
                file: None,
                line: None,
                name: text.into(),
            };
        };
        let numbered = place
            .rsplit_once(':')
            .and_then(|(file, line)| Some((file, line.parse().ok()?)));
        let (file, line) = match numbered {
            Some((file, line)) => (file, Some(line)),
            None => (place, None),
        };
        Self {
            file: Some(file.into()),
            line,
            name: name.into(),
        }
    }

    fn matches(&self, place: &Place) -> bool {
        self.line.is_none_or(|line| line == place.line)
            && glob_matches(&self.name, &place.name)
            && self.file.as_ref().is_none_or(|glob| {
                let last = place.file.rsplit('/').next().unwrap_or_default();
                glob_matches(
                    glob,
                    if glob.contains('/') {
                        &place.file
                    } else {
                        last
                    },
                )
            })
    }
}

/// Patterns of what may and of what may not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// None if `allow=` was not given: then everything is allowed.
    allow: Option<Vec<Pattern>>,
    deny: Vec<Pattern>,
}

impl Filter {
    /// Adds a value of `allow=`.
    ///
    /// # Errors
    /// See [`read`].
    pub fn allow(&mut self, value: &str) -> Result<(), String> {
        self.allow
            .get_or_insert_default()
            .extend(read("allow", value)?);
        Ok(())
    }

    /// Adds a value of `deny=`.
    ///
    /// # Errors
    /// See [`read`].
    pub fn deny(&mut self, value: &str) -> Result<(), String> {
        self.deny.extend(read("deny", value)?);
        Ok(())
    }

    /// Whether everything may be compiled.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.deny.is_empty()
    }

    /// Whether the code object from a place may be compiled: something allows it, and nothing denies it.
    pub fn admits(&self, place: &Place) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(place));
        self.allow.as_deref().is_none_or(any) && !any(&self.deny)
    }
}

/// A pattern, or, of `@FILE`, those that the file has, one a line.
fn read(key: &str, value: &str) -> Result<Vec<Pattern>, String> {
    match value.strip_prefix('@') {
        None if value.is_empty() => Err(format!(
            "-X jit: {key}= needs a pattern, [FILE:[LINE:]]NAME, or @ and the name of a file with patterns"
        )),
        None => Ok(vec![Pattern::new(value)]),
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("-X jit: {key}=: cannot read {file}: {error}"))?;
            let lines = text.lines().filter(|line| !line.is_empty());
            Ok(lines.map(Pattern::new).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            name: "C.f.<locals>.<lambda>".into(),
            file: "/lib/json/decoder.py".into(),
            line: 12,
        }
    }

    #[test]
    fn patterns() {
        for (pattern, expected) in [
            ("*", true),
            ("C.*", true),
            ("f", false),
            ("C.f.<locals>.<lambda>", true),
            ("decoder.py:*", true),
            ("json/decoder.py:*", false),
            ("*/json/decoder.py:*", true),
            ("/lib/*:C.*", true),
            ("encoder.py:*", false),
            ("decoder.py:12:*", true),
            ("decoder.py:13:*", false),
            ("/lib/json/decoder.py:12:C.f.<locals>.<lambda>", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(&place()),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn allow_then_deny() {
        let mut filter = Filter::default();
        assert!(filter.is_empty() && filter.admits(&place()));
        filter.deny("decoder.py:C.g").unwrap();
        assert!(filter.admits(&place()));
        filter.allow("C.g*").unwrap();
        assert!(!filter.admits(&place()));
        filter.allow("decoder.py:*").unwrap();
        assert!(filter.admits(&place()));
        filter.deny("C.f*").unwrap();
        assert!(!filter.admits(&place()));
    }

    #[test]
    fn files_with_patterns() {
        let file = std::env::temp_dir().join(format!("clinker-filter-{}", std::process::id()));
        std::fs::write(&file, "a.py:3:f\n\n/lib/json/decoder.py:12:C*\n").unwrap();
        let mut filter = Filter::default();
        filter.allow(&format!("@{}", file.display())).unwrap();
        assert!(filter.admits(&place()));
        std::fs::write(&file, "").unwrap();
        let mut filter = Filter::default();
        filter.allow(&format!("@{}", file.display())).unwrap();
        assert!(!filter.admits(&place()));
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn mistakes() {
        let mut filter = Filter::default();
        let error = filter.allow("").unwrap_err();
        assert!(
            error.starts_with("-X jit: allow= needs a pattern"),
            "{error}"
        );
        let error = filter.deny("@/no/such").unwrap_err();
        assert!(
            error.starts_with("-X jit: deny=: cannot read /no/such: "),
            "{error}"
        );
    }
}
