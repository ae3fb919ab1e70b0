//! A session of editing: what the git work tree a person edits in holds, and which patches wait to go on top of it.
//!
//! It is recorded in `target/clinker/edit/<port>.json`, so that every command can be killed and run again.

use crate::error::{Context, Failure, Result};
use crate::files::write_atomically;
use crate::git::command::{git, output, run};
use crate::git::{Database, beside};
use crate::lock::Lock;
use crate::workspace::Workspace;
use git2::{Oid, RepositoryState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A patch and its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Name of the patch; none for one that has none yet.
    pub slug: Option<String>,
    /// Its commit, on top of what it was made on.
    pub commit: String,
}

/// What is recorded of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Arguments of the command that began it.
    pub command: String,
    /// Release the patches are edited on.
    pub release: String,
    /// Commit of that release.
    pub base: String,
    /// Patches in the work tree when it was handed over.
    pub known: Vec<Member>,
    /// The patch whose conflict the work tree shows.
    pub conflict: Option<Member>,
    /// Patches that go on top of what is in the work tree.
    pub rest: Vec<Member>,
    /// Patches left out on purpose.
    pub dropped: Vec<String>,
    /// SHA-256 of the series' files when it began.
    pub files: BTreeMap<String, String>,
    /// SHA-256 of the files that are being written.
    pub pending: BTreeMap<String, String>,
}

/// The place of a port's session.
pub struct Place {
    file: PathBuf,
    folder: PathBuf,
    _lock: Lock,
}

impl Place {
    /// Takes the place; waits while another command has it.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub fn take(workspace: &Workspace, port: &str) -> Result<Self> {
        let folder = workspace.output().join("edit");
        Ok(Self {
            _lock: Lock::take(&folder.join(format!("{port}.lock")))?,
            file: folder.join(format!("{port}.json")),
            folder,
        })
    }

    /// The session, if there is one.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn session(&self) -> Result<Option<Session>> {
        if !self.file.exists() {
            return Ok(None);
        }
        let bytes = std::fs::read(&self.file).doing("read", &self.file)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Failure::environment("the record of the editing session is not valid")
                .at(self.file.display())
                .because(error)
                .next(format!(
                    "save what you edited in {}, then remove that file",
                    self.folder.display()
                ))
        })
    }

    /// Records a session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn record(&self, session: &Session) -> Result<()> {
        let text = serde_json::to_vec_pretty(session).doing("write", &self.file)?;
        write_atomically(&self.file, &text)
    }

    /// Ends the session. The work tree stays, for the next one.
    ///
    /// # Errors
    /// When the record cannot be removed.
    pub fn end(&self) -> Result<()> {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing("remove", &self.file)
            }
            _ => Ok(()),
        }
    }

    /// The work tree for a release.
    pub fn tree(&self, release: &str) -> EditTree {
        EditTree {
            folder: self.folder.join(release),
        }
    }
}

/// How long git goes on at most when the command is killed that has started it.
const GIT_ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A git work tree that a person edits in.
pub struct EditTree {
    folder: PathBuf,
}

impl EditTree {
    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the work tree, or moves it to `commit`. Edits that nobody recorded are kept in the database.
    ///
    /// # Errors
    /// When git fails, or something else is in its place.
    pub fn place(&self, db: &Database, commit: Oid) -> Result<()> {
        let commit = commit.to_string();
        let making = beside(&self.folder, "making");
        if self.is_tree() && !making.exists() {
            if !self.edits()?.is_empty()
                && let Some(kept) = self.save(db, None)?
            {
                crate::ui::warn(format_args!(
                    "{} had edits that belonged to no patch; they are in the object database as commit {kept}",
                    self.folder.display()
                ));
            }
            return self.move_to(&commit);
        }
        if self.folder.exists() && !making.exists() {
            return Err(Failure::person(
                "the place for the work tree is taken by something that is none",
            )
            .at(self.folder.display())
            .because("it is not a git work tree of the object database, but it may hold edits")
            .next(format!(
                "look at it, then move or remove it: `mv {0} {0}.old`",
                self.folder.display()
            )));
        }
        let was_killed = making.exists();
        write_atomically(&making, b"")?;
        write_atomically(
            &db.folder().join("info").join("exclude"),
            b"__pycache__/\n*.o\n*.orig\n*.rej\n*.swp\n*~\n",
        )?;
        let step =
            crate::ui::Step::new("Making", format!("the work tree {}", self.folder.display()));
        let start = Instant::now();
        while let Err(failure) = self.make(db, &commit) {
            // The git of a command that was killed may still be making it.
            if !was_killed || start.elapsed() > GIT_ENDS_WITHIN {
                return Err(failure);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        std::fs::remove_file(&making).doing("remove", &making)?;
        step.done();
        Ok(())
    }

    /// Makes it, in place of what a command left that was killed before it had made all of it.
    fn make(&self, db: &Database, commit: &str) -> Result<()> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).doing("remove", &self.folder)?;
        }
        // Git does not get over what it has begun to record itself.
        let record = self.folder.file_name().unwrap_or_default();
        let record = db.folder().join("worktrees").join(record);
        let is_empty =
            |name| std::fs::metadata(record.join(name)).is_ok_and(|file| file.len() == 0);
        if is_empty("commondir") || is_empty("gitdir") {
            std::fs::remove_dir_all(&record).doing("remove", &record)?;
        }
        run(git(db.folder())?.args(["worktree", "prune"]))?;
        run(git(db.folder())?
            // Twice: a work tree that was being made when its command was killed is locked.
            .args([
                "worktree", "add", "--quiet", "--detach", "--force", "--force",
            ])
            .arg(&self.folder)
            .arg(commit))
        .map(drop)
    }

    fn move_to(&self, commit: &str) -> Result<()> {
        self.change(&["checkout", "--quiet", "--detach", "--force", commit])
            .map(drop)
    }

    /// Runs a git command that changes the index or what the work tree is at, and returns what it wrote.
    fn change(&self, arguments: &[&str]) -> Result<String> {
        self.marked(|| run(git(&self.folder)?.args(arguments)))
    }

    /// Runs git with a marker beside the work tree: where the marker is left, a command was killed here, and git's locks, which it
    /// may have left too, are no other program's.
    fn marked<T>(&self, git: impl FnOnce() -> Result<T>) -> Result<T> {
        let marker = beside(&self.folder, "changing");
        if marker.exists() {
            self.unlock()?;
        }
        write_atomically(&marker, b"")?;
        let result = git();
        std::fs::remove_file(&marker).doing("remove", &marker)?;
        result
    }

    /// Removes git's locks of the index and of what the work tree is at, once the git that holds them has had time to end: it goes
    /// on when only the command that has started it is killed.
    fn unlock(&self) -> Result<()> {
        let folder = self.repository()?.path().to_owned();
        let patience = Instant::now() + GIT_ENDS_WITHIN;
        for name in ["index.lock", "HEAD.lock", "ORIG_HEAD.lock"] {
            let lock = folder.join(name);
            while lock.exists() && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(20));
            }
            match std::fs::remove_file(&lock) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).doing("remove", &lock);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_tree(&self) -> bool {
        git2::Repository::open(&self.folder).is_ok_and(|repository| repository.head().is_ok())
    }

    /// The commit it is at.
    ///
    /// # Errors
    /// When it is no work tree.
    pub fn head(&self) -> Result<Oid> {
        let repository = self.repository()?;
        let head = repository
            .head()
            .and_then(|head| head.peel_to_commit())
            .map(|commit| commit.id());
        head.doing("read the commit of", &self.folder)
    }

    fn repository(&self) -> Result<git2::Repository> {
        git2::Repository::open(&self.folder).map_err(|error| {
            Failure::environment("the work tree for editing is gone")
                .at(self.folder.display())
                .because(error.message())
                .next("`cargo xtask patch refresh --abort`, then `cargo xtask patch edit SLUG`")
        })
    }

    /// Files that differ from the commit it is at.
    ///
    /// # Errors
    /// When git fails.
    pub fn edits(&self) -> Result<Vec<String>> {
        let text =
            run(git(&self.folder)?.args(["status", "--porcelain", "--untracked-files=all"]))?;
        Ok(text
            .lines()
            .filter_map(|line| line.get(2..))
            .map(|path| path.trim().to_owned())
            .collect())
    }

    /// Makes an empty commit that says `text`.
    ///
    /// # Errors
    /// When git fails.
    pub fn commit(&self, text: &str) -> Result<()> {
        self.change(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "-m",
            text,
        ])
        .map(drop)
    }

    /// Makes `pick` on top of the commit it is at; leaves a conflict as git leaves it, and then returns false.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn pick(&self, pick: Oid) -> Result<bool> {
        let pick = pick.to_string();
        let done = self
            .marked(|| output(git(&self.folder)?.args(["cherry-pick", "--allow-empty", &pick])))?;
        Ok(done.status.success())
    }

    /// Brings an operation that git has under way to its end, and commits what is not committed.
    ///
    /// # Errors
    /// When there are conflicts left, or another operation than a cherry-pick is under way.
    pub fn settle(&self) -> Result<()> {
        let repository = self.repository()?;
        let state = repository.state();
        let unmerged = run(git(&self.folder)?.args(["diff", "--name-only", "--diff-filter=U"]))?;
        let open: Vec<&str> = unmerged
            .lines()
            .filter(|path| self.has_markers(path))
            .collect();
        if !open.is_empty() {
            return Err(Failure::person(format!("these files still have conflicts: {}", open.join(", ")))
                .at(self.folder.display())
                .next("take out the lines between <<<<<<< and >>>>>>> that are not wanted, then run the same command again")
                .next("`cargo xtask patch refresh --abort` to give up"));
        }
        match state {
            RepositoryState::Clean => self.amend(),
            RepositoryState::CherryPick | RepositoryState::CherryPickSequence => {
                self.change(&["add", "--all"])?;
                let staged = output(git(&self.folder)?.args(["diff", "--cached", "--quiet"]))?;
                let end = if staged.status.success() {
                    "--skip"
                } else {
                    "--continue"
                };
                self.change(&["cherry-pick", end]).map(drop)
            }
            other => Err(Failure::person(format!(
                "git has something under way in the work tree: {other:?}"
            ))
            .at(self.folder.display())
            .next(
                "end it with git's own `--continue` or `--abort`, then run the same command again",
            )),
        }
    }

    fn has_markers(&self, path: &str) -> bool {
        std::fs::read(self.folder.join(path)).is_ok_and(|bytes| {
            bytes
                .split(|byte| *byte == b'\n')
                .any(|line| line.starts_with(b"<<<<<<< "))
        })
    }

    /// Puts what is not committed into the commit the work tree is at.
    fn amend(&self) -> Result<()> {
        let edits = self.edits()?;
        if edits.is_empty() {
            return Ok(());
        }
        let subject = run(git(&self.folder)?.args(["log", "-1", "--format=%s"]))?;
        crate::ui::say(
            "Amending",
            format_args!("`{subject}` with {}", edits.join(", ")),
        );
        self.change(&["add", "--all"])?;
        self.change(&[
            "commit",
            "--quiet",
            "--amend",
            "--no-edit",
            "--allow-empty",
            "--no-verify",
        ])
        .map(drop)
    }

    /// Keeps everything that is in the work tree under a ref and returns the commit, if there is anything.
    ///
    /// # Errors
    /// When git fails.
    pub fn save(&self, db: &Database, handed_over: Option<Oid>) -> Result<Option<Oid>> {
        if !self.is_tree() {
            return Ok(None);
        }
        let head = self.head()?;
        let edits = self.edits()?;
        if edits.is_empty() && Some(head) == handed_over {
            return Ok(None);
        }
        let mut kept = head;
        if !edits.is_empty() {
            self.change(&["add", "--all"])?;
            let tree = self.change(&["write-tree"])?;
            let commit = run(git(&self.folder)?
                .env("GIT_AUTHOR_NAME", AUTHOR)
                .env("GIT_AUTHOR_EMAIL", "series@clinker.invalid")
                .args([
                    "commit-tree",
                    &tree,
                    "-p",
                    &head.to_string(),
                    "-m",
                    "edits that were given up",
                ]))?;
            kept = Oid::from_str(&commit).doing("read a commit id", &self.folder)?;
        }
        db.keep(&format!("given-up/{kept}"), kept)?;
        // An operation under way would stand in the way of the next checkout.
        if self.repository()?.state() != RepositoryState::Clean {
            self.repository()?
                .cleanup_state()
                .doing("end git's operation in", &self.folder)?;
        }
        self.change(&["reset", "--quiet", "--hard"])?;
        Ok(Some(kept))
    }
}

/// Author of commits that only keep what was given up.
const AUTHOR: &str = "Clinker";

impl Session {
    /// The commit the work tree had when it was handed over.
    pub fn handed_over(&self) -> Result<Oid> {
        oid(self
            .known
            .last()
            .map_or(&self.base, |member| &member.commit))
    }
}

/// A git id from a record.
///
/// # Errors
/// When it is none.
pub fn oid(text: &str) -> Result<Oid> {
    Oid::from_str(text)
        .map_err(|error| Failure::environment(format!("{text} is not a git id")).because(error))
}
