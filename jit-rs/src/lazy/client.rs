//! The one state of the client, from the options to the end of the interpreter.

use super::log::{DoneNow, Log, Site};
use super::options::{Options, Report, Use};
use super::profile::Profile;
use super::report;
use super::rules::Decision;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// A started client.
#[derive(Debug)]
pub struct Client {
    options: Options,
    /// What happened so far.
    pub log: Log,
    /// The process that reports: children of a fork do not.
    process: u32,
}

static STATE: Mutex<Option<Box<Client>>> = Mutex::new(None);

/// Runs `act` on the client, if there is one. A panic in it turns the client off.
pub fn with<T: Default>(act: impl FnOnce(&mut Client) -> T) -> T {
    // A panic is caught below before it could poison the lock.
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(client) = &mut *state else {
        return T::default();
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(client)));
    result.unwrap_or_else(|_| {
        *state = None;
        let _ = writeln!(
            io::stderr(),
            "clinker: lazy imports: turned off after an internal error"
        );
        T::default()
    })
}

/// Starts the client.
pub fn start(options: Options) {
    let client = Client {
        options,
        log: Log::default(),
        process: std::process::id(),
    };
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(client));
}

/// Ends it, with its report.
pub fn finish() {
    with(|client| client.finish());
    *STATE.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

impl Client {
    /// Whether changes of the interpreter's state are looked for.
    pub fn wants_effects(&self) -> bool {
        matches!(self.options.profile, Use::Record(_) | Use::Check(_))
    }

    /// What is to be done with an import that a mode asks to defer.
    pub fn decide(&self, importer: &str, module: &str) -> Option<Decision> {
        let profile = match &self.options.profile {
            Use::Apply(profile) => profile.decide(importer, module),
            Use::Check(_) => Some(Decision::Eager),
            Use::None | Use::Record(_) => None,
        };
        match self.options.profile {
            Use::Check(_) => profile,
            _ => self.options.filter.decide(importer, module).or(profile),
        }
    }

    /// An import was done at once.
    pub fn done_now(&mut self, importer: &str, module: &str, site: Site, reason: usize) {
        let mut reason = ["try", "star", "rule", "filter", "effect"]
            .get(reason)
            .copied()
            .unwrap_or("?");
        if let Use::Check(profile) = &self.options.profile
            && reason == "rule"
        {
            let decision = self.options.filter.decide(importer, module);
            if decision.or_else(|| profile.decide(importer, module)) != Some(Decision::Eager) {
                reason = "check";
            }
        }
        self.log.done_now(DoneNow {
            module: module.into(),
            importer: importer.into(),
            site,
            reason,
        });
    }

    fn finish(&mut self) {
        if std::process::id() != self.process {
            return;
        }
        let profile = match &self.options.profile {
            Use::Apply(profile) | Use::Check(profile) => Some(profile),
            Use::None | Use::Record(_) => None,
        };
        if let Use::Check(_) = self.options.profile {
            print(&report::check(&self.log));
        }
        match &self.options.report {
            None => {}
            Some(Report::Print) => print(&report::text(&self.log, profile)),
            Some(Report::Write(file)) => {
                let written = report::json(&self.log, profile)
                    .map_err(io::Error::from)
                    .and_then(|text| std::fs::write(file, text + "\n"));
                complain(written, "the report", file);
            }
        }
        if let Use::Record(file) = &self.options.profile {
            complain(record(&self.log, file), "the profile", file);
        }
    }
}

/// Standard error can be closed: that is no reason to fail.
fn print(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn complain(written: io::Result<()>, what: &str, file: &Path) {
    if let Err(error) = written {
        let file = file.display();
        print(&format!(
            "clinker: lazy imports: cannot write {what} to {file}: {error}\n"
        ));
    }
}

/// Adds the run to the file, which is replaced as a whole.
fn record(log: &Log, file: &Path) -> io::Result<()> {
    let mut profile = match std::fs::read_to_string(file) {
        Ok(text) if !text.is_empty() => Profile::parse(&text).map_err(io::Error::other)?,
        Ok(_) => Profile::default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Profile::default(),
        Err(error) => return Err(error),
    };
    profile.merge(&log.profile()).map_err(io::Error::other)?;
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(format!(".{}", std::process::id()));
    let done = std::fs::write(&fresh, profile.text()).and_then(|()| std::fs::rename(&fresh, file));
    if done.is_err() {
        let _ = std::fs::remove_file(&fresh);
    }
    done
}
