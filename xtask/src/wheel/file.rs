//! Writes the files of a wheel, with what the specification of wheels wants beside them.

use crate::error::{Failure, Result};
use crate::files::write_atomically;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

/// What the wheel is called, and what it needs.
pub struct Names {
    /// Its version.
    pub version: String,
    /// The versions of Python that it can be installed into.
    pub requires: String,
    /// The interpreter, its ABI and the platform.
    pub tag: String,
    /// The release of CPython that it was made for.
    pub release: String,
}

impl Names {
    /// The name in the wheel of a file about it.
    pub fn metadata_file(&self, name: &str) -> String {
        format!("clinker-{}.dist-info/{name}", self.version)
    }

    /// Writes the wheel into a folder.
    pub fn write(&self, mut files: Vec<(String, Vec<u8>)>, folder: &Path) -> Result<PathBuf> {
        files.push((self.metadata_file("METADATA"), self.metadata().into_bytes()));
        files.push((self.metadata_file("WHEEL"), self.wheel().into_bytes()));
        let record = self.metadata_file("RECORD");
        let list = recorded(&files) + &format!("{record},,\n");
        files.push((record, list.into_bytes()));
        let wheel = folder.join(format!("clinker-{}-{}.whl", self.version, self.tag));
        let packed = pack(&files).map_err(|error| {
            Failure::environment("a wheel cannot be packed")
                .at(wheel.display())
                .because(error)
        })?;
        write_atomically(&wheel, &packed)?;
        Ok(wheel)
    }

    fn metadata(&self) -> String {
        format!(
            "Metadata-Version: 2.4\n\
             Name: clinker\n\
             Version: {version}\n\
             Summary: A just-in-time compiler for CPython\n\
             License-Expression: PSF-2.0\n\
             License-File: LICENSE\n\
             Requires-Python: {requires}\n\
             Description-Content-Type: text/markdown\n\
             \n\
             Compiles Python functions to machine code while they run, in a CPython {release} that has Clinker's patches:\n\
             `python3 -X jit=auto prog.py`, or `PYTHON_JIT=auto`. In a stock CPython {release} it compiles less, and `clinker.missing` says what is\n\
             missing; imports are deferred there by `-X lazy_imports=all`.\n",
            version = self.version,
            requires = self.requires,
            release = self.release,
        )
    }

    fn wheel(&self) -> String {
        format!(
            "Wheel-Version: 1.0\nGenerator: cargo-xtask\nRoot-Is-Purelib: false\nTag: {}\n",
            self.tag
        )
    }
}

/// The lines of RECORD for files.
fn recorded(files: &[(String, Vec<u8>)]) -> String {
    let line = |(name, content): &(String, Vec<u8>)| {
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(content));
        format!("{name},sha256={hash},{}\n", content.len())
    };
    files.iter().map(line).collect()
}

fn pack(files: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let mode = if name.ends_with(".so") { 0o755 } else { 0o644 };
        // The first time that zip files can name: nothing depends on when they were written.
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode);
        archive.start_file(name, options)?;
        archive.write_all(content)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            version: "1.2+py3.13.9".into(),
            requires: "==3.13.*".into(),
            tag: "cp313-cp313-manylinux_2_34_x86_64".into(),
            release: "3.13.9".into(),
        }
    }

    #[test]
    fn a_record_names_each_file_with_its_hash() {
        let files = [("a/b.py".to_owned(), b"x".to_vec())];
        assert_eq!(
            recorded(&files),
            "a/b.py,sha256=LXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE,1\n"
        );
    }

    #[test]
    fn the_same_files_make_the_same_wheel() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| {
            let files = vec![("clinker/_native.so".to_owned(), vec![7; 5000])];
            let wheel = names().write(files, &folder.path().join(name));
            let wheel = wheel.expect("a wheel");
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert!(wheel.ends_with("clinker-1.2+py3.13.9-cp313-cp313-manylinux_2_34_x86_64.whl"));
            std::fs::read(wheel).expect("the file")
        };
        let wheel = write("a");
        assert_eq!(wheel, write("b"));

        let mut archive = zip::ZipArchive::new(Cursor::new(wheel)).expect("a zip file");
        let packed: Vec<_> = archive.file_names().map(str::to_owned).collect();
        let about = |name| format!("clinker-1.2+py3.13.9.dist-info/{name}");
        let expected = ["METADATA", "WHEEL", "RECORD"].map(about);
        assert_eq!(packed[0], "clinker/_native.so");
        assert_eq!(packed[1..], expected);
        let record = archive.by_name(&about("RECORD")).expect("a record");
        let record = std::io::read_to_string(record).expect("text");
        assert_eq!(record.lines().count(), 4);
        assert!(record.ends_with("RECORD,,\n"), "{record}");
    }
}
