//! Sessions of editing: hands the work tree to a person, and takes what was done in it into the series.

use super::session::{Member, Session, oid};
use super::workflow::{Ground, Report, Workshop};
use super::{Series, write};
use crate::error::{Failure, Result};
use crate::git::command::{git, run};
use crate::ui;
use git2::Oid;
use std::path::PathBuf;

impl Workshop<'_> {
    /// Opens the work tree for editing at the patch at `position`; with none, at the release itself.
    ///
    /// # Errors
    /// When somebody's edits are in it.
    pub fn edit(
        &self,
        command: &str,
        ground: &Ground,
        series: &Series,
        position: Option<usize>,
    ) -> Result<PathBuf> {
        self.refuse_session()?;
        let stack = self.stack(ground, series)?;
        let member = |applied: &super::Applied| Member {
            slug: Some(applied.slug.clone()),
            commit: applied.commit.to_string(),
        };
        let inside = position.map_or(0, |position| position + 1);
        let tree = self.place.tree(&ground.release.version);
        let commit = position.map_or(stack.base, |position| stack.applied[position].commit);
        tree.place(&self.db, commit)?;
        self.place.record(&Session {
            command: command.to_owned(),
            release: ground.release.version.clone(),
            base: stack.base.to_string(),
            known: stack.applied[..inside].iter().map(member).collect(),
            conflict: None,
            rest: stack.applied[inside..].iter().map(member).collect(),
            dropped: Vec::new(),
            files: write::sums(series.folder())?,
            pending: Default::default(),
        })?;
        Ok(tree.folder().to_owned())
    }

    /// Opens the work tree with an empty commit that says `text`, after the patch at `position`.
    ///
    /// # Errors
    /// When somebody's edits are in it, or git does not know who the author is.
    pub fn begin(
        &self,
        ground: &Ground,
        series: &Series,
        position: Option<usize>,
        text: &str,
    ) -> Result<PathBuf> {
        self.refuse_session()?;
        let ident = run(git(self.workspace.root())?.args(["var", "GIT_AUTHOR_IDENT"])).map_err(|failure| {
            failure
                .next("`git config --global user.name NAME` and `git config --global user.email MAIL`")
        })?;
        let folder = self.edit("patch new", ground, series, position)?;
        ui::say(
            "Author",
            ident.split('>').next().unwrap_or_default().to_owned() + ">",
        );
        self.place.tree(&ground.release.version).commit(text)?;
        Ok(folder)
    }

    /// Fails while a person is editing.
    ///
    /// # Errors
    /// When there is a session with something in it that the series has not.
    pub fn refuse_session(&self) -> Result<()> {
        let Some(session) = self.place.session()? else {
            return Ok(());
        };
        let tree = self.place.tree(&session.release);
        let handed_over = session.handed_over()?;
        if session.conflict.is_none() && !tree.folder().exists() {
            return self.place.end();
        }
        if session.conflict.is_none() && tree.head()? == handed_over && tree.edits()?.is_empty() {
            return self.place.end();
        }
        Err(
            Failure::person(format!("`cargo xtask {}` is not finished", session.command))
                .at(tree.folder().display())
                .because("the work tree for editing has something that is in no patch file yet")
                .next("`cargo xtask patch refresh` to put it into the series")
                .next("`cargo xtask patch refresh --abort` to give it up"),
        )
    }

    /// Takes what a person did in the work tree into the series.
    ///
    /// # Errors
    /// A conflict with a later patch, or the series' files were changed since.
    pub fn resume(&self) -> Result<Report> {
        let Some(session) = self.place.session()? else {
            return Err(Failure::environment("nothing is being edited")
                .next("`cargo xtask patch edit SLUG` begins"));
        };
        self.refuse_foreign_changes(&session)?;
        let tree = self.place.tree(&session.release);
        tree.settle()?;
        let base = oid(&session.base)?;
        let ground = Ground {
            release: self.port.release(&session.release)?.clone(),
            tree: self.db.find_commit(base)?.tree_id(),
        };
        let commits = self.commits(base, tree.head()?)?;
        let mut expected = session.known.clone();
        expected.extend(session.conflict.clone());
        let mut changes = self.named(&commits, &expected)?;
        let position = changes.len();
        for member in &session.rest {
            changes.push(self.change_of(oid(&member.commit)?, member.slug.clone())?);
        }
        self.finish(session, &ground, &ground, &changes, Some(position))
    }

    /// Gives the session up; what is in the work tree stays in the database, and its commit is returned.
    ///
    /// # Errors
    /// When git fails.
    pub fn abort(&self) -> Result<Option<Oid>> {
        let Some(session) = self.place.session()? else {
            return Err(Failure::environment(
                "nothing is being edited, so there is nothing to give up",
            ));
        };
        let tree = self.place.tree(&session.release);
        let handed_over = match session.conflict {
            Some(_) => None,
            None => Some(session.handed_over()?),
        };
        let kept = tree.save(&self.db, handed_over)?;
        self.place.end()?;
        Ok(kept)
    }

    /// Fails when the series' files are neither as they were when the session began nor as it is writing them.
    fn refuse_foreign_changes(&self, session: &Session) -> Result<()> {
        let folder = self.workspace.root().join(&self.port.series);
        let now = write::sums(&folder)?;
        let names = now.keys().chain(session.files.keys());
        let foreign: Vec<&str> = names
            .filter(|name| {
                let sum = now.get(*name);
                sum != session.files.get(*name) && sum != session.pending.get(*name)
            })
            .map(String::as_str)
            .collect();
        if foreign.is_empty() {
            return Ok(());
        }
        Err(Failure::person("the series was changed by others while it was being edited")
            .at(folder.display())
            .because(format!("these files are not as they were: {}", foreign.join(", ")))
            .next("put the files back, for example with `git stash`, and run the same command again")
            .next("or `cargo xtask patch refresh --abort`, which keeps what you did and says where"))
    }
}
