//! A new static variable that can change is known to CPython's check of globals.

use super::{Change, Finding};

const NAME: &str = "globals";

/// Where such variables are listed with the reason why they are allowed.
const LISTS: [&str; 2] = [
    "Tools/c-analyzer/cpython/ignored.tsv",
    "Tools/c-analyzer/cpython/globals-to-fix.tsv",
];

/// Types that the check itself takes for constant.
const CONSTANT_TYPES: [&str; 14] = [
    "PyMethodDef",
    "PyMemberDef",
    "PyGetSetDef",
    "PyModuleDef",
    "PyModuleDef_Slot",
    "PyType_Slot",
    "PyType_Spec",
    "PyNumberMethods",
    "PySequenceMethods",
    "PyMappingMethods",
    "PyAsyncMethods",
    "PyBufferProcs",
    "PyStructSequence_Field",
    "PyStructSequence_Desc",
];

pub fn lint(change: &Change) -> Vec<Finding> {
    let lists: Vec<String> = LISTS
        .iter()
        .filter_map(|path| change.files.read(path))
        .collect();
    // The check leaves out modules that exist for tests.
    let checked =
        |path: &str| path.ends_with(".c") && !path.contains("/_test") && !path.contains("/_xx");
    change
        .added(checked)
        .iter()
        .filter_map(|line| Some((line, variable(line.text)?)))
        .filter(|(line, name)| {
            !lists.iter().flat_map(|list| list.lines()).any(|entry| {
                let mut columns = entry.split('\t');
                columns.next() == Some(line.path) && columns.nth(1) == Some(name)
            })
        })
        .map(|(line, name)| {
            change.error(
                NAME,
                line.patch_line,
                format!(
                    "{}:{}: {name} is a global that can change; keep it in the runtime or interpreter state, or list it in {}",
                    line.path, line.line, LISTS[0]
                ),
            )
        })
        .collect()
}

/// The name of the static variable that a line declares, unless it is constant.
fn variable(text: &str) -> Option<&str> {
    let rest = text.trim_start().strip_prefix("static ")?;
    let declaration = rest.split(['=', ';']).next()?.trim_end();
    if declaration.contains('(') || declaration == rest.trim_end() {
        return None;
    }
    let words: Vec<&str> = declaration
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let constant = |word: &&str| *word == "const" || CONSTANT_TYPES.contains(word);
    if words.len() < 2 || words.iter().any(constant) {
        return None;
    }
    let name = declaration.split('[').next()?.trim_end();
    name.rsplit(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

#[cfg(test)]
mod tests {
    use super::super::testing::findings;
    use super::*;

    fn found(path: &str, text: &str, there: &[(&str, &str)]) -> Vec<String> {
        findings(lint, "Add", "News: none [x]", &[(path, text)], there)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn constants_functions_and_listed_variables_pass() {
        let text = "static const int a = 1;\nstatic int\nf(void);\nstatic int g(void);\nstatic PyMethodDef m[] = {\n\
                    static inline int h(int x) { return x; }\nint b;\nstatic int c = 0;\n";
        let list = (
            "Tools/c-analyzer/cpython/ignored.tsv",
            "Python/x.c\t-\tc\t-\n",
        );
        assert_eq!(found("Python/x.c", text, &[list]), [""; 0]);
        assert_eq!(
            found("Modules/_testinternalcapi.c", "static int c;", &[]),
            [""; 0]
        );
    }

    #[test]
    fn variables_are_found() {
        let list = (
            "Tools/c-analyzer/cpython/ignored.tsv",
            "Python/y.c\t-\tc\t-\n",
        );
        let name = |text: &str| {
            let found = found("Python/x.c", text, &[list]);
            found[0].split(' ').nth(1).map(str::to_owned)
        };
        assert_eq!(name("static int c = 0;").as_deref(), Some("c"));
        assert_eq!(
            name("    static struct hooks *table;").as_deref(),
            Some("table")
        );
        assert_eq!(name("static int counts[10];").as_deref(), Some("counts"));
    }
}
