//! Downloads a release's tarball into the cache.
//!
//! A download goes to a `.part` file that the next run resumes, whatever ended the last one. A host that cannot be
//! reached is given up at once; what breaks on the way is tried again.

use super::{Answer, cache::Cache, unpack};
use crate::error::{Context, Failure, Result};
use crate::port::Release;
use crate::ui;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const TRIES: u32 = 4;
const CONNECT: Duration = Duration::from_secs(4);
const STALL: Duration = Duration::from_secs(30);

/// Why a try has ended.
enum Ended {
    /// The server has sent all it has.
    Complete,
    /// Another try may help.
    Broken(String),
    /// Another try will not help.
    Refused(String),
}

/// Downloads `address` and checks its hash.
pub fn fetch(address: &str, release: &Release, cache: &Cache) -> Result<Answer<PathBuf>> {
    let file = cache.file();
    let partial = cache.partial();
    let mut pause = Duration::from_millis(500);
    let mut reason = String::new();
    for attempt in 1..=TRIES {
        let resumed = partial.metadata().is_ok_and(|metadata| metadata.len() > 0);
        match once(address, &partial, &file)? {
            Ended::Complete => {
                let sum = unpack::sha256(&partial)?;
                if sum == release.sha256 {
                    return cache.keep(&partial).map(Answer::Have);
                }
                std::fs::remove_file(&partial).doing("remove a broken download", &partial)?;
                if !resumed {
                    return Err(wrong_hash(address, release, &sum));
                }
                reason = "what an earlier run had downloaded was broken".into();
            }
            Ended::Broken(why) => reason = why,
            Ended::Refused(why) => return Ok(Answer::Lacks(why)),
        }
        if attempt < TRIES {
            ui::say("Retrying", format_args!("{address}: {reason}"));
            std::thread::sleep(pause);
            pause *= 2;
        }
    }
    Ok(Answer::Lacks(format!("{reason}, in {TRIES} tries")))
}

/// The failure of a tarball that is not the release's.
pub fn wrong_hash(origin: &str, release: &Release, sum: &str) -> Failure {
    Failure::integrity(format!("the tarball of CPython {} has the wrong hash", release.version))
        .at(origin)
        .because(format!("its SHA-256 is {sum}"))
        .because(format!("the port records {}", release.sha256))
        .next("do not use what this origin gives; if a new release was just added, check its sha256 in port.toml")
}

fn once(address: &str, partial: &Path, file: &Path) -> Result<Ended> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL))
        .user_agent(concat!("clinker-xtask/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let have = partial.metadata().map_or(0, |metadata| metadata.len());
    let mut request = agent.get(address);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let mut response = match request.call() {
        Ok(response) => response,
        Err(error) => return Ok(classify(&error)),
    };
    let status = response.status().as_u16();
    let append = match status {
        200 => false,
        206 => true,
        // The part is as long as the whole, or longer: its hash will say which.
        416 if have > 0 => return Ok(Ended::Complete),
        408 | 429 | 500..=599 => return Ok(Ended::Broken(format!("the server answered {status}"))),
        _ => return Ok(Ended::Refused(format!("the server answered {status}"))),
    };
    let rest = response
        .headers()
        .get("content-length")
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder).doing("make the folder of the cache", folder)?;
    let mut output = File::options()
        .create(true)
        .write(true)
        .append(append)
        .truncate(!append)
        .open(partial)
        .doing("write a download", partial)?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let before = if append { have } else { 0 };
    let step = ui::Step::bytes("Downloading", name, rest.map(|rest| rest + before));
    step.advance(before);
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                output
                    .write_all(&buffer[..length])
                    .doing("write a download", partial)?;
                received += length as u64;
                step.advance(length as u64);
            }
            Err(error) => return Ok(Ended::Broken(format!("the connection broke: {error}"))),
        }
    }
    output.sync_all().doing("write a download", partial)?;
    if rest.is_some_and(|rest| received < rest) {
        return Ok(Ended::Broken(
            "the server sent less than it announced".into(),
        ));
    }
    step.done();
    Ok(Ended::Complete)
}

/// Whether the same request may succeed in a moment.
fn classify(error: &ureq::Error) -> Ended {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::Interrupted => Ended::Broken(io.to_string()),
            _ => Ended::Refused(io.to_string()),
        },
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
            Ended::Refused("the host does not answer".into())
        }
        ureq::Error::Timeout(_) | ureq::Error::Protocol(_) => Ended::Broken(error.to_string()),
        ureq::Error::HostNotFound => Ended::Refused("there is no such host, or no network".into()),
        _ => Ended::Refused(error.to_string()),
    }
}
