//! Reads which archives this machine's apt is configured with: one-line `sources.list` and deb822 `*.sources` files.
//!
//! Only what is needed to ask the same archives for another suite is read. Nothing is changed.

use crate::error::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An archive the machine trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Address of the archive.
    pub address: String,
    /// Suites that are taken from it.
    pub suites: Vec<String>,
    /// Components that are taken from it.
    pub components: Vec<String>,
    /// The keyring file, fingerprints or key its index must be signed with, if one is named.
    pub signed_by: Option<String>,
}

/// The archives of the distribution itself, most likely first; third parties' archives are left out.
///
/// An archive is the distribution's own when it carries the machine's codename as a suite with its first component
/// (`main`), and either lies in a folder with the distribution's name or is signed with its keyring.
pub fn own_archives() -> Result<Vec<Archive>> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key == name).then(|| value.trim_matches('"').to_owned())
        })
    };
    let id = field("ID").unwrap_or_default();
    let codename = field("VERSION_CODENAME");
    let mut own: Vec<Archive> = configured()?
        .into_iter()
        .filter(|archive| is_own(archive, &id, codename.as_deref()))
        .collect();
    own.dedup_by(|a, b| a.address == b.address);
    Ok(own)
}

fn is_own(archive: &Archive, id: &str, codename: Option<&str>) -> bool {
    let named = archive
        .address
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .is_some_and(|folder| folder == id);
    let keyring = archive
        .signed_by
        .as_deref()
        .is_some_and(|keyring| keyring.contains(&format!("{id}-archive-keyring")));
    let suite =
        codename.is_none_or(|codename| archive.suites.iter().any(|suite| suite == codename));
    let rolling = ["stable", "testing", "unstable", "sid"];
    let suite = suite
        || archive
            .suites
            .iter()
            .any(|suite| rolling.contains(&suite.as_str()));
    suite
        && archive
            .components
            .iter()
            .any(|component| component == "main")
        && (named || keyring)
}

fn configured() -> Result<Vec<Archive>> {
    let (list, parts) = places();
    let mut files = vec![list];
    if parts.is_dir() {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&parts).doing("list", &parts)? {
            found.push(entry.doing("list", &parts)?.path());
        }
        found.sort();
        files.extend(found);
    }
    let mut archives = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let read = || std::fs::read_to_string(file).doing("read apt's sources", file);
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => archives.extend(one_line_format(&read()?)),
            Some("sources") => archives.extend(deb822_format(&read()?)),
            _ => {}
        }
    }
    Ok(archives)
}

/// `sources.list` and `sources.list.d` as apt itself finds them.
fn places() -> (PathBuf, PathBuf) {
    let mut places = [
        PathBuf::from("/etc/apt/sources.list"),
        PathBuf::from("/etc/apt/sources.list.d"),
    ];
    let output = Command::new("apt-config")
        .args([
            "shell",
            "LIST",
            "Dir::Etc::sourcelist/f",
            "PARTS",
            "Dir::Etc::sourceparts/d",
        ])
        .stdin(Stdio::null())
        .output();
    if let Ok(output) = output {
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            match line.split_once('=') {
                Some(("LIST", path)) => places[0] = Path::new(path.trim_matches('\'')).to_owned(),
                Some(("PARTS", path)) => places[1] = Path::new(path.trim_matches('\'')).to_owned(),
                _ => {}
            }
        }
    }
    places.into()
}

fn one_line_format(text: &str) -> Vec<Archive> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    lines.filter_map(one_line).collect()
}

fn one_line(line: &str) -> Option<Archive> {
    let rest = line.trim().strip_prefix("deb")?;
    let rest = rest.strip_prefix("-src").unwrap_or(rest);
    let (options, rest) = match rest.trim_start().strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest.strip_prefix([' ', '\t'])?),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Archive {
        address: words.next()?,
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by: options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="))
            .map(str::to_owned),
    })
}

fn deb822_format(text: &str) -> Vec<Archive> {
    let mut archives = Vec::new();
    let mut stanza: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            archives.extend(stanza_archives(&std::mem::take(&mut stanza)));
        } else if line.starts_with([' ', '\t']) {
            if let Some(value) = stanza.get_mut(&last) {
                value.push('\n');
                value.push_str(line.trim_end());
            }
        } else if let Some((key, value)) = line.split_once(':') {
            last = key.to_ascii_lowercase();
            stanza.insert(last.clone(), value.trim().to_owned());
        }
    }
    archives
}

fn stanza_archives(stanza: &BTreeMap<String, String>) -> Vec<Archive> {
    let words = |key: &str| -> Vec<String> {
        stanza
            .get(key)
            .map(|value| value.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default()
    };
    if stanza
        .get("enabled")
        .is_some_and(|value| value.eq_ignore_ascii_case("no"))
    {
        return Vec::new();
    }
    let addresses = words("uris");
    addresses
        .into_iter()
        .map(|address| Archive {
            address,
            suites: words("suites"),
            components: words("components"),
            signed_by: stanza.get("signed-by").cloned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive {
        Archive {
            address: "http://mirror.example/debian".into(),
            suites: vec!["bookworm".into()],
            components: vec!["main".into()],
            signed_by: None,
        }
    }

    #[test]
    fn reads_one_line_sources() {
        let text = "# deb http://no.example x main\ndeb [arch=amd64 signed-by=/k.gpg] http://a.example/debian bookworm main contrib # c\n\
                    deb-src http://b.example/debian bookworm main\n";
        let archives = one_line_format(text);
        assert_eq!(archives.len(), 2);
        assert_eq!(archives[0].address, "http://a.example/debian");
        assert_eq!(archives[0].components, ["main", "contrib"]);
        assert_eq!(archives[0].signed_by.as_deref(), Some("/k.gpg"));
        assert_eq!(archives[1].address, "http://b.example/debian");
    }

    #[test]
    fn reads_deb822_sources_with_comments_inside_a_stanza() {
        let text = "Types: deb\n# a remark\nURIs: http://a.example/debian http://b.example/debian\nSuites: bookworm\n \
                    bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN\n .\n -----END\n\nEnabled: no\nURIs: http://c.example\n";
        let archives = deb822_format(text);
        assert_eq!(archives.len(), 2);
        assert_eq!(archives[1].address, "http://b.example/debian");
        assert_eq!(archives[1].suites, ["bookworm", "bookworm-updates"]);
        assert_eq!(
            archives[0].signed_by.as_deref(),
            Some("\n -----BEGIN\n .\n -----END")
        );
    }

    #[test]
    fn third_parties_are_not_the_distribution() {
        assert!(is_own(&archive(), "debian", Some("bookworm")));
        let elsewhere = Archive {
            address: "https://apt.example/tools".into(),
            ..archive()
        };
        assert!(!is_own(&elsewhere, "debian", Some("bookworm")));
        let security = Archive {
            suites: vec!["bookworm-security".into()],
            ..archive()
        };
        assert!(!is_own(&security, "debian", Some("bookworm")));
        let keyring = Some("/usr/share/keyrings/debian-archive-keyring.gpg".into());
        let mirror = Archive {
            address: "https://mirror.example/os".into(),
            signed_by: keyring,
            ..archive()
        };
        assert!(is_own(&mirror, "debian", Some("bookworm")));
    }
}
