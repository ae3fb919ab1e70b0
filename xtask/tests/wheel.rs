//! `wheel`: what is in the wheel, and that it is the same whenever it is made.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::Fixture;

/// A fixture whose archive can be packed.
fn fixture() -> Fixture {
    let fixture = Fixture::buildable();
    fixture.archive(41);
    let port = "root/cpython-ports/9.9/port.toml";
    fixture.replace(
        port,
        "[profile.dev]",
        "[profile.hooks]\nabout = \"the patches alone\"\nconfigure = []\narchive = false\n\n\
         [profile.plain]\nabout = \"as upstream has it\"\nconfigure = []\n\n[profile.dev]",
    );
    for (file, text) in [
        ("LICENSE", "Ours.\n"),
        ("counter/wheel/clinker.pth", "import clinker\n"),
        ("counter/wheel/clinker/__init__.py", "missing = None\n"),
        ("counter/wheel/clinker/lazy/__init__.py", "MODES = ()\n"),
        ("counter/src/python/jit.py", "import _jit\n"),
        ("counter/data/lazy-default.profile", "runs 1\n"),
        (
            "counter/wheel/extension.map",
            include_str!("../../jit-rs/wheel/extension.map"),
        ),
        (
            "counter/extension.mk",
            include_str!("../../jit-rs/extension.mk"),
        ),
    ] {
        fixture.write(&format!("root/{file}"), text);
    }
    fixture
}

/// Makes the wheel, and unpacks it into a folder of the fixture.
fn unpacked(fixture: &Fixture, folder: &str) -> (PathBuf, PathBuf) {
    let wheel = PathBuf::from(fixture.xtask(&["wheel"]).ok().out.trim());
    let to = fixture.path().join(folder);
    let file = std::fs::File::open(&wheel).expect("a wheel");
    let mut archive = zip::ZipArchive::new(file).expect("a zip file");
    archive.extract(&to).expect("unpacked");
    (wheel, to)
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a file")
}

#[test]
fn it_has_the_archive_as_an_extension_module_that_shows_its_init_function_alone() {
    let fixture = fixture();
    let (wheel, folder) = unpacked(&fixture, "unpacked");
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    let start = format!(
        "clinker-{}+py9.9.4-cp99-cp99-manylinux_2_",
        env!("CARGO_PKG_VERSION")
    );
    assert!(name.starts_with(&start), "{name}");
    assert_eq!(read(&folder, "clinker.pth"), "import clinker\n");
    assert_eq!(read(&folder, "clinker/jit.py"), "import _jit\n");
    assert_eq!(read(&folder, "clinker/lazy/__init__.py"), "MODES = ()\n");
    assert_eq!(read(&folder, "clinker/lazy/default.profile"), "runs 1\n");
    let about = format!("clinker-{}+py9.9.4.dist-info", env!("CARGO_PKG_VERSION"));
    let metadata = read(&folder, &format!("{about}/METADATA"));
    assert!(
        metadata.contains("\nRequires-Python: ==9.9.*\n"),
        "{metadata}"
    );
    let tag = name
        .trim_end_matches(".whl")
        .rsplitn(4, '-')
        .take(3)
        .collect::<Vec<_>>();
    let tag = format!("\nTag: {}-{}-{}\n", tag[2], tag[1], tag[0]);
    assert!(read(&folder, &format!("{about}/WHEEL")).ends_with(&tag));
    assert_eq!(
        read(&folder, &format!("{about}/licenses/LICENSE")),
        "Ours.\n"
    );

    for file in ["_native.so", "_stock.so"] {
        shows_its_init_function_alone(&folder.join("clinker").join(file));
    }
}

fn shows_its_init_function_alone(native: &Path) {
    let said = Command::new("python3")
        .args([
            "-c",
            "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).PyInit__jit())",
        ])
        .arg(native)
        .output()
        .expect("running python3");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "41\n", "{said:?}");
    let shown = Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(native)
        .output();
    let shown = String::from_utf8_lossy(&shown.expect("running nm").stdout).into_owned();
    assert!(
        shown.lines().all(|line| line.ends_with(" T PyInit__jit")),
        "{shown}"
    );
}

#[test]
fn it_is_the_same_when_nothing_changed_and_follows_its_sources() {
    let fixture = fixture();
    let make = || {
        let wheel = fixture.xtask(&["wheel"]).ok().out;
        std::fs::read(wheel.trim()).expect("a wheel")
    };
    let wheel = make();
    assert_eq!(make(), wheel);
    fixture.archive(42);
    assert_ne!(make(), wheel);
    fixture.archive(41);
    assert_eq!(make(), wheel);
}
