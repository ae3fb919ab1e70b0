//! A new C file is built on every platform: it is in the Makefile or a Setup file, and in a project of PCbuild.

use super::{Change, Finding, is_c};

const NAME: &str = "build-files";

const UNIX: [&str; 4] = [
    "Makefile.pre.in",
    "Modules/Setup",
    "Modules/Setup.bootstrap.in",
    "Modules/Setup.stdlib.in",
];

pub fn lint(change: &Change) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, line) in change.new_files().filter(|(path, _)| is_built(path)) {
        let file = path.rsplit('/').next().unwrap_or(path);
        let object = path.strip_suffix(".c").map(|stem| format!("{stem}.o"));
        // Setup files name a module's sources from Modules/, the Makefile objects and headers from the root.
        let inner = path.strip_prefix("Modules/").unwrap_or(path);
        let unix = UNIX
            .iter()
            .filter_map(|name| change.files.read(name))
            .any(|text| {
                mentions(&text, path)
                    || mentions(&text, inner)
                    || object.as_ref().is_some_and(|o| mentions(&text, o))
            });
        if !unix {
            findings.push(change.error(
                NAME,
                line,
                format!("{path} is neither in Makefile.pre.in nor in a Setup file of Modules/"),
            ));
        }
        // Projects list the headers of Include/ and no others.
        if path.ends_with(".h") && !path.starts_with("Include/") {
            continue;
        }
        let windows = change
            .files
            .paths()
            .iter()
            .filter(|name| name.starts_with("PCbuild/") && name.ends_with(".vcxproj"))
            .filter_map(|name| change.files.read(name))
            .any(|text| text.contains(&format!("\\{file}\"")));
        if !windows {
            findings.push(change.error(NAME, line, format!("{path} is in no project of PCbuild")));
        }
    }
    findings
}

fn is_built(path: &str) -> bool {
    is_c(path)
        && !path.contains("/clinic/")
        && ["Python/", "Objects/", "Parser/", "Modules/", "Include/"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// Whether `name` stands in the text as a whole word of a build file.
fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c == '/' && !name.contains('/') || c == ':')
        .any(|word| word == name || word.ends_with(&format!("/{name}")))
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::*;

    fn found(path: &str, there: &[(&str, &str)]) -> Vec<String> {
        findings(lint, "Add", "News: none [x]", &[(path, "int x;")], there)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn files_in_both_builds_pass() {
        let make = (
            "Makefile.pre.in",
            "OBJS= \\\n\t\tPython/hooks.o \\\n\t\t$(srcdir)/Include/internal/pycore_x.h \\\n",
        );
        let project = (
            "PCbuild/pythoncore.vcxproj",
            "<ClCompile Include=\"..\\Python\\hooks.c\" />\n<ClInclude Include=\"..\\Include\\internal\\pycore_x.h\" />",
        );
        assert_eq!(found("Python/hooks.c", &[make, project]), [""; 0]);
        assert_eq!(
            found("Include/internal/pycore_x.h", &[make, project]),
            [""; 0]
        );
        let setup = (
            "Modules/Setup.stdlib.in",
            "@T@_testx _testx.c _testx/hooks.c",
        );
        let test = (
            "PCbuild/_testx.vcxproj",
            "Include=\"..\\Modules\\_testx\\hooks.c\"",
        );
        assert_eq!(found("Modules/_testx/hooks.c", &[setup, test]), [""; 0]);
        assert_eq!(found("Doc/includes/x.c", &[]), [""; 0]);
    }

    #[test]
    fn a_file_missing_in_either_build_is_found() {
        let make = ("Makefile.pre.in", "Python/hooks.o");
        let project = (
            "PCbuild/pythoncore.vcxproj",
            "Include=\"..\\Python\\hooks.c\"",
        );
        assert!(found("Python/hooks.c", &[make])[0].contains("PCbuild"));
        assert!(found("Python/hooks.c", &[project])[0].contains("Makefile.pre.in"));
        assert_eq!(found("Python/other_hooks.c", &[make, project]).len(), 2);
    }
}
