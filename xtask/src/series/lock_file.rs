//! `series.lock`: what each patch file is and which trees the series gives, so that a drift of either is seen.

use super::{Series, Stack};
use crate::error::{Context, Failure, Result};
use git2::Diff;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The content of a `series.lock`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Release whose line numbers and blob ids the patch files have.
    pub release: String,
    /// The patches in order.
    #[serde(rename = "patch", default)]
    pub patches: Vec<Locked>,
}

/// What is recorded of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Locked {
    /// Name of the patch.
    pub slug: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// What `git patch-id --stable` says of it.
    pub patch_id: String,
    /// Tree after it, by release.
    pub trees: BTreeMap<String, String>,
}

impl LockFile {
    /// Where the lock of a series is.
    pub fn path(series: &Path) -> PathBuf {
        series.join("series.lock")
    }

    /// Reads the lock of the series in `folder`, if there is one.
    ///
    /// # Errors
    /// When it cannot be read or is not valid.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let file = Self::path(folder);
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&file).doing("read", &file)?;
        toml::from_str(&text).map(Some).map_err(|error| {
            Failure::check("series.lock is not valid")
                .at(file.display())
                .because(error)
                .next(format!("remove it and run `{REFRESH}`"))
        })
    }

    /// The lock of a series that was applied to some releases.
    ///
    /// # Errors
    /// When a patch's id cannot be computed.
    pub fn of(release: &str, series: &Series, stacks: &BTreeMap<String, Stack>) -> Result<Self> {
        let mut patches = Vec::new();
        for (position, patch) in series.patches().iter().enumerate() {
            let id = Diff::from_buffer(patch.diff())
                .and_then(|diff| diff.patchid(None))
                .doing("compute the patch id of", &patch.file)?;
            let trees = stacks.iter().filter_map(|(version, stack)| {
                let applied = stack.applied.get(position)?;
                Some((version.clone(), applied.tree.to_string()))
            });
            patches.push(Locked {
                slug: patch.slug.clone(),
                sha256: sha256(&patch.raw),
                patch_id: id.to_string(),
                trees: trees.collect(),
            });
        }
        Ok(Self {
            release: release.to_owned(),
            patches,
        })
    }

    /// The file's text.
    pub fn print(&self) -> String {
        let mut text = format!("# Made by `{REFRESH}`.\nrelease = \"{}\"\n", self.release);
        for patch in &self.patches {
            let trees: Vec<_> = patch
                .trees
                .iter()
                .map(|(version, tree)| format!("\"{version}\" = \"{tree}\""))
                .collect();
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[[patch]]\nslug = \"{}\"\nsha256 = \"{}\"\npatch-id = \"{}\"\ntrees = {{ {} }}\n",
                patch.slug,
                patch.sha256,
                patch.patch_id,
                trees.join(", ")
            );
        }
        text
    }
}

/// The command that writes patch files and lock.
pub const REFRESH: &str = "cargo xtask patch refresh";

/// SHA-256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
