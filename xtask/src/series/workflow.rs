//! Changes of a series: edit, refresh, new, drop, move and bump all end here.
//!
//! Each gathers changes in their new order, puts them on a release in memory, and then either writes the series' files
//! or hands a conflict to a person as a plain git state. Nothing is written before all of it is known.

use super::generate::Generator;
use super::journal::Journal;
use super::restack::{Change, Outcome, Placed, place};
use super::session::{Member, Place, Session};
use super::{Patch, Series, Stack, apply, conflict, slug, write};
use crate::commands::SourceOptions;
use crate::error::{Failure, Result};
use crate::git::{Database, Message};
use crate::port::{Port, Release};
use crate::ui;
use crate::workspace::Workspace;
use git2::Oid;
use std::path::{Path, PathBuf};

/// A port whose series is about to change; other commands wait while it is.
pub struct Workshop<'a> {
    workspace: &'a Workspace,
    port: Port,
    db: Database,
    place: Place,
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
        Journal::recover(&db, &Journal::path(workspace, &port.name))?;
        Ok(Self {
            db,
            place,
            port,
            workspace,
            history: None,
        })
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
    fn finish(
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
        use crate::git::command::{git, run};
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
        run(git(&folder)?.args([
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "-m",
            text,
        ]))?;
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

    /// The commits of another repository on top of the release, as changes that are the whole series.
    ///
    /// # Errors
    /// When no commit of it has the release's tree.
    pub fn changes_from(&self, repository: &Path, ground: &Ground) -> Result<Vec<Change>> {
        use crate::git::command::{git, run};
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
                .next("begin from the sources that `cargo xtask patch edit` checks out")
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

    /// The commits after `base` up to `head`, oldest first.
    fn commits(&self, base: Oid, head: Oid) -> Result<Vec<Oid>> {
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

    /// Commits of the work tree as changes, each with the name of the patch it was.
    fn named(&self, commits: &[Oid], known: &[Member]) -> Result<Vec<Change>> {
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

    fn change_of(&self, commit: Oid, slug: Option<String>) -> Result<Change> {
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

impl Session {
    /// The commit the work tree had when it was handed over.
    fn handed_over(&self) -> Result<Oid> {
        oid(self
            .known
            .last()
            .map_or(&self.base, |member| &member.commit))
    }
}

fn oid(text: &str) -> Result<Oid> {
    Oid::from_str(text)
        .map_err(|error| Failure::environment(format!("{text} is not a git id")).because(error))
}
