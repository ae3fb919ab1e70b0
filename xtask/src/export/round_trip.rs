//! Applies exported mails with `git am`, as a reviewer would, in a repository of its own that borrows the port's objects.

use crate::error::{Context, Failure, Result};
use crate::git::Database;
use git2::Oid;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A work tree with pristine sources.
pub struct Pristine {
    folder: PathBuf,
    base: Oid,
}

impl Pristine {
    /// Makes a repository in a new folder that borrows the database's objects.
    ///
    /// # Errors
    /// When git cannot.
    pub fn new(folder: &Path, database: &Database, base: Oid) -> Result<Self> {
        std::fs::create_dir_all(folder).doing("make a folder", folder)?;
        let pristine = Self {
            folder: folder.to_owned(),
            base,
        };
        pristine.git(&["init", "--quiet"])?;
        let objects = std::path::absolute(database.folder().join("objects"))
            .doing("find the object database", database.folder())?;
        let alternates = pristine.folder.join(".git/objects/info/alternates");
        std::fs::write(&alternates, format!("{}\n", objects.display()))
            .doing("borrow objects in", &alternates)?;
        Ok(pristine)
    }

    /// Applies the mails of `folder` in order; their trees must be `trees`.
    ///
    /// # Errors
    /// When a mail does not apply or gives another tree.
    pub fn verify(&self, folder: &Path, mails: &[String], trees: &[Oid]) -> Result<()> {
        if mails.is_empty() {
            return Ok(());
        }
        let files: Vec<String> = mails
            .iter()
            .map(|name| folder.join(name).display().to_string())
            .collect();
        self.git(&["reset", "--quiet", "--hard", &self.base.to_string()])?;
        let mut words = vec!["am", "--quiet", "--no-3way", "--no-gpg-sign"];
        words.extend(files.iter().map(String::as_str));
        self.git(&words)?;
        let range = format!("{}..HEAD", self.base);
        let made = self.git(&["log", "--reverse", "--format=%T", &range])?;
        let made: Vec<&str> = made.lines().collect();
        let expected: Vec<String> = trees.iter().map(Oid::to_string).collect();
        if made == expected {
            return Ok(());
        }
        let first = made
            .iter()
            .zip(&expected)
            .position(|(made, expected)| made != expected)
            .unwrap_or_else(|| made.len().min(expected.len()));
        Err(
            Failure::check("`git am` makes another tree of an exported mail than the series")
                .at(mails.get(first).map_or("the last mail", String::as_str))
                .because(format!(
                    "it makes {}, the series {}",
                    made.get(first).unwrap_or(&"none"),
                    expected.get(first).map_or("none", String::as_str)
                )),
        )
    }

    fn git(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new("git");
        command
            // The user's settings and templates must not change what comes out.
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_COMMITTER_NAME", "Clinker")
            .env("GIT_COMMITTER_EMAIL", "series@clinker.invalid")
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .args([
                "-c",
                "core.autocrlf=false",
                "-c",
                "gc.auto=0",
                "-c",
                "init.defaultBranch=main",
            ])
            .args(words)
            .current_dir(&self.folder);
        let output = command.output().map_err(|error| {
            Failure::environment("git cannot be run")
                .because(error)
                .next("install git")
        })?;
        if !output.status.success() {
            return Err(Failure::check(format!("git {} failed", words[0]))
                .at(words.last().unwrap_or(&""))
                .because(String::from_utf8_lossy(&output.stderr).trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
