//! The object database: a bare git repository that holds a port's sources and its applied series.
//!
//! Everything in it is named by its content, so commands may write to it at the same time and may be killed at any
//! moment. Commits have fixed ids: the committer is fixed and the dates are the author's.

pub mod command;
mod import;
mod work_tree;

pub use import::patterns;
pub use work_tree::beside;

use crate::error::{Context, Failure, Result};
use crate::files::remove_if_there;
use crate::lock::Lock;
use crate::port::Release;
use crate::workspace::Workspace;
use git2::{Commit, ObjectType, Oid, Repository, Signature, Time, Tree};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Mode of a file with execute permission, as git stores it.
pub const EXECUTABLE: i32 = 0o100_755;
/// Mode of a file without execute permission.
pub const REGULAR: i32 = 0o100_644;
/// Mode of a symbolic link.
pub const LINK: i32 = 0o120_000;

/// The name and address every commit is committed with.
const COMMITTER: (&str, &str) = ("Clinker", "series@clinker.invalid");

/// A port's object database.
pub struct Database {
    repository: Repository,
    folder: PathBuf,
    scratch: PathBuf,
}

/// A file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Blob with its content.
    pub id: Oid,
    /// One of [`EXECUTABLE`], [`REGULAR`] and [`LINK`].
    pub mode: i32,
}

/// What a commit says besides its tree and parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `Name <mail>` of who wrote it.
    pub author: String,
    /// The author's address.
    pub mail: String,
    /// When, in seconds since 1970.
    pub seconds: i64,
    /// Time zone of the author in minutes east of Greenwich.
    pub zone: i32,
    /// Subject, empty line, body.
    pub text: String,
}

impl Database {
    /// Opens the database of a port and makes an empty one if there is none.
    ///
    /// # Errors
    /// When it cannot be made or is not a git repository.
    pub fn open(workspace: &Workspace, port: &str) -> Result<Self> {
        ignore_user_settings();
        let folder = workspace.object_database(port);
        if !folder.is_dir() {
            Self::create(&folder)?;
        }
        let repository = Repository::open_bare(&folder).map_err(|error| {
            Failure::environment("the object database cannot be opened")
                .at(folder.display())
                .because(error.message())
                .next(format!(
                    "remove it with `rm -rf {}`; it is filled again from the sources and patches",
                    folder.display()
                ))
        })?;
        git2::Config::open(&folder.join("config"))
            .and_then(|config| repository.set_config(&config))
            .doing("read the settings of", &folder)?;
        let scratch = workspace.output().join("regen").join(port);
        Ok(Self {
            repository,
            folder,
            scratch,
        })
    }

    fn create(folder: &Path) -> Result<()> {
        let parent = folder.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).doing("make a folder", parent)?;
        let temporary = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(parent)
            .doing("make a folder in", parent)?;
        let mut options = git2::RepositoryInitOptions::new();
        options
            .bare(true)
            .external_template(false)
            .initial_head("main");
        let repository = Repository::init_opts(temporary.path(), &options)
            .doing("make a git repository", folder)?;
        // Trees and stacks may be reachable from nothing but a lock file or a marker.
        repository
            .config()
            .and_then(|mut config| config.set_i32("gc.auto", 0))
            .doing("configure the git repository", folder)?;
        drop(repository);
        let temporary = temporary.keep();
        match std::fs::rename(&temporary, folder) {
            // Another command was faster.
            Err(_) if folder.is_dir() => {
                std::fs::remove_dir_all(&temporary).doing("remove", &temporary)
            }
            renamed => renamed.doing("make the object database", folder),
        }
    }

    /// The repository itself, for what this module has no function for.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The work tree in which files are generated; nothing in it is anybody's.
    pub fn scratch(&self) -> PathBuf {
        self.scratch.clone()
    }

    /// Whether the tree and everything in it is here.
    pub fn has(&self, tree: Oid) -> bool {
        let Ok(database) = self.repository.odb() else {
            return false;
        };
        let Ok(tree) = self.repository.find_tree(tree) else {
            return false;
        };
        let mut complete = true;
        let walked = tree.walk(git2::TreeWalkMode::PreOrder, |_, entry| {
            complete = complete && database.exists(entry.id());
            if complete {
                git2::TreeWalkResult::Ok
            } else {
                git2::TreeWalkResult::Abort
            }
        });
        complete && walked.is_ok()
    }

    /// The root commit `CPython <version>` of a release, with a fixed id, kept by a ref.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn base(&self, release: &Release, tree: Oid) -> Result<Oid> {
        let message = Message {
            author: COMMITTER.0.into(),
            mail: COMMITTER.1.into(),
            seconds: 0,
            zone: 0,
            text: format!("CPython {}\n", release.version),
        };
        let commit = self.commit(&message, tree, None)?;
        self.keep(&format!("base/{}", release.version), commit)?;
        Ok(commit)
    }

    /// Makes a commit with a fixed id: the same message, tree and parent give the same commit.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn commit(&self, message: &Message, tree: Oid, parent: Option<Oid>) -> Result<Oid> {
        let time = Time::new(message.seconds, message.zone);
        let tree = self.tree(tree)?;
        let parent = parent.map(|id| self.find_commit(id)).transpose()?;
        Signature::new(&message.author, &message.mail, &time)
            .and_then(|author| {
                let committer = Signature::new(COMMITTER.0, COMMITTER.1, &time)?;
                let parents: Vec<&Commit> = parent.iter().collect();
                self.repository
                    .commit(None, &author, &committer, &message.text, &tree, &parents)
            })
            .map_err(|error| self.failed("make a commit", error))
    }

    /// When a commit was made, in seconds since 1970.
    ///
    /// # Errors
    /// When there is no such commit.
    pub fn date(&self, commit: Oid) -> Result<i64> {
        Ok(self.find_commit(commit)?.time().seconds())
    }

    /// Keeps an object from being collected, under `refs/clinker/<name>`.
    ///
    /// # Errors
    /// When the ref cannot be written.
    pub fn keep(&self, name: &str, object: Oid) -> Result<()> {
        let name = format!("refs/clinker/{name}");
        if self.repository.refname_to_id(&name).ok() == Some(object) {
            return Ok(());
        }
        self.refer(&name, object)
    }

    /// Makes the reference with this full name point to `object`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn refer(&self, name: &str, object: Oid) -> Result<()> {
        let _lock = Lock::take(&beside(&self.folder, "references.lock"))?;
        // Git's own lock is a file, which a command that was killed leaves behind. Ours is held: nobody works there.
        remove_if_there(&self.folder.join(format!("{name}.lock")))?;
        self.repository
            .reference(name, object, true, "")
            .map(drop)
            .map_err(|error| self.failed(&format!("write {name}"), error))
    }

    /// The object kept under `refs/clinker/<name>`.
    pub fn kept(&self, name: &str) -> Option<Oid> {
        self.repository
            .refname_to_id(&format!("refs/clinker/{name}"))
            .ok()
    }

    /// A tree.
    ///
    /// # Errors
    /// When it is not here.
    pub fn tree(&self, id: Oid) -> Result<Tree<'_>> {
        self.repository
            .find_tree(id)
            .map_err(|error| self.failed(&format!("read tree {id}"), error))
    }

    /// A commit.
    ///
    /// # Errors
    /// When it is not here.
    pub fn find_commit(&self, id: Oid) -> Result<Commit<'_>> {
        self.repository
            .find_commit(id)
            .map_err(|error| self.failed(&format!("read commit {id}"), error))
    }

    /// The content of a blob.
    ///
    /// # Errors
    /// When it is not here.
    pub fn blob(&self, id: Oid) -> Result<Vec<u8>> {
        self.repository
            .find_blob(id)
            .map(|blob| blob.content().to_owned())
            .map_err(|error| self.failed(&format!("read blob {id}"), error))
    }

    /// The file at `path` of a tree, if there is one.
    ///
    /// # Errors
    /// When the tree is not here.
    pub fn entry(&self, tree: Oid, path: &Path) -> Result<Option<Entry>> {
        match self.tree(tree)?.get_path(path) {
            Ok(entry) if entry.kind() == Some(ObjectType::Blob) => Ok(Some(Entry {
                id: entry.id(),
                mode: entry.filemode(),
            })),
            _ => Ok(None),
        }
    }

    /// All files of a tree by path, in order.
    ///
    /// # Errors
    /// When part of the tree is not here or a name is not UTF-8.
    pub fn files(&self, tree: Oid) -> Result<std::collections::BTreeMap<String, Entry>> {
        let mut files = std::collections::BTreeMap::new();
        let mut odd = None;
        self.tree(tree)?
            .walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
                if entry.kind() == Some(ObjectType::Blob) {
                    match entry.name() {
                        Ok(name) => {
                            let entry = Entry {
                                id: entry.id(),
                                mode: entry.filemode(),
                            };
                            files.insert(format!("{folder}{name}"), entry);
                        }
                        Err(_) => {
                            odd = Some(String::from_utf8_lossy(entry.name_bytes()).into_owned())
                        }
                    }
                }
                git2::TreeWalkResult::Ok
            })
            .map_err(|error| self.failed(&format!("read tree {tree}"), error))?;
        match odd {
            Some(name) => Err(
                Failure::environment(format!("the file name {name} is not UTF-8"))
                    .at(format!("tree {tree} of {}", self.folder.display())),
            ),
            None => Ok(files),
        }
    }

    /// A tree with some files changed: another entry, or none to remove the file.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn change(&self, tree: Oid, changes: &[(&Path, Option<Entry>)]) -> Result<Oid> {
        if changes.is_empty() {
            return Ok(tree);
        }
        let base = self.tree(tree)?;
        let mut update = git2::build::TreeUpdateBuilder::new();
        for (path, entry) in changes {
            match entry {
                Some(entry) => {
                    let mode = match entry.mode {
                        EXECUTABLE => git2::FileMode::BlobExecutable,
                        LINK => git2::FileMode::Link,
                        _ => git2::FileMode::Blob,
                    };
                    update.upsert(path.as_os_str().as_encoded_bytes(), entry.id, mode);
                }
                None if base.get_path(path).is_ok() => {
                    update.remove(path.as_os_str().as_encoded_bytes());
                }
                None => {}
            }
        }
        update
            .create_updated(&self.repository, &base)
            .map_err(|error| self.failed("store a tree", error))
    }

    /// Whether a file that `matters` differs between two trees.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn differ(&self, old: Oid, new: Oid, matters: impl Fn(&Path) -> bool) -> Result<bool> {
        let diff = self
            .repository
            .diff_tree_to_tree(Some(&self.tree(old)?), Some(&self.tree(new)?), None)
            .map_err(|error| self.failed("compare trees", error))?;
        Ok(diff.deltas().any(|delta| {
            let files = [delta.old_file(), delta.new_file()];
            files.iter().filter_map(git2::DiffFile::path).any(&matters)
        }))
    }

    /// The failure of something done with the database.
    pub fn failed(&self, what: &str, error: impl Display) -> Failure {
        let cause = error.to_string();
        let failure = Failure::environment(format!("cannot {what}")).at(self.folder.display());
        if cause.contains("No space left") || cause.contains("os error 28") {
            return failure
                .because(cause)
                .next("free some space on its disk and run the same command again");
        }
        failure.because(cause).next(format!(
            "run the same command again; if that does not help, `rm -rf {}` has it filled anew",
            self.folder.display()
        ))
    }
}

/// Keeps settings and attributes of the user and the machine out of what libgit2 does: the same series has to give the
/// same patch files everywhere.
fn ignore_user_settings() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for level in [
            git2::ConfigLevel::System,
            git2::ConfigLevel::XDG,
            git2::ConfigLevel::Global,
            git2::ConfigLevel::ProgramData,
        ] {
            // SAFETY: libgit2 wants no other thread to change its options at the same time; only this `Once` does.
            // A level that a platform does not know has no settings either.
            let _ = unsafe { git2::opts::set_search_path(level, "") };
        }
    });
}
