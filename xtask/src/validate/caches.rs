//! The `.pyc` files that the pristine interpreter and the patched one find where the other has left them.

use super::Check;
use crate::build::Built;
use crate::error::{Context, Failure, Result};
use crate::process;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

const NAME: &str = "shared .pyc files";
const KNOWS_LAZY: &str = "import keyword; print('lazy' in keyword.softkwlist)";
const IMPORT: &str = "import sys\nsys.path.insert(0, sys.argv[1])\n\
    try:\n    import module\n    print(module.os.name)\n\
    except SyntaxError:\n    print('SyntaxError')";

/// Each interpreter uses what the other has written. Where a source has a keyword that stock does not know, stock leaves the
/// file alone and reports the keyword.
pub fn check(built: &Built, pristine: &Built) -> Result<Check> {
    let mut problems = Vec::new();
    for (writer, reader) in [(pristine, built), (built, pristine)] {
        let folder = Folder::new("import os\n")?;
        let said = import(writer, folder.path())?;
        let before = folder.cache()?;
        if import(reader, folder.path())? != said || folder.cache()? != before {
            problems.push(format!(
                "{} does not use what {} wrote",
                reader.python.display(),
                writer.python.display()
            ));
        }
    }
    let mut found = "either interpreter uses the other's".to_owned();
    if run(built, &["-c", KNOWS_LAZY])?.trim() == "True" {
        let folder = Folder::new("lazy import os\n")?;
        let said = import(built, folder.path())?;
        let before = folder.cache()?;
        let stock = import(pristine, folder.path())?;
        if stock.trim() != "SyntaxError" {
            problems.push(format!("stock says `{}` to the keyword", stock.trim()));
        }
        if import(built, folder.path())? != said || folder.cache()? != before {
            problems.push("the file of a source with the keyword does not stay".into());
        }
        found += "; stock takes the source if it has the keyword";
    }
    Ok(Check::of(NAME, &problems, found))
}

/// A folder with a source file.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(source: &str) -> Result<Self> {
        let folder = tempfile::tempdir().doing("make a temporary folder for", Path::new(NAME))?;
        let path = folder.path().join("module.py");
        fs::write(&path, source).doing("write", &path)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What tells whether the cache was written again, and its content.
    fn cache(&self) -> Result<(u64, Vec<u8>)> {
        let folder = self.path().join("__pycache__");
        let mut entries = fs::read_dir(&folder).doing("read", &folder)?;
        let entry = entries
            .next()
            .ok_or_else(|| Failure::check("no .pyc file was written").at(folder.display()))?
            .doing("read", &folder)?;
        let path = entry.path();
        let inode = entry.metadata().doing("look at", &path)?.ino();
        Ok((inode, fs::read(&path).doing("read", &path)?))
    }
}

fn import(built: &Built, folder: &Path) -> Result<String> {
    run(built, &["-c", IMPORT, &folder.display().to_string()])
}

fn run(built: &Built, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(&built.python);
    let output = process::without_python_variables(&mut command)
        .args(arguments)
        .envs(&built.environment)
        .stdin(Stdio::null())
        .output()
        .doing("run", &built.python)?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::check("a module cannot be imported")
            .at(built.python.display())
            .because(error.lines().last().unwrap_or_default()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
