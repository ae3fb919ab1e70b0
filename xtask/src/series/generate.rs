//! Makes generated files anew when a patch changed what they are made from.
//!
//! The generators run in a scratch work tree that holds the whole tree. What came out is kept in the object database
//! under the content of a generator's inputs, so that each is run once for the same inputs.

use crate::error::{Failure, Result};
use crate::git::{Database, Entry};
use crate::port::{Generated, Normalize, Port};
use git2::Oid;
use globset::GlobSet;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The generators of a port.
pub struct Generator<'a> {
    database: &'a Database,
    generated: Vec<(&'a Generated, GlobSet)>,
}

impl<'a> Generator<'a> {
    /// The generators of `port`.
    ///
    /// # Errors
    /// When a pattern of the port is not valid.
    pub fn new(database: &'a Database, port: &'a Port) -> Result<Self> {
        let mut generated = Vec::new();
        for entry in &port.generated {
            generated.push((entry, crate::git::patterns(&entry.inputs)?));
        }
        Ok(Self {
            database,
            generated,
        })
    }

    /// Whether the file is a generated one.
    pub fn makes(&self, path: &str) -> bool {
        self.generated
            .iter()
            .any(|(entry, _)| entry.files.iter().any(|file| file == Path::new(path)))
    }

    /// `tree` with the generated files of `other`.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn with_files_of(&self, tree: Oid, other: Oid) -> Result<Oid> {
        let mut changes = Vec::new();
        for file in self.generated.iter().flat_map(|(entry, _)| &entry.files) {
            let theirs = self.database.entry(other, file)?;
            if self.database.entry(tree, file)? != theirs {
                changes.push((file.as_path(), theirs));
            }
        }
        self.database.change(tree, &changes)
    }

    /// `tree` with the files made anew whose inputs differ from those in `parent`.
    ///
    /// # Errors
    /// When a generator fails; its output is in the failure.
    pub fn run(&self, parent: Oid, tree: Oid) -> Result<Oid> {
        let mut tree = tree;
        if tree == parent {
            return Ok(tree);
        }
        for (entry, inputs) in &self.generated {
            if !self
                .database
                .differ(parent, tree, |path| inputs.is_match(path))?
            {
                continue;
            }
            let made = self.made(entry, inputs, tree)?;
            let mut changes = Vec::new();
            for file in &entry.files {
                changes.push((file.as_path(), self.database.entry(made, file)?));
            }
            tree = self.database.change(tree, &changes)?;
        }
        Ok(tree)
    }

    /// Generated files of `tree` that their generators would make differently.
    ///
    /// # Errors
    /// When a generator fails.
    pub fn stale(&self, tree: Oid) -> Result<Vec<String>> {
        let mut stale = Vec::new();
        for (entry, inputs) in &self.generated {
            let made = self.made(entry, inputs, tree)?;
            for file in &entry.files {
                if self.database.entry(made, file)? != self.database.entry(tree, file)? {
                    stale.push(file.display().to_string());
                }
            }
        }
        Ok(stale)
    }

    /// A tree with the files an entry makes from the inputs in `tree`.
    fn made(&self, entry: &Generated, inputs: &GlobSet, tree: Oid) -> Result<Oid> {
        let files = self.database.files(tree)?;
        let key = key(entry, inputs, &files);
        if let Some(made) = self.database.kept(&format!("generated/{key}")) {
            return Ok(made);
        }
        let names: Vec<_> = entry
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        crate::ui::say("Generating", names.join(", "));
        let folder = self.database.scratch();
        let _lock = crate::lock::Lock::take(&crate::git::beside(&folder, "running.lock"))?;
        self.database.overwrite(tree, &folder)?;
        run(entry, &folder)?;
        let outputs =
            tempfile::tempdir().map_err(|error| self.database.failed("make a folder", error))?;
        for file in &entry.files {
            let copy = outputs.path().join(file);
            let made = copy
                .parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::copy(folder.join(file), &copy));
            made.map_err(|error| {
                Failure::environment(format!("{} was not generated", file.display()))
                    .at(entry.command.join(" "))
                    .because(error)
            })?;
        }
        let made = self
            .database
            .import(outputs.path(), &Normalize::default())?;
        self.database.keep(&format!("generated/{key}"), made)?;
        Ok(made)
    }
}

/// A name for what an entry makes from its inputs.
fn key(entry: &Generated, inputs: &GlobSet, files: &BTreeMap<String, Entry>) -> String {
    let mut hash = Sha256::new();
    for word in &entry.command {
        hash.update(word);
        hash.update([0]);
    }
    for file in &entry.files {
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update([0]);
    }
    for (path, input) in files.iter().filter(|(path, _)| inputs.is_match(path)) {
        hash.update(path);
        hash.update([0]);
        hash.update(input.id.as_bytes());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn run(entry: &Generated, folder: &Path) -> Result<()> {
    let python = which::which("python3").map_err(|_| {
        Failure::environment("python3 is missing")
            .because("the files CPython generates from others are made with it")
            .next("install Python 3.10 or newer")
    })?;
    let mut words = entry.command.iter().map(|word| match word.as_str() {
        "{python}" => python.as_os_str().to_owned(),
        word => word.into(),
    });
    let Some(program) = words.next() else {
        return Err(Failure::environment("a generator has no command")
            .because(format!("it makes {}", entry.files[0].display())));
    };
    let output = Command::new(&program)
        .args(words)
        .current_dir(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .output();
    let command = entry.command.join(" ");
    let output = output.map_err(|error| {
        Failure::environment("a generator cannot be run")
            .at(&command)
            .because(error)
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Failure::check("a generator failed on the patched sources")
        .at(format!("`{command}` in {}", folder.display()))
        .because(String::from_utf8_lossy(&said))
        .next("correct its inputs in the patch that changes them"))
}
