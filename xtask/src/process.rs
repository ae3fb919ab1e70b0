//! Runs a program: its output goes to a log file, which is read while it grows to show progress.
//!
//! The program writes to the file and not to a pipe, so that a process it leaves behind can not keep us waiting.

use crate::error::{Context, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// How often the log is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// What a program did.
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// All it printed.
    pub output: String,
}

/// Runs `command` with its output in `log`, which is begun anew, and gives each line to `line` as it comes.
///
/// # Errors
/// When the log cannot be written or the command cannot be started.
pub fn run(command: &mut Command, log: &Path, mut line: impl FnMut(&str)) -> Result<Finished> {
    let folder = log.parent().unwrap_or(log);
    std::fs::create_dir_all(folder).doing("make the folder of logs", folder)?;
    let file = File::create(log).doing("write a log", log)?;
    let copy = file.try_clone().doing("write a log", log)?;
    let program = command.get_program().to_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(copy)
        .spawn()
        .doing("start a program", Path::new(&program))?;
    let mut reader = File::open(log).doing("read a log", log)?;
    let mut bytes = Vec::new();
    let mut shown = 0;
    loop {
        let status = child
            .try_wait()
            .doing("wait for a program", Path::new(&program))?;
        reader.read_to_end(&mut bytes).doing("read a log", log)?;
        while let Some(length) = bytes[shown..].iter().position(|byte| *byte == b'\n') {
            line(&String::from_utf8_lossy(&bytes[shown..shown + length]));
            shown += length + 1;
        }
        if let Some(status) = status {
            return Ok(Finished {
                status,
                output: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
        std::thread::sleep(INTERVAL);
    }
}

/// Takes away the variables that change how Python behaves, so that results do not depend on who runs it.
pub fn without_python_variables(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PYTHON") {
            command.env_remove(&name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_are_logged_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a/run.log");
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; printf rest; exit 3"]);
        let finished = run(&mut command, &log, |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.output, "out\nerr\nrest");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), finished.output);
        assert_eq!(lines, ["out", "err"]);
    }

    #[test]
    fn a_process_left_behind_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let start = std::time::Instant::now();
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 20 & echo done"]);
        run(&mut command, &folder.path().join("log"), |_| {}).unwrap();
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
