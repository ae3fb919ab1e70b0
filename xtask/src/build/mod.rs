//! Builds and installs a CPython: with the series and the archive, or pristine.
//!
//! A build has an identity (see [`identity`]); the installed interpreter records it, last of all. When the identity is
//! the same there is nothing to do; else make compiles what differs. Killed at any moment, the next run finishes it.

pub mod archive;
mod cpython;
pub mod extension;
pub mod identity;
pub mod logged;
pub mod machine;

use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::files::remove_if_there;
use crate::git::Database;
use crate::lock::Lock;
use crate::port::{Port, Release, Variables};
use crate::series::{self, Series};
use crate::source;
use crate::ui;
use crate::workspace::Workspace;
use cpython::{CPython, Install};
use git2::Oid;
use identity::{ArchiveIdentity, Configuration, Identity};
use logged::Log;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What to build.
#[derive(Debug, Clone)]
pub struct Request {
    /// Release, and where its sources come from.
    pub source: SourceOptions,
    /// Name of the build profile.
    pub profile: String,
    /// Without the series and the archive.
    pub pristine: bool,
    /// How many jobs make runs at once; none: one for each core.
    pub jobs: Option<usize>,
    /// Which patches.
    pub patches: Patches,
}

/// Which patches of the series are built.
#[derive(Debug, Clone)]
pub enum Patches {
    /// All of them.
    All,
    /// Those up to this one, without the archive and in folders of their own.
    Through(String),
    /// These, in the order of the series; also without the archive and in folders of their own.
    Only(Vec<String>),
}

impl Patches {
    /// What the names of folders end with.
    fn mark(&self) -> &'static str {
        match self {
            Self::All => "",
            Self::Through(_) => "-each",
            Self::Only(_) => "-topic",
        }
    }
}

/// An installed interpreter.
#[derive(Debug, Clone)]
pub struct Built {
    /// Its release.
    pub release: Release,
    /// Its executable.
    pub python: PathBuf,
    /// The folder it is installed in.
    pub prefix: PathBuf,
    /// The sources it was compiled from.
    pub source_tree: PathBuf,
    /// Its objects.
    pub build_tree: PathBuf,
    /// Hash of all it is made of.
    pub key: String,
    /// Optional modules that it lacks, because a library is missing on this machine.
    pub missing_modules: Vec<String>,
    /// Variables that programs which run it need: those of its profile.
    pub environment: Variables,
}

/// What an installed interpreter records of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Hash of `identity`.
    pub key: String,
    /// What it is made of.
    pub identity: Identity,
    /// Optional modules that it lacks.
    pub missing_modules: Vec<String>,
}

impl Record {
    /// The file of a prefix that holds its record.
    pub fn file(prefix: &Path) -> PathBuf {
        prefix.join("clinker.json")
    }

    /// The record of a prefix that was installed to its end.
    pub fn of(prefix: &Path) -> Option<Self> {
        identity::read(&Self::file(prefix))
    }
}

/// What is to be built, and where.
struct Subject {
    port: Port,
    release: Release,
    database: Database,
    /// Date of the last patch.
    date: i64,
    tree: Oid,
    source_tree: PathBuf,
    build_tree: PathBuf,
    prefix: PathBuf,
    /// The profile, marked if the build is of a part of the series.
    label: String,
    /// The package that is linked in.
    archive: Option<String>,
}

impl Subject {
    fn of(workspace: &Workspace, request: &Request) -> Result<Self> {
        machine::require_tools()?;
        let port = Port::load(workspace, &request.source.port)?;
        let obtained = source::obtain(workspace, &port, &request.source)?;
        let release = obtained.release;
        let database = Database::open(workspace, &port.name)?;
        let (tree, date) = tree_to_build(
            workspace,
            &port,
            &database,
            &release,
            obtained.tree,
            request,
        )?;
        let mark = request.patches.mark();
        let label = format!("{}{mark}", request.profile);
        // Sources that other builds do not have would make make compile those again.
        let own = match port.profile(&request.profile)?.patches {
            Some(_) if !request.pristine => format!("-{label}"),
            _ => mark.to_owned(),
        };
        let prefix = workspace.prefix(&release.version, &label, request.pristine);
        let linked = !request.pristine
            && matches!(request.patches, Patches::All)
            && port.profile(&request.profile)?.archive;
        let archive = port.archive.clone().filter(|_| linked);
        Ok(Self {
            source_tree: workspace
                .source_tree(&format!("{}{own}", release.version), request.pristine),
            build_tree: workspace.build_tree(&release.version, &label, request.pristine),
            port,
            release,
            database,
            date,
            tree,
            prefix,
            label,
            archive,
        })
    }

    /// What the build is made of at this moment: the archive's sources can be edited at any time.
    fn identity(&self, workspace: &Workspace, request: &Request) -> Result<Identity> {
        let mut arguments = vec![format!("--prefix={}", self.prefix.display())];
        let profile = self.port.profile(&request.profile)?;
        let compiler = match &profile.compiler {
            Some(name) => {
                arguments.push(format!("CC={name}"));
                machine::named_compiler(name)?
            }
            None => machine::compiler()?,
        };
        arguments.extend(profile.configure.iter().cloned());
        if self.archive.is_some() {
            arguments.extend(profile.with_archive.iter().cloned());
        }
        let script = configure_script(&self.database, self.tree)?;
        Ok(Identity {
            release: self.release.version.clone(),
            tree: self.tree.to_string(),
            configuration: Configuration::here(compiler, arguments, script)?,
            archive: self
                .archive
                .as_deref()
                .map(|package| ArchiveIdentity::here(workspace, package))
                .transpose()?,
        })
    }
}

/// The key that a build of what is asked for has, or would have.
///
/// # Errors
/// When the sources cannot be had, the series does not apply or a tool is missing.
pub fn key(workspace: &Workspace, request: &Request) -> Result<String> {
    Subject::of(workspace, request)?
        .identity(workspace, request)?
        .key()
}

/// Builds and installs what is asked for, unless it is there already.
///
/// # Errors
/// When the sources cannot be had, the series does not apply, a tool is missing or a step of the build fails.
pub fn build(workspace: &Workspace, request: &Request) -> Result<Built> {
    let subject = Subject::of(workspace, request)?;
    let Subject {
        release,
        database,
        tree,
        source_tree,
        build_tree,
        prefix,
        ..
    } = &subject;
    let _source_lock = Lock::take(&with_suffix(source_tree, ".in-use.lock"))?;
    let _lock = Lock::take(&with_suffix(build_tree, ".lock"))?;
    let identity = subject.identity(workspace, request)?;
    let key = identity.key()?;
    let old = Record::of(prefix);
    let profile = subject.port.profile(&request.profile)?;
    let environment = profile.environment(source_tree);
    let cpython = CPython {
        repository: workspace.root(),
        source_tree,
        build_tree,
        prefix,
        environment: &environment,
        date: subject.date,
        jobs: request.jobs.unwrap_or_else(cores),
    };
    let built = |missing_modules| Built {
        release: release.clone(),
        python: cpython::python(prefix),
        prefix: prefix.clone(),
        source_tree: source_tree.clone(),
        build_tree: build_tree.clone(),
        key: key.clone(),
        missing_modules,
        environment: environment.clone(),
    };
    if let Some(old) = old
        .as_ref()
        .filter(|old| old.key == key && cpython::python(prefix).exists())
    {
        // The work tree is shared by all profiles and may hold another tree, or a user's edits, which are not built.
        database.materialize(*tree, source_tree)?;
        ui::say("Up to date", prefix.display());
        return Ok(built(old.missing_modules.clone()));
    }

    let suffix = if request.pristine { "-pristine" } else { "" };
    let log = workspace.log(&format!(
        "build-{}-{}{suffix}",
        release.version, subject.label
    ));
    let mut log = Log::start(log)?;
    database.materialize(*tree, source_tree)?;
    cpython.configure(&identity, &mut log)?;
    // The record goes first and comes back last: without it the prefix counts as unfinished.
    let record = Record::file(prefix);
    remove_if_there(&record)?;
    if let Some(package) = &subject.archive {
        let trees = archive::Trees {
            workspace,
            source: source_tree,
            build: build_tree,
        };
        trees.build(package, &mut log)?;
    }
    cpython.make(&mut log)?;
    let extent = old.map_or(Ok(Install::Everything), |old| {
        extent(database, &old.identity, &identity)
    })?;
    cpython.install(extent, &mut log)?;
    let missing_modules = cpython.missing_modules()?;
    report_missing(&missing_modules);
    identity::write(
        &record,
        &Record {
            key: key.clone(),
            identity,
            missing_modules: missing_modules.clone(),
        },
    )?;
    Ok(built(missing_modules))
}

/// The tree that is compiled, and the date of the last patch in it.
fn tree_to_build(
    workspace: &Workspace,
    port: &Port,
    database: &Database,
    release: &Release,
    base: Oid,
    request: &Request,
) -> Result<(Oid, i64)> {
    if request.pristine {
        return Ok((base, 0));
    }
    let mut series = Series::load(workspace, port)?;
    let through = match &request.patches {
        Patches::All => None,
        Patches::Through(slug) => Some(slug.as_str()),
        Patches::Only(slugs) => {
            let wanted = series.patches().iter();
            let wanted = wanted.filter(|patch| slugs.contains(&patch.slug));
            let wanted = wanted.cloned().collect();
            series = Series::new(series.folder(), series.list().clone(), wanted);
            slugs.last().map(String::as_str)
        }
    };
    let mut stack = series::apply(database, port, release, base, &series, through)?;
    if let Some(folder) = &port.profile(&request.profile)?.patches {
        let more = Series::read(workspace.root().join(folder))?;
        let last = more.list().slugs().last().copied();
        stack = series::apply(database, port, release, stack.tip_tree(), &more, last)?;
    }
    Ok((stack.tip_tree(), database.date(stack.tip())?))
}

fn configure_script(database: &Database, tree: Oid) -> Result<String> {
    let entry = database.entry(tree, Path::new("configure"))?;
    entry.map(|entry| entry.id.to_string()).ok_or_else(|| {
        Failure::environment("the sources have no configure script")
            .at(format!("tree {tree}"))
            .next("a port's releases must be CPython source trees")
    })
}

/// How much has to be installed when `old` becomes `new`.
fn extent(database: &Database, old: &Identity, new: &Identity) -> Result<Install> {
    if old.release != new.release || old.configuration != new.configuration {
        return Ok(Install::Everything);
    }
    if old.tree == new.tree {
        return Ok(Install::Binary);
    }
    let Some(before) = Oid::from_str(&old.tree)
        .ok()
        .filter(|tree| database.has(*tree))
    else {
        return Ok(Install::Everything);
    };
    let after = Oid::from_str(&new.tree).map_err(|error| database.failed("read a tree", error))?;
    let (before, after) = (database.files(before)?, database.files(after)?);
    let differs = |path: &&String| before.get(*path) != after.get(*path);
    let compiled = [
        "Include/",
        "Modules/",
        "Objects/",
        "Parser/",
        "Programs/",
        "Python/",
        "Doc/",
        "Misc/NEWS.d/",
    ];
    let only_compiled = before
        .keys()
        .chain(after.keys())
        .filter(differs)
        .all(|path| compiled.iter().any(|folder| path.starts_with(folder)));
    Ok(if only_compiled {
        Install::Compiled
    } else {
        Install::Everything
    })
}

/// Says which optional modules are missing and how to get them.
pub fn report_missing(modules: &[String]) {
    let libraries = machine::libraries_of(modules);
    if modules.is_empty() {
        return;
    }
    ui::warn(format_args!(
        "optional modules that were not built: {}",
        modules.join(", ")
    ));
    if !libraries.is_empty() {
        ui::say("To get them", machine::install_command(&[], &libraries));
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn with_suffix(folder: &Path, suffix: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
