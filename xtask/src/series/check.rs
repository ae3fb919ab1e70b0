//! Checks of a series: every finding is collected, none stops the others.

use super::generate::Generator;
use super::lock_file::{LockFile, REFRESH, sha256};
use super::restack::Placed;
use super::{Series, Stack, apply, slug, write};
use crate::commands::SourceOptions;
use crate::error::{Context, Failure, Kind, Result};
use crate::git::Database;
use crate::port::{Port, Release};
use crate::ui;
use crate::workspace::Workspace;
use git2::Oid;
use std::collections::BTreeMap;

/// What is wrong with what can be seen in the files alone.
///
/// # Errors
/// When a file cannot be read.
pub fn files(db: &Database, port: &Port, series: &Series) -> Result<Vec<Failure>> {
    let mut findings = Vec::new();
    let generator = Generator::new(db, port)?;
    let mut seen: Vec<&str> = Vec::new();
    for patch in series.patches() {
        let found = |what: String| {
            Failure::check(format!("patch {}: {what}", patch.slug)).at(patch.file.display())
        };
        let name = slug(patch.subject());
        if name != patch.slug {
            findings.push(
                found(format!("its subject says it is called {name}.patch"))
                    .next(format!("`{REFRESH}` renames it")),
            );
        }
        match patch.trailers() {
            Err(failure) => findings.push(failure),
            Ok(trailers) => {
                let missing = trailers
                    .depends_on
                    .iter()
                    .filter(|slug| !seen.contains(&slug.as_str()));
                findings.extend(missing.map(|slug| {
                    found(format!(
                        "it depends on {slug}, which does not come before it"
                    ))
                    .next(format!(
                        "`cargo xtask patch move {} --after {slug}`",
                        patch.slug
                    ))
                }));
            }
        }
        for file in patch
            .files
            .iter()
            .filter(|file| generator.makes(file.path()))
        {
            findings.push(
                Failure::check(format!(
                    "patch {}: it changes {}, which is generated",
                    patch.slug,
                    file.path()
                ))
                .at(format!("{}:{}", patch.file.display(), file.line))
                .next(format!("`{REFRESH}` takes it out")),
            );
        }
        seen.push(&patch.slug);
    }
    findings.extend(strays(series)?);
    findings.extend(drift(series)?);
    Ok(findings)
}

/// Patch files that no series names.
fn strays(series: &Series) -> Result<Vec<Failure>> {
    let folder = series.folder();
    let mut findings = Vec::new();
    if !folder.is_dir() {
        return Ok(findings);
    }
    for entry in std::fs::read_dir(folder).doing("list", folder)? {
        let path = entry.doing("list", folder)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_patch = path.extension().is_some_and(|end| end == "patch");
        if is_patch && !series.patches().iter().any(|patch| patch.slug == name) {
            findings.push(
                Failure::check(format!("{name}.patch is not in the series"))
                    .at(path.display())
                    .next("add a line for it to `series`, or remove it"),
            );
        }
    }
    Ok(findings)
}

/// Differences of the patch files from the lock.
fn drift(series: &Series) -> Result<Vec<Failure>> {
    let place = LockFile::path(series.folder());
    let finding = |what: String| {
        Failure::check(what)
            .at(place.display())
            .next(format!("`{REFRESH}` writes it; look at what changes"))
    };
    let Some(lock) = LockFile::load(series.folder())? else {
        return Ok(vec![finding("the series has no series.lock".into())]);
    };
    let locked: Vec<&str> = lock
        .patches
        .iter()
        .map(|patch| patch.slug.as_str())
        .collect();
    if locked != series.list().slugs() {
        return Ok(vec![finding(
            "series.lock has other patches than the series, or another order".into(),
        )]);
    }
    let now = LockFile::of(&lock.release, series, &BTreeMap::new())?;
    let pairs = lock.patches.iter().zip(&now.patches);
    Ok(pairs
        .filter(|(then, now)| then.sha256 != now.sha256)
        .map(|(then, now)| {
            let same = then.patch_id == now.patch_id;
            finding(format!(
                "patch {} is not the one that series.lock records{}",
                then.slug,
                if same { " (its changes are)" } else { "" }
            ))
        })
        .collect())
}

/// What is wrong with the series on one release: it does not apply, gives other trees than recorded, leaves generated
/// files out of date, or its files are not as `patch refresh` would write them.
///
/// # Errors
/// When something cannot be read.
pub fn on_release(
    workspace: &Workspace,
    db: &Database,
    port: &Port,
    series: &Series,
    release: &Release,
    tree: Oid,
) -> Result<Vec<Failure>> {
    let stack = match apply(db, port, release, tree, series, None) {
        Ok(stack) => stack,
        Err(failure) if matches!(failure.kind, Kind::Person | Kind::Check) => {
            return Ok(vec![failure]);
        }
        Err(failure) => return Err(failure),
    };
    let mut findings = Vec::new();
    let stale = Generator::new(db, port)?.stale(stack.tip_tree())?;
    if !stale.is_empty() {
        findings.push(
            Failure::check(format!(
                "on CPython {}: generated files are out of date: {}",
                release.version,
                stale.join(", ")
            ))
            .at(workspace.port_file(&port.name).display())
            .because("their generators make something else of the patched sources, though no listed input changed")
            .next("add the missing patterns to `inputs`"),
        );
    }
    let Some(lock) = LockFile::load(series.folder())? else {
        return Ok(findings);
    };
    findings.extend(other_trees(&lock, series, release, &stack));
    if lock.release == release.version {
        let placed: Vec<Placed> = series
            .patches()
            .iter()
            .zip(&stack.applied)
            .map(|(patch, applied)| Placed {
                slug: Some(patch.slug.clone()),
                message: patch.message.clone(),
                tree: applied.tree,
            })
            .collect();
        let written = write::patches(workspace, db, port, tree, &placed)?;
        for (patch, written) in series.patches().iter().zip(&written) {
            if sha256(&patch.raw) != sha256(&written.raw) {
                findings.push(
                    Failure::check(format!(
                        "patch {} is not as `{REFRESH}` writes it",
                        patch.slug
                    ))
                    .at(patch.file.display())
                    .next(format!("`{REFRESH}`")),
                );
            }
        }
    }
    Ok(findings)
}

fn other_trees(lock: &LockFile, series: &Series, release: &Release, stack: &Stack) -> Vec<Failure> {
    let place = LockFile::path(series.folder());
    let pairs = lock.patches.iter().zip(&stack.applied);
    let differing = pairs.filter(|(locked, applied)| {
        locked.trees.get(&release.version).map(String::as_str)
            != Some(applied.tree.to_string().as_str())
    });
    // All patches after the first have other trees as well.
    let first = differing.take(1).map(|(locked, applied)| {
        let recorded = locked.trees.get(&release.version);
        Failure::check(format!(
            "patch {} does not give the recorded tree on CPython {}",
            applied.slug, release.version
        ))
        .at(place.display())
        .because(format!(
            "it gives {}, recorded is {}",
            applied.tree,
            recorded.map_or("none", String::as_str)
        ))
        .next(format!("`{REFRESH}`; look at what changes"))
    });
    first.collect()
}

/// The releases that are looked at, with their trees. With `every`, each one that can be had; else the one that
/// `options` give and those that are on this machine.
///
/// # Errors
/// When none can be had, or one has not its recorded hash.
pub fn releases(
    workspace: &Workspace,
    port: &Port,
    options: &SourceOptions,
    every: bool,
) -> Result<Vec<(Release, Oid)>> {
    let first = crate::source::obtain(workspace, port, options)?;
    let mut found = vec![(first.release.clone(), first.tree)];
    if options.release.is_some() || options.source.is_some() {
        return Ok(found);
    }
    for release in &port.releases {
        if release.version == first.release.version {
            continue;
        }
        let wanted = SourceOptions {
            release: Some(release.version.clone()),
            offline: options.offline || !every,
            ..options.clone()
        };
        match crate::source::obtain(workspace, port, &wanted) {
            Ok(obtained) => found.push((obtained.release, obtained.tree)),
            Err(failure) if failure.kind == Kind::Environment => {
                ui::warn(format_args!(
                    "CPython {} cannot be had and is not checked",
                    release.version
                ));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(found)
}
