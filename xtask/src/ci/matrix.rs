//! Reads `ci/matrix.toml` and expands it into rows. Unknown keys, names and commands are errors.

use crate::commands;
use crate::error::{Context, Failure, Result};
use crate::port::Port;
use crate::workspace::Workspace;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What `ci/matrix.toml` says, with every row expanded.
#[derive(Debug)]
pub struct Matrix {
    /// The hosted machine's label.
    pub runner: String,
    rows: Vec<(Option<String>, Row)>,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name, which `cargo xtask ci run` takes: `<suite>-<release>-<profile>`.
    pub job: String,
    /// Port of the release.
    pub port: String,
    /// CPython release.
    pub release: String,
    /// Build profile.
    pub profile: String,
    /// What it does.
    pub suite: String,
    /// Hosted machine.
    pub runner: String,
    /// After how many minutes a hosted machine gives up.
    pub minutes: u32,
    /// Command lines of xtask.
    #[serde(skip)]
    pub steps: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    runner: String,
    suite: BTreeMap<String, Suite>,
    rows: Vec<Rows>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Suite {
    #[serde(rename = "about")]
    _about: String,
    minutes: u32,
    steps: Vec<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Rows {
    label: Option<String>,
    ports: Vec<String>,
    releases: Choice,
    profiles: Choice,
    suites: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Choice {
    Word(String),
    List(Vec<String>),
}

impl Matrix {
    /// Where the matrix is described.
    pub fn file(workspace: &Workspace) -> PathBuf {
        workspace.root().join("ci").join("matrix.toml")
    }

    /// Reads and expands the matrix.
    ///
    /// # Errors
    /// When the file is not valid or names a port, release, profile, suite or command that does not exist.
    pub fn load(workspace: &Workspace) -> Result<Self> {
        let path = Self::file(workspace);
        let text = std::fs::read_to_string(&path).doing("read the CI matrix", &path)?;
        let invalid = |why: String| {
            Failure::environment("the CI matrix is not valid")
                .at(path.display())
                .because(why)
                .next("correct the file; its comments describe every key")
        };
        let file: File = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let mut rows = Vec::new();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for set in &file.rows {
            if let Some(label) = set.label.as_deref().filter(|label| !is_label(label)) {
                return Err(invalid(format!(
                    "the label {label:?} is not made of a-z, 0-9 and -"
                )));
            }
            for name in &set.ports {
                let port = Port::load(workspace, name)?;
                for row in expand(&file, set, &port).map_err(invalid)? {
                    match seen.get(&row.job) {
                        Some(other) if *other != row.port => {
                            return Err(invalid(format!(
                                "ports {other} and {} both have a job called {}",
                                row.port, row.job
                            )));
                        }
                        _ => seen.insert(row.job.clone(), row.port.clone()),
                    };
                    rows.push((set.label.clone(), row));
                }
            }
        }
        Ok(Self {
            runner: file.runner,
            rows,
        })
    }

    /// All labels that widen the default set, in order.
    pub fn labels(&self) -> BTreeSet<&str> {
        self.rows
            .iter()
            .filter_map(|(label, _)| label.as_deref())
            .collect()
    }

    /// The default rows and those of `labels`, each job once.
    ///
    /// # Errors
    /// When a label is not in the matrix.
    pub fn select(&self, labels: &[String]) -> Result<Vec<&Row>> {
        let known = self.labels();
        if let Some(label) = labels.iter().find(|label| !known.contains(label.as_str())) {
            let known: Vec<_> = known.into_iter().collect();
            return Err(
                Failure::environment(format!("the CI matrix has no label {label}"))
                    .next(format!("use one of: {}", known.join(", "))),
            );
        }
        Ok(self.unique(|label| label.is_none_or(|label| labels.iter().any(|l| l == label))))
    }

    /// Every row, whatever its label.
    pub fn all(&self) -> Vec<&Row> {
        self.unique(|_| true)
    }

    /// The row called `job`.
    ///
    /// # Errors
    /// When there is none.
    pub fn row(&self, job: &str) -> Result<&Row> {
        let all = self.all();
        all.iter()
            .find(|row| row.job == job)
            .copied()
            .ok_or_else(|| {
                let known: Vec<_> = all.iter().map(|row| row.job.as_str()).collect();
                Failure::environment(format!("the CI matrix has no job {job}"))
                    .next(format!("use one of: {}", known.join(", ")))
            })
    }

    fn unique(&self, keep: impl Fn(Option<&str>) -> bool) -> Vec<&Row> {
        let mut seen = BTreeSet::new();
        self.rows
            .iter()
            .filter(|(label, _)| keep(label.as_deref()))
            .map(|(_, row)| row)
            .filter(|row| seen.insert(row.job.as_str()))
            .collect()
    }
}

/// Whether a hosted runner and its shell take the text as it is.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn expand(file: &File, set: &Rows, port: &Port) -> Result<Vec<Row>, String> {
    let versions: Vec<&str> = port.releases.iter().map(|r| r.version.as_str()).collect();
    let profiles: Vec<&str> = port.profiles.keys().map(String::as_str).collect();
    let releases = match &set.releases {
        Choice::Word(word) if word == "newest" => vec![versions[0]],
        choice => choose(choice, &versions, "release", &port.name)?,
    };
    let profiles = choose(&set.profiles, &profiles, "profile", &port.name)?;
    let mut rows = Vec::new();
    for name in &set.suites {
        let suite = file
            .suite
            .get(name)
            .ok_or_else(|| format!("there is no suite called {name}"))?;
        for release in &releases {
            for profile in &profiles {
                rows.push(Row {
                    job: format!("{name}-{release}-{profile}"),
                    port: port.name.clone(),
                    release: (*release).to_owned(),
                    profile: (*profile).to_owned(),
                    suite: name.clone(),
                    runner: file.runner.clone(),
                    minutes: suite.minutes,
                    steps: steps(name, suite, &port.name, release, profile)?,
                });
            }
        }
    }
    Ok(rows)
}

fn choose<'a>(
    choice: &'a Choice,
    known: &[&'a str],
    what: &str,
    port: &str,
) -> Result<Vec<&'a str>, String> {
    match choice {
        Choice::Word(word) if word == "all" => Ok(known.to_vec()),
        Choice::Word(word) => Err(format!(
            "`{what}s` is {word:?}; it can be a list or a word that the file's comments name"
        )),
        Choice::List(names) => {
            if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
                return Err(format!(
                    "port {port} has no {what} {name}, only {}",
                    known.join(", ")
                ));
            }
            Ok(names.iter().map(String::as_str).collect())
        }
    }
}

fn steps(
    name: &str,
    suite: &Suite,
    port: &str,
    release: &str,
    profile: &str,
) -> Result<Vec<Vec<String>>, String> {
    let fill = |word: &String| {
        word.replace("{port}", port)
            .replace("{release}", release)
            .replace("{profile}", profile)
    };
    suite
        .steps
        .iter()
        .map(|step| {
            let step: Vec<String> = step.iter().map(fill).collect();
            commands::accepts(&step).map_err(|why| {
                format!(
                    "suite {name} has a step that xtask does not understand: {}\n{why}",
                    step.join(" ")
                )
            })?;
            Ok(step)
        })
        .collect()
}
