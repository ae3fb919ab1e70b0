//! Takes a release from its tag in upstream's git repository.
//!
//! The tag is fetched alone, without history, and written out with `git archive`, as upstream does when it makes the
//! tarball: so line ends follow upstream's `.gitattributes`. The repository it is fetched into is there for nothing else: a
//! fetch that was killed leaves locks in it.

use super::{Answer, unpack};
use crate::error::{Context, Failure, Result};
use crate::port::GitOrigin;
use crate::ui;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Fetches the tag into a new repository in `folder` and unpacks its files into the folder `source` there.
pub fn fetch(origin: &GitOrigin, folder: &Path) -> Result<Answer<PathBuf>> {
    let Ok(git) = which::which("git") else {
        return Ok(Answer::Lacks("there is no git command".into()));
    };
    let (database, files) = (folder.join("repository"), folder.join("source"));
    let kept = format!("refs/tags/{}", origin.tag);
    let step = ui::Step::new(
        "Fetching",
        format!("tag {} of {}", origin.tag, origin.remote),
    );
    git2::Repository::init_bare(&database).doing("make a git repository", &database)?;
    let fetched = Command::new(&git)
        .arg("-C")
        .arg(&database)
        // A host that sends nothing for ten seconds is passed over.
        .args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=10"])
        .args([
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
            &origin.remote,
        ])
        .arg(format!("+{kept}:{kept}"))
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .doing("run", &git)?;
    if !fetched.status.success() {
        return Ok(Answer::Lacks(last_line(&fetched.stderr)));
    }
    let mut archive = Command::new(&git)
        .arg("-C")
        .arg(&database)
        .args(["-c", "tar.umask=0022", "-c", "core.autocrlf=false"])
        .args(["archive", "--format=tar", "--prefix=source/", &kept])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .doing("run", &git)?;
    if let Some(mut stream) = archive.stdout.take() {
        unpack::tar(&mut stream, &files, Path::new(&origin.remote))?;
        // The padding after an archive's end is read too: git would fail if nobody did.
        std::io::copy(&mut stream, &mut std::io::sink()).doing("read from", &git)?;
    }
    let output = archive.wait_with_output().doing("wait for", &git)?;
    if !output.status.success() {
        return Err(
            Failure::environment("the files of a tag cannot be written out")
                .at(format!("git archive {kept}"))
                .because(last_line(&output.stderr)),
        );
    }
    step.done();
    Ok(Answer::Have(files))
}

/// The last line a command said that is not empty.
pub fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(
        || "it failed and said nothing".into(),
        |line| line.trim().to_owned(),
    )
}
