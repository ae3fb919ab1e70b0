//! `fetch` against a local HTTP server, a cache, given files and a fake apt: what it takes, refuses and heals.

mod support;

use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use support::Ran;
use tempfile::TempDir;

/// Tree id of the files that [`tarball`] makes.
fn tree(content: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = git2::Repository::init_bare(folder.path()).expect("a repository");
    let blob = repository.blob(content.as_bytes()).expect("a blob");
    let mut builder = repository.treebuilder(None).expect("a tree");
    builder
        .insert("configure", blob, 0o100_644)
        .expect("an entry");
    builder.write().expect("a tree").to_string()
}

/// A `.tar.xz` with the one file `configure`.
fn tarball(content: &str) -> Vec<u8> {
    let encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    let mut builder = tar::Builder::new(encoder);
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let name = "Python-9.9/configure";
    builder
        .append_data(&mut header, name, content.as_bytes())
        .expect("an entry");
    let encoder = builder.into_inner().expect("a tarball");
    encoder.finish().expect("a compressed tarball")
}

/// Text that xz cannot make much smaller.
fn long_text() -> String {
    let mut text = String::new();
    for number in 0..2000_u32 {
        text += &format!("{:x?}\n", Sha256::digest(number.to_le_bytes()));
    }
    text
}

fn sha256(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A folder with a repository, a cache and a target directory.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(port: &str) -> Self {
        let place = Self {
            folder: tempfile::tempdir().expect("a folder"),
        };
        place.write("root/cpython-ports/9.9/port.toml", port.as_bytes());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        std::fs::write(&file, content).expect("a file");
        file
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .args(["--port", "9.9"])
            .env("CLINKER_ROOT", self.path("root"))
            .env("CLINKER_CACHE", self.path("cache"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("NO_COLOR", "1")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .env_remove("ALL_PROXY")
            .env_remove("all_proxy")
            .current_dir(self.folder.path());
        command
    }

    fn fetch(&self, arguments: &[&str]) -> Ran {
        let mut all = vec!["fetch"];
        all.extend(arguments);
        support::ran(&self.command(&all).output().expect("xtask runs"))
    }
}

fn port(releases: &str) -> String {
    format!(
        "name = \"9.9\"\nseries = \"patches/9.9\"\n[abi]\npyc-magic = 1\nsoabi = \"cpython-99\"\n{releases}\n\
         [profile.dev]\nabout = \"for tests\"\nconfigure = []\n"
    )
}

fn release(version: &str, content: &str, data: &[u8], origin: &str) -> String {
    format!(
        "[[release]]\nversion = \"{version}\"\nversion-hex = 1\ntree = \"{}\"\nsha256 = \"{}\"\n{origin}\n",
        tree(content),
        sha256(data)
    )
}

/// What the server does with one request.
#[derive(Clone, Copy)]
enum Does {
    /// Sends all that is asked for.
    Sends,
    /// Announces everything and sends half.
    BreaksOff,
    /// Answers with an error status.
    Fails(u16),
}

/// Serves `data`; the list says what to do with each request in turn, its last entry with all further ones.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(data: Vec<u8>, does: &'static [Does]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!(
            "http://{}/Python-9.9.tar.xz",
            listener.local_addr().expect("an address")
        );
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                let range = answer(stream, &data, does[number.min(does.len() - 1)]);
                seen.lock().expect("no panic").push(range);
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// Answers one request and returns the range it asked for.
fn answer(mut stream: TcpStream, data: &[u8], does: Does) -> String {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut range = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("range: bytes=") {
            range = value.to_owned();
        }
        if line.is_empty() {
            break;
        }
    }
    let start = range
        .trim_end_matches('-')
        .parse()
        .unwrap_or(0)
        .min(data.len());
    let rest = &data[start..];
    let status = match does {
        Does::Fails(status) => format!("{status} Error"),
        _ if start > 0 => "206 Partial Content".into(),
        _ => "200 OK".into(),
    };
    let body = match does {
        Does::Sends => rest,
        Does::BreaksOff => &rest[..rest.len() / 2],
        Does::Fails(_) => &[],
    };
    let announced = if matches!(does, Does::Fails(_)) {
        0
    } else {
        rest.len()
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n");
    // The other side may have gone away: that is its business.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    range
}

/// A place whose one release comes from a server that serves `served` under the hash of `right`.
fn served(content: &str, right: &[u8], served: Vec<u8>, does: &'static [Does]) -> (Place, Server) {
    let server = Server::new(served, does);
    let origin = format!("tarball = \"{}\"", server.address);
    (
        Place::new(&port(&release("9.9.1", content, right, &origin))),
        server,
    )
}

#[test]
fn a_download_is_kept_in_the_cache_and_in_the_object_database() {
    let data = tarball("one\n");
    let (place, server) = served("one\n", &data, data.clone(), &[Does::Sends]);
    place
        .fetch(&[])
        .fails(0)
        .prints(&format!("9.9.1 {} {}", tree("one\n"), server.address));
    place.fetch(&[]).fails(0).prints("object database");
    std::fs::remove_dir_all(place.path("target")).expect("removed");
    place.fetch(&["--offline"]).fails(0).prints(" cache");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_download_that_breaks_off_is_resumed() {
    let text = long_text();
    let data = tarball(&text);
    let (place, server) = served(&text, &data, data.clone(), &[Does::BreaksOff, Does::Sends]);
    place.fetch(&[]).fails(0).says("Retrying");
    assert_eq!(
        server.requests(),
        [String::new(), format!("{}-", data.len() / 2)]
    );
}

#[test]
fn a_download_that_was_killed_is_resumed_by_the_next_run() {
    let text = long_text();
    let data = tarball(&text);
    let (place, server) = served(&text, &data, data.clone(), &[Does::Sends]);
    place.write("cache/Python-9.9.tar.xz.part", &data[..1000]);
    place.fetch(&[]).fails(0);
    assert_eq!(server.requests(), ["1000-"]);
    assert!(!place.path("cache/Python-9.9.tar.xz.part").exists());
}

#[test]
fn a_broken_part_of_an_earlier_run_is_thrown_away() {
    let data = tarball("one\n");
    let (place, server) = served("one\n", &data, data.clone(), &[Does::Sends]);
    place.write("cache/Python-9.9.tar.xz.part", b"garbage");
    place
        .fetch(&[])
        .fails(0)
        .says("what an earlier run had downloaded was broken");
    assert_eq!(server.requests(), ["7-", ""]);
}

#[test]
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let data = tarball("one\n");
    let (place, _server) = served(
        "one\n",
        &data,
        data.clone(),
        &[Does::Fails(503), Does::Sends],
    );
    place.fetch(&[]).fails(0).says("the server answered 503");
}

#[test]
fn a_missing_tarball_is_passed_over_at_once() {
    let data = tarball("one\n");
    let (place, server) = served("one\n", &data, data.clone(), &[Does::Fails(404)]);
    place
        .fetch(&[])
        .fails(2)
        .says("no origin has the sources")
        .says("the server answered 404");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_hash_is_an_integrity_error_and_nothing_is_kept() {
    let data = tarball("one\n");
    let other = tarball("another\n");
    let (place, _server) = served("one\n", &data, other.clone(), &[Does::Sends]);
    place
        .fetch(&[])
        .fails(4)
        .says("has the wrong hash")
        .says(&sha256(&data))
        .says(&sha256(&other));
    assert!(!place.path("cache/Python-9.9.tar.xz").exists());
    assert!(!place.path("cache/Python-9.9.tar.xz.part").exists());
}

#[test]
fn a_wrong_tree_is_an_integrity_error() {
    let data = tarball("one\n");
    let (place, _server) = served("another\n", &data, data.clone(), &[Does::Sends]);
    let ran = place
        .fetch(&[])
        .fails(4)
        .says("the sources are not those of CPython 9.9.1");
    ran.says(&tree("one\n")).says(&tree("another\n"));
}

#[test]
fn a_broken_file_in_the_cache_is_fetched_again() {
    let data = tarball("one\n");
    let (place, _server) = served("one\n", &data, data.clone(), &[Does::Sends]);
    place.write("cache/Python-9.9.tar.xz", b"broken");
    place
        .fetch(&[])
        .fails(0)
        .says("from the cache: the SHA-256 of");
    assert_eq!(
        std::fs::read(place.path("cache/Python-9.9.tar.xz")).expect("a file"),
        data
    );
}

#[test]
fn a_file_in_the_cache_is_not_lost_when_nothing_replaces_it() {
    let data = tarball("one\n");
    let (place, _server) = served("one\n", &data, data.clone(), &[]);
    place.write("cache/Python-9.9.tar.xz", b"broken");
    place.fetch(&["--offline"]).fails(4).says(&format!(
        "is {}, and {} is recorded",
        sha256(b"broken"),
        sha256(&data)
    ));
    assert_eq!(
        std::fs::read(place.path("cache/Python-9.9.tar.xz")).expect("a file"),
        b"broken"
    );
}

#[test]
fn a_full_disk_is_named() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let text = long_text();
    let data = tarball(&text);
    let (place, _server) = served(&text, &data, data.clone(), &[Does::Sends]);
    std::fs::create_dir_all(place.path("cache")).expect("a folder");
    std::os::unix::fs::symlink("/dev/full", place.path("cache/Python-9.9.tar.xz.part"))
        .expect("a link");
    place
        .fetch(&[])
        .fails(2)
        .says("cannot write a download")
        .says("free some space on the disk");
}

#[test]
fn without_a_network_the_error_says_so_soon_and_names_the_next_step() {
    let data = tarball("one\n");
    // Nothing listens on port 9 of this machine; the name is reserved for never being found.
    let origin = "tarball = \"http://127.0.0.1:9/Python-9.9.tar.xz\"\n\
                  git = { remote = \"https://upstream.invalid/cpython\", tag = \"v9.9.1\" }";
    let place = Place::new(&port(&release("9.9.1", "one\n", &data, origin)));
    let start = std::time::Instant::now();
    place
        .fetch(&[])
        .fails(2)
        .says("Passed over 9.9.1 from http://127.0.0.1:9/Python-9.9.tar.xz")
        .says("Passed over tag v9.9.1")
        .says("cargo xtask fetch --source");
    assert!(start.elapsed() < std::time::Duration::from_secs(10));
}

#[test]
fn offline_asks_no_server() {
    let data = tarball("one\n");
    let (place, server) = served("one\n", &data, data.clone(), &[Does::Sends]);
    place
        .fetch(&["--offline"])
        .fails(2)
        .says("--offline was given");
    assert!(server.requests().is_empty());
}

#[test]
fn the_newest_release_that_can_be_had_is_taken() {
    let (new, old) = (tarball("new\n"), tarball("old\n"));
    let missing = Server::new(new.clone(), &[Does::Fails(404)]);
    let there = Server::new(old.clone(), &[Does::Sends]);
    let address = |server: &Server, name: &str| {
        format!(
            "tarball = \"{}\"",
            server.address.replace("Python-9.9", name)
        )
    };
    let place = Place::new(&port(&format!(
        "{}{}",
        release("9.9.2", "new\n", &new, &address(&missing, "new")),
        release("9.9.1", "old\n", &old, &address(&there, "old"))
    )));
    place
        .fetch(&[])
        .fails(0)
        .says("Passed over 9.9.2")
        .prints("9.9.1 ");
    place
        .fetch(&["--release", "9.9.2"])
        .fails(2)
        .says("no origin has the sources of CPython 9.9.2");
    place
        .fetch(&["--release", "9.9.7"])
        .fails(2)
        .says("port 9.9 has no release 9.9.7");
}

#[test]
fn a_given_tarball_or_folder_must_be_the_release() {
    let data = tarball("one\n");
    let origin = "tarball = \"http://127.0.0.1:9/Python-9.9.tar.xz\"";
    let place = Place::new(&port(&release("9.9.1", "one\n", &data, origin)));
    let right = place.write("right.tar.xz", &data);
    let cut = place.write("cut.tar.xz", &data[..data.len() / 2]);
    place.write("folder/configure", b"one\n");
    place.write("changed/configure", b"one\nand more\n");
    let source = |path: &Path| path.display().to_string();
    place
        .fetch(&["--source", &source(&cut)])
        .fails(4)
        .says("is not the tarball")
        .says(&sha256(&data));
    place
        .fetch(&["--source", &source(&right)])
        .fails(0)
        .prints(&tree("one\n"));
    place
        .fetch(&["--source", "folder"])
        .fails(0)
        .prints(&tree("one\n"));
    place
        .fetch(&["--source", "changed"])
        .fails(4)
        .says("configure differs");
    place
        .fetch(&["--source", "nowhere"])
        .fails(2)
        .says("nowhere");
}

#[test]
fn a_tarball_that_cannot_be_unpacked_is_an_integrity_error() {
    let data = tarball(&long_text());
    let cut = &data[..data.len() / 2];
    let place = Place::new(&port(&release(
        "9.9.1",
        "one\n",
        cut,
        "tarball = \"http://127.0.0.1:9/x.tar.xz\"",
    )));
    let file = place.write("cut.tar.xz", cut);
    place
        .fetch(&["--source", &file.display().to_string()])
        .fails(4)
        .says("the tarball cannot be unpacked");
}

#[test]
fn an_unknown_key_of_a_port_is_named_with_its_line() {
    let text = port(&release(
        "9.9.1",
        "one\n",
        b"",
        "tarball = \"http://127.0.0.1:9/x\"\ntarbal = 1",
    ));
    let place = Place::new(&text);
    place
        .fetch(&[])
        .fails(2)
        .says("unknown field `tarbal`")
        .says("port.toml")
        .says("line ");
}

#[test]
fn apt_is_run_on_a_private_folder_with_the_machines_archive() {
    let data = tarball("one\n");
    let origin =
        "distribution = { package = \"python9.9\", version = \"9.9.1\", suite = \"next\" }";
    let place = Place::new(&port(&release("9.9.1", "one\n", &data, origin)));
    place.write("mirror/python9.9_9.9.1.orig.tar.xz", &data);
    let os = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        let line = os
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    let suite = Some(field("VERSION_CODENAME"))
        .filter(|name| !name.is_empty())
        .unwrap_or("stable".into());
    let sources = format!(
        "deb http://tools.example/{suite} {suite} main\ndeb [signed-by=/k.gpg] http://mirror.example/{} {suite} main\n",
        field("ID")
    );
    place.write("sources.list", sources.as_bytes());
    let tools = place.path("bin");
    let script = |name: &str, text: &str| {
        let file = place.write(
            &format!("bin/{name}"),
            format!("#!/bin/sh\n{text}").as_bytes(),
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    let here = place.folder.path().display();
    script(
        "apt-config",
        &format!("echo \"LIST='{here}/sources.list'\"\necho \"PARTS='{here}/none'\"\n"),
    );
    script(
        "apt-cache",
        "printf 'Version: 9.9.1-3\\nFiles:\\n 00 1 python9.9_9.9.1.orig.tar.xz\\n'\n",
    );
    script(
        "apt-get",
        &format!(
            "echo \"$@\" >> {here}/calls\ncase \"$*\" in *source*) cp {here}/mirror/* . ;; esac\n"
        ),
    );
    let path = format!(
        "{}:{}",
        tools.display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let ran = place
        .command(&["fetch"])
        .env("PATH", path)
        .output()
        .expect("xtask runs");
    support::ran(&ran)
        .fails(0)
        .prints("source package python9.9 9.9.1 of next");
    let read = |name: &str| {
        let mut text = String::new();
        let mut file = std::fs::File::open(place.path(name)).expect("a file");
        file.read_to_string(&mut text).expect("text");
        text
    };
    let asked = read("target/clinker/apt/next/archive.sources");
    assert!(asked.contains("URIs: http://mirror.example/"), "{asked}");
    assert!(
        asked.contains("Suites: next") && asked.contains("Signed-By: /k.gpg"),
        "{asked}"
    );
    assert!(read("calls").contains("python9.9=9.9.1-3"));
}
