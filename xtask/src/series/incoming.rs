//! Git commits as changes of the series: those of the work tree for editing, or of another repository.

use super::restack::Change;
use super::session::{Member, oid};
use super::slug;
use super::workflow::{Ground, Workshop};
use crate::error::{Failure, Result};
use crate::git::Message;
use crate::git::command::{git, run};
use crate::ui;
use git2::Oid;
use std::path::Path;

impl Workshop<'_> {
    /// The commits of another repository on top of the release, as changes that are the whole series.
    ///
    /// # Errors
    /// When no commit of it has the release's tree.
    pub fn changes_from(&self, repository: &Path, ground: &Ground) -> Result<Vec<Change>> {
        let path = repository.canonicalize().map_err(|error| {
            Failure::environment("the repository cannot be read")
                .at(repository.display())
                .because(error)
        })?;
        let name = "refs/clinker/incoming";
        run(git(self.db.folder())?
            .args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"])
            .arg(&path)
            .arg(format!("+HEAD:{name}")))?;
        let head = self.db.kept("incoming").ok_or_else(|| {
            Failure::environment("the repository has no commit").at(path.display())
        })?;
        let mut at = head;
        loop {
            let commit = self.db.find_commit(at)?;
            if commit.tree_id() == ground.tree {
                break;
            }
            at = commit.parent_id(0).map_err(|_| {
                Failure::environment(format!(
                    "no commit of the repository holds the sources of CPython {}",
                    ground.release.version
                ))
                .at(path.display())
                .because(format!(
                    "none has the tree {}; the first has {}",
                    ground.tree,
                    commit.tree_id()
                ))
                .next("begin from the sources that `cargo xtask patch new` checks out")
            })?;
        }
        let commits = self.commits(at, head)?;
        let series = self.series()?;
        let names: Vec<String> = series
            .patches()
            .iter()
            .map(|patch| patch.slug.clone())
            .collect();
        let mut changes = Vec::new();
        for commit in commits {
            let change = self.change_of(commit, None)?;
            let name = slug(change.message.subject());
            let slug = names.contains(&name).then_some(name);
            changes.push(Change { slug, ..change })
        }
        Ok(changes)
    }

    /// Commits of the work tree as changes, each with the name of the patch it was.
    pub(super) fn named(&self, commits: &[Oid], known: &[Member]) -> Result<Vec<Change>> {
        let mut left: Vec<Option<&Member>> = known.iter().map(Some).collect();
        let mut names: Vec<Option<String>> = vec![None; commits.len()];
        let mut subjects = Vec::new();
        for member in known {
            subjects.push(
                Message::of(&self.db.find_commit(oid(&member.commit)?)?)?
                    .subject()
                    .to_owned(),
            );
        }
        for (name, commit) in names.iter_mut().zip(commits) {
            let found = self.db.find_commit(*commit)?;
            let subject = Message::of(&found)?.subject().to_owned();
            let id = commit.to_string();
            let same = left
                .iter()
                .position(|member| member.is_some_and(|member| member.commit == id));
            let alike = || {
                left.iter()
                    .zip(&subjects)
                    .position(|(member, other)| member.is_some() && *other == subject)
            };
            if let Some(at) = same.or_else(alike) {
                *name = left[at].take().and_then(|member| member.slug.clone());
            }
        }
        // A patch that got another subject is still in its place.
        let mut changes = Vec::new();
        for (position, (name, commit)) in names.into_iter().zip(commits).enumerate() {
            let name = name.or_else(|| left.get_mut(position)?.take()?.slug.clone());
            changes.push(self.change_of(*commit, name)?);
        }
        for member in left.into_iter().flatten() {
            let name = member.slug.as_deref().unwrap_or("a patch without a name");
            ui::say(
                "Dropping",
                format_args!("{name}: its commit is no longer in the work tree"),
            );
        }
        Ok(changes)
    }

    /// The commits after `base` up to `head`, oldest first.
    pub(super) fn commits(&self, base: Oid, head: Oid) -> Result<Vec<Oid>> {
        let mut commits = Vec::new();
        let mut at = head;
        while at != base {
            let commit = self.db.find_commit(at)?;
            if commit.parent_count() != 1 {
                return Err(Failure::person(format!("commit {at} cannot be a patch"))
                    .because(match commit.parent_count() {
                        0 => "it does not come after the release's sources",
                        _ => "it is a merge",
                    })
                    .next("make the history a line of commits on top of the release's, for example with `git rebase`"));
            }
            commits.push(at);
            at = commit
                .parent_id(0)
                .map_err(|error| self.db.failed("read a commit", error))?;
        }
        commits.reverse();
        Ok(commits)
    }

    pub(super) fn change_of(&self, commit: Oid, slug: Option<String>) -> Result<Change> {
        let commit = self.db.find_commit(commit)?;
        let parent = commit
            .parent(0)
            .map_err(|error| self.db.failed("read a commit", error))?;
        Ok(Change {
            slug,
            message: Message::of(&commit)?,
            before: parent.tree_id(),
            after: commit.tree_id(),
        })
    }
}
