//! Changes of a series: edit, refresh, new, drop, move and bump all end here.
//!
//! Each gathers changes in their new order, puts them on a release in memory, and then either writes the series' files
//! or hands a conflict to a person as a plain git state. Nothing is written before all of it is known.

use super::generate::Generator;
use super::journal::Journal;
use super::restack::{Change, Outcome, Placed, place};
use super::session::{Member, Place, Session, oid};
use super::{Patch, Series, Stack, apply, conflict, slug, write};
use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::git::{Database, Message};
use crate::port::{Port, Release};
use crate::ui;
use crate::workspace::Workspace;
use git2::Oid;
use std::path::PathBuf;

/// A port whose series is about to change; other commands wait while it is.
pub struct Workshop<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) port: Port,
    pub(super) db: Database,
    pub(super) place: Place,
    /// Files that were removed when an interrupted write was finished.
    finished: Vec<String>,
    /// A clone of upstream's repository that can name the commits behind a conflict.
    pub history: Option<PathBuf>,
}

/// A release and its tree.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The release.
    pub release: Release,
    /// Its tree.
    pub tree: Oid,
}

/// What a change of the series did.
#[derive(Debug)]
pub struct Report {
    /// Names of the files that were written or removed.
    pub changed: Vec<String>,
}

impl<'a> Workshop<'a> {
    /// Opens the port's workshop; waits while another command is in it.
    ///
    /// # Errors
    /// When the port or its database cannot be opened.
    pub fn open(workspace: &'a Workspace, port: &str) -> Result<Self> {
        let port = Port::load(workspace, port)?;
        let db = Database::open(workspace, &port.name)?;
        let place = Place::take(workspace, &port.name)?;
        let finished = Journal::recover(&db, &Journal::path(workspace, &port.name))?;
        Ok(Self {
            finished,
            db,
            place,
            port,
            workspace,
            history: None,
        })
    }

    /// Whether opening the workshop has finished a command that was killed while it took out this patch.
    pub fn has_dropped(&self, slug: &str) -> bool {
        let name = slug.strip_suffix(".patch").unwrap_or(slug);
        self.finished
            .iter()
            .any(|file| file.strip_suffix(".patch") == Some(name))
    }

    /// The release that is asked for, else the one the patch files are made for, else the newest that can be had.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn ground(&self, options: &SourceOptions) -> Result<Ground> {
        let mut options = options.clone();
        if options.release.is_none()
            && let Some(lock) =
                super::LockFile::load(&self.workspace.root().join(&self.port.series))?
            && self.port.release(&lock.release).is_ok()
        {
            options.release = Some(lock.release);
        }
        let obtained = crate::source::obtain(self.workspace, &self.port, &options)?;
        Ok(Ground {
            release: obtained.release,
            tree: obtained.tree,
        })
    }

    /// The series as its files are.
    ///
    /// # Errors
    /// When a file is not valid.
    pub fn series(&self) -> Result<Series> {
        Series::load(self.workspace, &self.port)
    }

    /// Whether a person is editing.
    ///
    /// # Errors
    /// When the session's record cannot be read.
    pub fn session(&self) -> Result<Option<Session>> {
        self.place.session()
    }

    /// Applies the series as its files are.
    ///
    /// # Errors
    /// When a patch does not apply.
    pub fn stack(&self, ground: &Ground, series: &Series) -> Result<Stack> {
        apply(
            &self.db,
            &self.port,
            &ground.release,
            ground.tree,
            series,
            None,
        )
    }

    /// The changes of a series on a stack.
    pub fn changes(series: &Series, stack: &Stack) -> Vec<Change> {
        let patches = series.patches().iter().zip(&stack.applied).enumerate();
        let changes = patches.map(|(position, (patch, applied))| Change {
            slug: Some(patch.slug.clone()),
            message: patch.message.clone(),
            before: stack.parent_tree(position),
            after: applied.tree,
        });
        changes.collect()
    }

    /// Writes the files of a series anew, from what they say.
    ///
    /// # Errors
    /// When a patch does not apply or a file cannot be written.
    pub fn rewrite(&self, ground: &Ground) -> Result<Report> {
        let series = self.series()?;
        let stack = self.stack(ground, &series)?;
        let changes = Self::changes(&series, &stack);
        self.change("patch refresh", ground, ground, &changes, &[])
    }

    /// Puts `changes` on `ground` and writes the series' files. The patches in `dropped` are left out on purpose.
    /// `before` is the release the changes were made on.
    ///
    /// # Errors
    /// A conflict, which is then left in the work tree for editing.
    pub fn change(
        &self,
        command: &str,
        before: &Ground,
        ground: &Ground,
        changes: &[Change],
        dropped: &[String],
    ) -> Result<Report> {
        let files = write::sums(self.series()?.folder())?;
        let base = self.db.base(&ground.release, ground.tree)?;
        let session = Session {
            command: command.to_owned(),
            release: ground.release.version.clone(),
            base: base.to_string(),
            known: Vec::new(),
            conflict: None,
            rest: Vec::new(),
            dropped: dropped.to_vec(),
            files,
            pending: Default::default(),
        };
        self.finish(session, before, ground, changes, None)
    }

    /// Puts changes on the ground. `position` is how many of them are in the work tree for editing: it is then moved to
    /// the last of these.
    pub(super) fn finish(
        &self,
        mut session: Session,
        before: &Ground,
        ground: &Ground,
        changes: &[Change],
        position: Option<usize>,
    ) -> Result<Report> {
        let generator = Generator::new(&self.db, &self.port)?;
        let mut placed: Vec<Placed> = Vec::new();
        let mut edited = position.map(|_| 0);
        for (number, change) in changes.iter().enumerate() {
            let parent = placed.last().map_or(ground.tree, |last| last.tree);
            match place(&self.db, &generator, parent, change)? {
                Outcome::Tree(tree) => {
                    placed.push(Placed {
                        slug: change.slug.clone(),
                        message: change.message.clone(),
                        tree,
                    });
                    if position.is_some_and(|position| number < position) {
                        edited = Some(placed.len());
                    }
                }
                Outcome::AlreadyThere => {
                    let name = change
                        .slug
                        .clone()
                        .unwrap_or_else(|| slug(change.message.subject()));
                    if change.before == change.after {
                        return Err(Failure::person(format!("patch {name} changes nothing"))
                            .because("it has no change of a file that is not generated")
                            .next("edit files in the work tree and run the same command again")
                            .next("`cargo xtask patch refresh --abort` to give it up"));
                    }
                    ui::say(
                        "Dropping",
                        format_args!(
                            "{name}: CPython {} with the patches before it has the change already",
                            ground.release.version
                        ),
                    );
                    if before.release.version != ground.release.version {
                        ui::warn(format_args!(
                            "CPython {} is without it from now on",
                            before.release.version
                        ));
                    }
                    session.dropped.push(name);
                }
                Outcome::Conflict => {
                    return self.hand_over(
                        session,
                        before,
                        ground,
                        &generator,
                        placed,
                        &changes[number..],
                    );
                }
            }
        }

        let series = self.series()?;
        let plan = write::plan(
            self.workspace,
            &self.db,
            &self.port,
            &ground.release,
            ground.tree,
            &placed,
            series.list(),
        )?;
        let gone: Vec<String> = series
            .patches()
            .iter()
            .map(|patch| patch.slug.clone())
            .filter(|slug| plan.series.position(slug).is_err())
            .collect();
        if !session.known.is_empty() || position.is_some() {
            session.pending = plan.sums();
            self.place.record(&session)?;
        }
        let changed = plan.write(self.workspace, &self.db, &self.port, &gone)?;
        match edited {
            Some(edited)
                if session.command.starts_with("patch edit")
                    || session.command.starts_with("patch new") =>
            {
                self.settle_at(session, ground, &plan, edited)?;
            }
            _ => self.place.end()?,
        }
        match plan.misfits.into_iter().next() {
            None => Ok(Report { changed }),
            Some(mut failure) => {
                failure = failure.because(format!(
                    "the files are written, for CPython {}; one series has to apply to every release of the port",
                    ground.release.version
                ));
                Err(failure)
            }
        }
    }

    /// Leaves the work tree at the patch that was edited, as it came out.
    fn settle_at(
        &self,
        mut session: Session,
        ground: &Ground,
        plan: &write::Plan,
        edited: usize,
    ) -> Result<()> {
        let members = |range: std::ops::Range<usize>| -> Vec<Member> {
            plan.stack.applied[range]
                .iter()
                .map(|applied| Member {
                    slug: Some(applied.slug.clone()),
                    commit: applied.commit.to_string(),
                })
                .collect()
        };
        let tree = self.place.tree(&ground.release.version);
        let commit = match edited.checked_sub(1) {
            Some(last) => plan.stack.applied[last].commit,
            None => plan.stack.base,
        };
        tree.place(&self.db, commit)?;
        session.known = members(0..edited);
        session.rest = members(edited..plan.stack.applied.len());
        session.conflict = None;
        session.dropped.clear();
        session.files = write::sums(plan.series.folder())?;
        session.pending.clear();
        self.place.record(&session)
    }

    /// Leaves a conflict in the work tree for editing, as git would, and explains it.
    fn hand_over(
        &self,
        mut session: Session,
        before: &Ground,
        ground: &Ground,
        generator: &Generator,
        placed: Vec<Placed>,
        left: &[Change],
    ) -> Result<Report> {
        let tree = self.place.tree(&ground.release.version);
        let mut tip = self.db.base(&ground.release, ground.tree)?;
        session.known.clear();
        for one in &placed {
            tip = self.db.commit(&one.message, one.tree, Some(tip))?;
            session.known.push(Member {
                slug: one.slug.clone(),
                commit: tip.to_string(),
            });
        }
        let mut members = Vec::new();
        for change in left {
            members.push(self.member(generator, change)?);
        }
        let pick = members.remove(0);
        session.rest = members;
        session.conflict = Some(pick.clone());
        let earlier: Vec<Patch> = self.series()?.patches().to_vec();
        let explained = self.explain(before, ground, generator, &left[0], &placed, &earlier)?;
        tree.place(&self.db, tip)?;
        self.place.record(&session)?;
        let id = oid(&pick.commit)?;
        let command = &session.command;
        let resume = if command.starts_with("bump") {
            "bump"
        } else {
            "patch refresh"
        };
        if tree.pick(id)? {
            // Git's merge is sometimes the better one.
            ui::say(
                "Merged",
                format_args!("{} with git", left[0].message.subject()),
            );
            return self.resume();
        }
        Err(explained
            .next(format!(
                "resolve the conflict in {} as after `git cherry-pick`, then `cargo xtask {resume} --continue`",
                tree.folder().display()
            ))
            .next(format!("`cargo xtask {resume} --abort` to leave the series as it was")))
    }

    fn explain(
        &self,
        before: &Ground,
        ground: &Ground,
        generator: &Generator,
        change: &Change,
        placed: &[Placed],
        series: &[Patch],
    ) -> Result<Failure> {
        let name = change
            .slug
            .clone()
            .unwrap_or_else(|| slug(change.message.subject()));
        let file = self
            .workspace
            .root()
            .join(&self.port.series)
            .join(format!("{name}.patch"));
        let mail = change.message.mail(&write::diff(
            &self.db,
            generator,
            change.before,
            change.after,
        )?);
        let patch = Patch::parse(&name, &file, mail)?;
        let earlier = series
            .iter()
            .filter(|patch| {
                placed
                    .iter()
                    .any(|one| one.slug.as_ref() == Some(&patch.slug))
            })
            .collect();
        Ok(conflict::explain(
            &conflict::Scene {
                db: &self.db,
                port: &self.port,
                before: &before.release,
                release: &ground.release,
                base: ground.tree,
                tree: placed.last().map_or(ground.tree, |last| last.tree),
                earlier,
                history: self.history.as_deref(),
            },
            &patch,
            "the three-way merge left conflicts",
        ))
    }

    /// A commit for a change alone, without generated files.
    fn member(&self, generator: &Generator, change: &Change) -> Result<Member> {
        let after = generator.with_files_of(change.after, change.before)?;
        let ground = Message {
            text: "what the next commit was made on\n".into(),
            ..change.message.clone()
        };
        let parent = self.db.commit(&ground, change.before, None)?;
        let commit = self.db.commit(&change.message, after, Some(parent))?;
        Ok(Member {
            slug: change.slug.clone(),
            commit: commit.to_string(),
        })
    }
}
