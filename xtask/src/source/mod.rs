//! Brings the verified tree of a release into the object database, from the first origin that has it.
//!
//! Whatever the origin, the files end in the tree that the port records; anything else is an integrity error, never a
//! warning, and no further origin is asked. The one exception is the cache: a broken file in it is passed over, and replaced
//! by what another origin has; when none has it, the broken file is the integrity error. An origin that cannot be had is
//! passed over with one line that says why.

mod apt;
mod cache;
mod distribution;
mod download;
mod tag;
mod unpack;

use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::git::Database;
use crate::lock::Lock;
use crate::port::{Port, Release};
use crate::ui;
use crate::workspace::Workspace;
use cache::Cache;
use git2::Oid;
use std::path::Path;
pub use unpack::{hexadecimal, sha256 as file_sha256, tarball as unpack_tarball};

/// A release whose tree is in the object database.
#[derive(Debug, Clone)]
pub struct Obtained {
    /// The release.
    pub release: Release,
    /// Its tree, as the port records it.
    pub tree: Oid,
    /// Where it was found.
    pub origin: String,
    /// What was asked before, and why it did not have it.
    pub passed_over: Vec<(String, String)>,
}

/// What an origin answered.
enum Answer<T> {
    /// What was asked for.
    Have(T),
    /// It cannot be had there, and why.
    Lacks(String),
    /// What is there does not have the recorded hash, but may be replaced; what is wrong with it.
    Broken(String),
}

/// Brings the newest release that can be had, or the one that was asked for, into the object database.
///
/// # Errors
/// When no origin has it, or an origin has something else under its name (integrity).
pub fn obtain(workspace: &Workspace, port: &Port, options: &SourceOptions) -> Result<Obtained> {
    let wanted: Vec<&Release> = match &options.release {
        Some(version) => vec![port.release(version)?],
        None => port.releases.iter().collect(),
    };
    let database = Database::open(workspace, &port.name)?;
    if let Some(source) = &options.source {
        return given(workspace, port, &database, source, &wanted);
    }
    let mut search = Search {
        workspace,
        port,
        database: &database,
        offline: options.offline,
        passed_over: Vec::new(),
        broken: false,
    };
    for release in &wanted {
        if let Some((tree, origin)) = search.release(release)? {
            return Ok(Obtained {
                release: (*release).clone(),
                tree,
                origin,
                passed_over: search.passed_over,
            });
        }
    }
    Err(search.nothing(&wanted))
}

/// The search through all origins.
struct Search<'a> {
    workspace: &'a Workspace,
    port: &'a Port,
    database: &'a Database,
    offline: bool,
    passed_over: Vec<(String, String)>,
    /// Whether one of these has something else than what is recorded.
    broken: bool,
}

impl Search<'_> {
    fn release(&mut self, release: &Release) -> Result<Option<(Oid, String)>> {
        let tree = recorded_tree(release)?;
        if self.database.has(tree) {
            return Ok(Some((tree, "object database".into())));
        }
        let cache = Cache::open(self.workspace, release);
        let name = format!("{} from the cache", release.version);
        if let Some(tarball) = self.answer(name, cache.look()?) {
            return self.tarball(release, &tarball, "cache".into()).map(Some);
        }
        if self.offline {
            self.pass_over(
                format!("{} from the network", release.version),
                "--offline was given".into(),
            );
            return Ok(None);
        }
        let _lock = Lock::take(&cache.lock())?;
        if let Some(address) = &release.tarball {
            let name = format!("{} from {address}", release.version);
            if let Some(tarball) = self.answer(name, download::fetch(address, release, &cache)?) {
                return self.tarball(release, &tarball, address.clone()).map(Some);
            }
        }
        if let Some(origin) = &release.git {
            let name = format!("tag {} of {}", origin.tag, origin.remote);
            let unpacked = unpack::temporary(self.workspace)?;
            let answer = tag::fetch(origin, unpacked.path())?;
            if let Some(files) = self.answer(name.clone(), answer) {
                return self.folder(release, &files, name).map(Some);
            }
        }
        if let Some(origin) = &release.distribution {
            let name = format!(
                "source package {} {} of {}",
                origin.package, origin.version, origin.suite
            );
            let answer = distribution::fetch(self.workspace, origin, release, &cache)?;
            if let Some(tarball) = self.answer(name.clone(), answer) {
                return self.tarball(release, &tarball, name).map(Some);
            }
        }
        Ok(None)
    }

    fn tarball(&self, release: &Release, tarball: &Path, origin: String) -> Result<(Oid, String)> {
        let unpacked = unpack::temporary(self.workspace)?;
        unpack::tarball(tarball, unpacked.path())?;
        self.folder(release, unpacked.path(), origin)
    }

    fn folder(&self, release: &Release, folder: &Path, origin: String) -> Result<(Oid, String)> {
        let tree = import(self.port, self.database, folder)?;
        check_tree(self.database, release, tree, &origin)?;
        ui::say(
            "Obtained",
            format_args!("CPython {} from {origin}", release.version),
        );
        Ok((tree, origin))
    }

    fn answer<T>(&mut self, origin: String, answer: Answer<T>) -> Option<T> {
        match answer {
            Answer::Have(found) => Some(found),
            Answer::Lacks(why) => {
                self.pass_over(origin, why);
                None
            }
            Answer::Broken(why) => {
                self.broken = true;
                self.pass_over(origin, why);
                None
            }
        }
    }

    fn pass_over(&mut self, origin: String, why: String) {
        ui::say("Passed over", format_args!("{origin}: {why}"));
        self.passed_over.push((origin, why));
    }

    fn nothing(&self, wanted: &[&Release]) -> Failure {
        let versions: Vec<_> = wanted
            .iter()
            .map(|release| release.version.as_str())
            .collect();
        let what = format!(
            "no origin has the sources of CPython {}",
            versions.join(" or ")
        );
        let mut failure = if self.broken {
            Failure::integrity(what)
        } else {
            Failure::environment(what)
        };
        for (origin, why) in &self.passed_over {
            failure = failure.because(format!("{origin}: {why}"));
        }
        for release in wanted.iter().take(1) {
            let file = Cache::open(self.workspace, release).file();
            failure = failure.next(match &release.tarball {
                Some(address) => {
                    format!("bring {address} here by other means, as {}", file.display())
                }
                None => format!("bring the release's tarball here, as {}", file.display()),
            });
        }
        failure.next("name a tarball or an unpacked one: `cargo xtask fetch --source PATH`")
    }
}

/// Takes the sources the user gave; they have to be those of one of the `wanted` releases.
fn given(
    workspace: &Workspace,
    port: &Port,
    database: &Database,
    source: &Path,
    wanted: &[&Release],
) -> Result<Obtained> {
    let versions: Vec<_> = wanted
        .iter()
        .map(|release| release.version.as_str())
        .collect();
    let versions = versions.join(", ");
    let obtained = |release: &Release, tree| Obtained {
        release: release.clone(),
        tree,
        origin: source.display().to_string(),
        passed_over: Vec::new(),
    };
    if source.is_dir() {
        let tree = import(port, database, source)?;
        for release in wanted {
            if recorded_tree(release)? == tree {
                return Ok(obtained(release, tree));
            }
        }
        let mut failure = Failure::integrity(format!("the folder is not CPython {versions}"))
            .at(source.display())
            .because(format!("its files make tree {tree}"));
        for release in wanted {
            failure = failure.because(format!("{} is tree {}", release.version, release.tree));
            for line in difference(database, recorded_tree(release)?, tree) {
                failure = failure.because(line);
            }
        }
        return Err(failure.next("give an unpacked release without build products or changes"));
    }
    let sum = unpack::sha256(source)?;
    let Some(release) = wanted.iter().find(|release| release.sha256 == sum) else {
        let mut failure =
            Failure::integrity(format!("the file is not the tarball of CPython {versions}"))
                .at(source.display())
                .because(format!("its SHA-256 is {sum}"));
        for release in wanted {
            failure = failure.because(format!("{} has {}", release.version, release.sha256));
        }
        return Err(failure.next("download the .tar.xz of the release again"));
    };
    let unpacked = unpack::temporary(workspace)?;
    unpack::tarball(source, unpacked.path())?;
    let tree = import(port, database, unpacked.path())?;
    check_tree(database, release, tree, &source.display().to_string())?;
    Ok(obtained(release, tree))
}

fn import(port: &Port, database: &Database, folder: &Path) -> Result<Oid> {
    let step = ui::Step::new("Importing", "the source tree");
    let tree = database.import(folder, &port.normalize)?;
    step.done();
    Ok(tree)
}

fn recorded_tree(release: &Release) -> Result<Oid> {
    Oid::from_str(&release.tree).map_err(|error| {
        Failure::environment(format!(
            "tree of release {} is not a git id",
            release.version
        ))
        .because(error)
    })
}

fn check_tree(database: &Database, release: &Release, tree: Oid, origin: &str) -> Result<()> {
    let recorded = recorded_tree(release)?;
    if tree == recorded {
        return Ok(());
    }
    let mut failure = Failure::integrity(format!(
        "the sources are not those of CPython {}",
        release.version
    ))
    .at(origin)
    .because(format!(
        "their git tree is {tree}, the port records {recorded}"
    ));
    for line in difference(database, recorded, tree) {
        failure = failure.because(line);
    }
    Err(failure.next("if the port was just written: check `tree` and `normalize` in its port.toml"))
}

/// Which files differ, when both trees are at hand.
fn difference(database: &Database, recorded: Oid, found: Oid) -> Vec<String> {
    const SHOWN: usize = 5;
    if !database.has(recorded) {
        return Vec::new();
    }
    let (Ok(recorded), Ok(found)) = (database.files(recorded), database.files(found)) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for (path, entry) in &recorded {
        match found.get(path) {
            None => lines.push(format!("{path} is missing")),
            Some(other) if other != entry => lines.push(format!("{path} differs")),
            Some(_) => {}
        }
    }
    let added = found.keys().filter(|path| !recorded.contains_key(*path));
    lines.extend(added.map(|path| format!("{path} is not in the release")));
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more files"));
    }
    lines
}
