//! Copies what users need of a prefix, and writes a folder as a reproducible `.tar.xz`.

use crate::error::{Context, Result};
use crate::ui;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The time of every file: 1980-01-01, the first that zip files can name.
const TIME: u64 = 315_532_800;

/// Copies a prefix without CPython's test suite and byte code.
pub fn copy(prefix: &Path, to: &Path) -> Result<()> {
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name();
        let in_library = entry
            .path()
            .parent()
            .is_some_and(|parent| parent.join("site-packages").is_dir());
        name != "__pycache__" && !(name == "test" && in_library)
    };
    for entry in walkdir::WalkDir::new(prefix)
        .into_iter()
        .filter_entry(wanted)
    {
        let entry = entry.doing("list", prefix)?;
        let path = entry.path();
        let target = to.join(path.strip_prefix(prefix).unwrap_or(path));
        let kind = entry.file_type();
        if kind.is_dir() {
            std::fs::create_dir_all(&target).doing("make a folder", &target)?;
        } else if kind.is_symlink() {
            let link = std::fs::read_link(path).doing("read a link", path)?;
            std::os::unix::fs::symlink(link, &target).doing("make a link", &target)?;
        } else {
            std::fs::copy(path, &target).doing("copy", path)?;
        }
    }
    Ok(())
}

/// Writes `folder` with its name as the one folder of a `.tar.xz`.
pub fn write(folder: &Path, archive: &Path) -> Result<()> {
    let name = archive
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let step = ui::Step::new("Packing", name);
    let file = File::create(archive).doing("write", archive)?;
    let encoder = liblzma::write::XzEncoder::new(file, 6);
    let mut builder = tar::Builder::new(encoder);
    let base = folder.parent().unwrap_or(folder);
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.doing("list", folder)?;
        let path = entry.path();
        let name = path.strip_prefix(base).unwrap_or(path);
        append(&mut builder, path, name).doing("pack", path)?;
    }
    let encoder = builder.into_inner().doing("pack", archive)?;
    encoder.finish().doing("pack", archive)?;
    step.done();
    Ok(())
}

fn append(builder: &mut tar::Builder<impl Write>, path: &Path, name: &Path) -> std::io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    let mut header = tar::Header::new_gnu();
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    let executable = metadata.permissions().mode() & 0o111 != 0;
    header.set_mode(if metadata.is_dir() || executable {
        0o755
    } else {
        0o644
    });
    header.set_size(0);
    if metadata.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        builder.append_data(&mut header, name, std::io::empty())
    } else if metadata.is_symlink() {
        header.set_entry_type(tar::EntryType::Symlink);
        builder.append_link(&mut header, name, std::fs::read_link(path)?)
    } else {
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(metadata.len());
        builder.append_data(&mut header, name, File::open(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive_whenever_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let pack = |name: &str, order: [&str; 2]| {
            let root = folder.path().join(name).join("clinker");
            std::fs::create_dir_all(root.join("bin")).expect("a folder");
            for file in order {
                std::fs::write(root.join("bin").join(file), file).expect("a file");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            std::os::unix::fs::symlink("one", root.join("bin/link")).expect("a link");
            let archive = folder.path().join(format!("{name}.tar.xz"));
            write(&root, &archive).expect("packed");
            std::fs::read(archive).expect("an archive")
        };
        assert_eq!(pack("a", ["one", "two"]), pack("b", ["two", "one"]));
    }

    #[test]
    fn the_test_suite_and_byte_code_stay_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let prefix = folder.path().join("prefix");
        for file in [
            "lib/p/site-packages/x.py",
            "lib/p/test/t.py",
            "lib/p/__pycache__/a.pyc",
            "lib/p/a/test/u.py",
        ] {
            let file = prefix.join(file);
            std::fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
            std::fs::write(file, "").expect("a file");
        }
        let to = folder.path().join("to");
        copy(&prefix, &to).expect("copied");
        assert!(
            to.join("lib/p/site-packages/x.py").exists() && to.join("lib/p/a/test/u.py").exists()
        );
        assert!(!to.join("lib/p/test").exists() && !to.join("lib/p/__pycache__").exists());
    }
}
