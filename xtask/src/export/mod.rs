//! The series as upstream would get it: topics as mails, a branch and the text of a pull request, linted as a reviewer of
//! CPython would.
//!
//! An exported topic is its patches and those they depend on, without our trailers and with generated files, on a pristine
//! tree. What was written is applied again with `git am`, which must give the trees it was made from.

mod cover;
mod gates;
mod lint;
mod message;
mod pull_request;
mod round_trip;
mod topic;

pub use gates::Wanted;
pub use lint::{Finding, Level};
pub use topic::{Topic, topics};

use crate::error::{Context, Failure, Result};
use crate::git::Database;
use crate::lock::Lock;
use crate::port::Port;
use crate::series::{self, LockFile, Series, Stack};
use crate::source::Obtained;
use crate::ui::Step;
use crate::workspace::Workspace;
use git2::Oid;
use round_trip::Pristine;
use serde::Serialize;
use std::path::{Path, PathBuf};
use topic::Kind;

/// What is exported, and from where.
pub struct Exporter<'a> {
    workspace: &'a Workspace,
    port: &'a Port,
    database: &'a Database,
    obtained: &'a Obtained,
    series: &'a Series,
}

/// What was written for a topic.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// Name of the topic.
    pub topic: String,
    /// Folder of its files.
    pub folder: PathBuf,
    /// The mails in order.
    pub mails: Vec<String>,
    /// Branch in the port's object database.
    pub branch: String,
    /// Tree of its last patch.
    pub tree: String,
}

impl<'a> Exporter<'a> {
    /// An exporter of a series for one release.
    pub fn new(
        workspace: &'a Workspace,
        port: &'a Port,
        database: &'a Database,
        obtained: &'a Obtained,
        series: &'a Series,
    ) -> Self {
        Self {
            workspace,
            port,
            database,
            obtained,
            series,
        }
    }

    /// Lints the patches of some topics, each once, in the order of the series.
    ///
    /// # Errors
    /// When the series does not apply or a patch's trailers are not valid.
    pub fn lint(&self, topics: &[Topic]) -> Result<Vec<Finding>> {
        let stack = self.apply(self.series)?;
        let mut findings = Vec::new();
        for (position, (patch, applied)) in
            self.series.patches().iter().zip(&stack.applied).enumerate()
        {
            if topics.iter().any(|topic| topic.patches.contains(&position)) {
                findings.extend(lint::run(self.database, self.port, patch, applied.tree)?);
            }
        }
        findings.extend(cover::lint(self.series, topics)?);
        Ok(findings)
    }

    /// Runs CPython's own checks on the tree that each topic results in.
    ///
    /// # Errors
    /// When a topic does not apply to a pristine tree, or a check cannot be run.
    pub fn gates(&self, topics: &[Topic], wanted: Wanted) -> Result<Vec<Finding>> {
        let mut subjects = Vec::new();
        for topic in topics {
            let (series, stack) = self.stack(topic)?;
            subjects.push(gates::Subject {
                name: topic.name.clone(),
                series,
                tree: stack.tip_tree(),
            });
        }
        let gates = gates::Gates {
            database: self.database,
            workspace: self.workspace,
            port: &self.port.name,
            wanted,
        };
        gates::run(&gates, self.obtained.tree, &subjects)
    }

    /// Writes the mails, branch and pull request of each topic, and applies the mails to a pristine tree again.
    ///
    /// # Errors
    /// When a topic does not apply to a pristine tree, cannot be written, or `git am` makes something else of it.
    pub fn export(&self, topics: &[Topic], findings: &[Finding]) -> Result<Vec<Exported>> {
        let parent = self.workspace.output().join("export");
        let _lock = Lock::take(&parent.join(".lock"))?;
        // What a killed command left; nobody else writes while we hold the lock.
        let work = parent.join(".new");
        if work.exists() {
            std::fs::remove_dir_all(&work).doing("remove an unfinished export", &work)?;
        }
        let base = self
            .database
            .base(&self.obtained.release, self.obtained.tree)?;
        let pristine = Pristine::new(&work.join(".pristine"), self.database, base)?;
        let exported = topics
            .iter()
            .map(|topic| self.export_topic(topic, findings, &work.join(&topic.name), &pristine))
            .collect();
        std::fs::remove_dir_all(&work).doing("remove", &work)?;
        exported
    }

    fn export_topic(
        &self,
        topic: &Topic,
        findings: &[Finding],
        new: &Path,
        pristine: &Pristine,
    ) -> Result<Exported> {
        let step = Step::new("Exporting", topic.name.clone());
        let (series, stack) = self.stack(topic)?;
        if topic.kind == Kind::Whole {
            self.compare_with_lock(&stack)?;
        }

        std::fs::create_dir_all(new).doing("make a folder", new)?;
        let mut mails = Vec::new();
        for (position, patch) in series.patches().iter().enumerate() {
            let applied = &stack.applied[position];
            let diff =
                series::whole_diff(self.database, stack.parent_tree(position), applied.tree)?;
            let name = format!("{:04}-{}.patch", position + 1, patch.slug);
            let file = new.join(&name);
            let mut mail =
                format!("From {} Mon Sep 17 00:00:00 2001\n", applied.commit).into_bytes();
            mail.extend(patch.message.mail(&diff));
            std::fs::write(&file, mail).doing("write a mail", &file)?;
            mails.push(name);
        }
        step.detail("git am");
        let trees: Vec<Oid> = stack.applied.iter().map(|applied| applied.tree).collect();
        pristine.verify(new, &mails, &trees)?;

        let branch = self.branch(&topic.name, stack.tip())?;
        let cover = cover::load(self.series, topic)?;
        if let Some(cover) = &cover {
            let diff = series::whole_diff(self.database, self.obtained.tree, stack.tip_tree())?;
            let file = new.join(cover::LETTER);
            std::fs::write(&file, cover.letter(series.patches(), stack.tip(), &diff)?)
                .doing("write a cover letter", &file)?;
        }
        let text = pull_request::text(&pull_request::Content {
            topic,
            cover: cover.as_ref(),
            series: &series,
            findings,
            release: &self.obtained.release.version,
            branch: &branch,
            database: self.database.folder(),
        });
        let file = new.join("PULL_REQUEST.md");
        std::fs::write(&file, text).doing("write the text of a pull request", &file)?;
        let folder = self.workspace.output().join("export").join(&topic.name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).doing("remove an older export", &folder)?;
        }
        std::fs::rename(new, &folder).doing("move the export to", &folder)?;
        step.done();
        Ok(Exported {
            topic: topic.name.clone(),
            folder,
            mails,
            branch,
            tree: stack.tip_tree().to_string(),
        })
    }

    /// A topic's patches with the messages upstream gets, on a pristine tree.
    fn stack(&self, topic: &Topic) -> Result<(Series, Stack)> {
        let patches = topic
            .patches
            .iter()
            .map(|position| {
                let mut patch = self.series.patches()[*position].clone();
                patch.message.text = message::for_upstream(&patch)?;
                Ok(patch)
            })
            .collect::<Result<Vec<_>>>()?;
        let series = Series::new(self.series.folder(), self.series.list().clone(), patches);
        let stack = self.apply(&series).map_err(|failure| {
            failure.next(format!(
                "if topic {} needs a patch of another topic, name that patch with a Depends-On trailer",
                topic.name
            ))
        })?;
        Ok((series, stack))
    }

    fn apply(&self, series: &Series) -> Result<Stack> {
        // With the last patch named, the stack of the work tree keeps its own ref.
        let last = series.patches().last().map(|patch| patch.slug.as_str());
        series::apply(
            self.database,
            self.port,
            &self.obtained.release,
            self.obtained.tree,
            series,
            last,
        )
    }

    fn compare_with_lock(&self, stack: &Stack) -> Result<()> {
        let folder = self.series.folder();
        let version = &self.obtained.release.version;
        let stale = |what: String| {
            Failure::check(what)
                .at(LockFile::path(folder).display())
                .next("`cargo xtask patch refresh`")
        };
        let lock = LockFile::load(folder)?.ok_or_else(|| stale("the series has no lock".into()))?;
        for applied in &stack.applied {
            let recorded = lock
                .patches
                .iter()
                .find(|locked| locked.slug == applied.slug)
                .and_then(|locked| locked.trees.get(version));
            if recorded != Some(&applied.tree.to_string()) {
                return Err(stale(format!(
                    "patch {} gives tree {} on {version}, the lock says {}",
                    applied.slug,
                    applied.tree,
                    recorded.map_or("nothing", String::as_str)
                )));
            }
        }
        Ok(())
    }

    fn branch(&self, topic: &str, tip: Oid) -> Result<String> {
        let branch = format!("export/{topic}-{}", self.obtained.release.version);
        self.database.refer(&format!("refs/heads/{branch}"), tip)?;
        Ok(branch)
    }
}
