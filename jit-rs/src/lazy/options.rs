//! The values of `-X lazy_report`, `-X lazy_profile` and `-X lazy_filter`.

use super::profile::{DEFAULT, Profile};
use super::rules::Rules;
use std::path::PathBuf;

/// Where the report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Text on standard error.
    Print,
    /// JSON in a file.
    Write(PathBuf),
}

/// What is done with profiles.
#[derive(Debug, Default)]
pub enum Use {
    /// Nothing.
    #[default]
    None,
    /// Learn, and add it to the file.
    Record(PathBuf),
    /// Decide by what was learned.
    Apply(Profile),
    /// Import everything at once, and report what would not be so by this profile.
    Check(Profile),
}

/// All of them.
#[derive(Debug, Default)]
pub struct Options {
    /// `-X lazy_report`
    pub report: Option<Report>,
    /// `-X lazy_profile`
    pub profile: Use,
    /// `-X lazy_filter`
    pub filter: Rules,
}

impl Options {
    /// Reads the values and the files that they name.
    ///
    /// # Errors
    /// A message for the user.
    pub fn read(
        report: Option<&str>,
        profile: Option<&str>,
        filter: Option<&str>,
    ) -> Result<Self, String> {
        let report = report.map(|file| match file {
            "" => Report::Print,
            file => Report::Write(file.into()),
        });
        let profile = profile.map(read_use).transpose()?.unwrap_or_default();
        let filter = match filter {
            None => Rules::default(),
            Some("") => return Err("-X lazy_filter needs the name of a file".into()),
            Some(file) => Rules::parse(&read(file, "-X lazy_filter")?)
                .map_err(|error| format!("-X lazy_filter: {file}, {error}"))?,
        };
        Ok(Self {
            report,
            profile,
            filter,
        })
    }
}

fn read_use(value: &str) -> Result<Use, String> {
    match value.split_once(':') {
        Some(("record", file)) if !file.is_empty() => Ok(Use::Record(file.into())),
        Some(("use", files)) if !files.is_empty() => Ok(Use::Apply(read_profiles(files)?)),
        Some(("check", files)) if !files.is_empty() => Ok(Use::Check(read_profiles(files)?)),
        _ => Err(format!(
            "-X lazy_profile: unknown value {value:?}; use record:FILE, use:FILE or check:FILE"
        )),
    }
}

/// Profiles parted by commas; `default` is the list that is built in.
fn read_profiles(files: &str) -> Result<Profile, String> {
    let mut all = Profile::default();
    for file in files.split(',') {
        let text = match file {
            "default" => DEFAULT.to_owned(),
            file => read(file, "-X lazy_profile")?,
        };
        let profile =
            Profile::parse(&text).map_err(|error| format!("-X lazy_profile: {file}, {error}"))?;
        all.merge(&profile)?;
    }
    Ok(all)
}

fn read(file: &str, option: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{option}: cannot read {file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports() {
        let report = |value| Options::read(Some(value), None, None).unwrap().report;
        assert_eq!(report(""), Some(Report::Print));
        assert_eq!(report("a.json"), Some(Report::Write("a.json".into())));
    }

    #[test]
    fn mistakes() {
        for value in ["", "record", "record:", "learn:x"] {
            let error = Options::read(None, Some(value), None).unwrap_err();
            assert!(
                error.contains("use record:FILE, use:FILE or check:FILE"),
                "{error}"
            );
        }
        let error = Options::read(None, Some("use:/no/such"), None).unwrap_err();
        assert!(
            error.starts_with("-X lazy_profile: cannot read /no/such: "),
            "{error}"
        );
    }

    #[test]
    fn the_default_list_is_built_in() {
        let options = Options::read(None, Some("use:default"), None).unwrap();
        assert!(matches!(options.profile, Use::Apply(_)));
    }
}
