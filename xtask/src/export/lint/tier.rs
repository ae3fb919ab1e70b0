//! New C API is in the tier its header is for: unstable or private, and private headers need `Py_BUILD_CORE`. What a PEP
//! specifies can be public.

use super::{Change, Finding, declared};

const NAME: &str = "api-tier";

/// What an internal header says to whoever is not part of the core.
const GUARD: &str = "this header requires Py_BUILD_CORE define";

pub fn lint(change: &Change) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, line) in declared(change, |path| path.starts_with("Include/")) {
        let place = format!("{}:{}", line.path, line.line);
        let message = if line.path.starts_with("Include/internal/") {
            (!name.starts_with("_Py"))
                .then(|| format!("{place}: {name} is internal and does not begin with _Py"))
        } else if ["_Py", "PyUnstable_", "PyExc_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
        {
            // An exception that programs can name has no other tier.
            None
        } else if line.path.starts_with("Include/cpython/") {
            (!names_pep(&change.patch.message.text)).then(|| {
                format!(
                    "{place}: {name} would be public for good; new API begins with PyUnstable_ or _Py, unless the \
                     message names the PEP that specifies it"
                )
            })
        } else {
            Some(format!(
                "{place}: {name} would be in the stable ABI; declare it in Include/cpython/ or Include/internal/"
            ))
        };
        findings.extend(message.map(|message| change.error(NAME, line.patch_line, message)));
    }
    for (path, line) in change.new_files() {
        if path.starts_with("Include/internal/")
            && path.ends_with(".h")
            && !change
                .files
                .read(path)
                .is_some_and(|text| text.contains(GUARD))
        {
            findings.push(change.error(
                NAME,
                line,
                format!("{path} can be included without Py_BUILD_CORE; begin it as the other internal headers do"),
            ));
        }
    }
    findings
}

/// Whether a message says what a core developer would ask for: the accepted proposal behind a name.
fn names_pep(message: &str) -> bool {
    message
        .split("PEP ")
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{findings, messages};
    use super::*;

    const HEAD: &str =
        "#ifndef Py_BUILD_CORE\n#  error \"this header requires Py_BUILD_CORE define\"\n#endif\n";

    #[test]
    fn unstable_and_guarded_private_api_pass() {
        let unstable = (
            "Include/cpython/x.h",
            "PyAPI_FUNC(PyObject *) PyUnstable_X(void);",
        );
        let text = format!("{HEAD}PyAPI_FUNC(int) _PyX_Do(void);");
        assert_eq!(
            messages(lint, &[unstable, ("Include/internal/pycore_x.h", &text)]),
            [""; 0]
        );
    }

    #[test]
    fn api_in_the_wrong_tier_is_found() {
        let public = ("Include/cpython/x.h", "PyAPI_FUNC(int) PyX_Do(void);");
        assert!(
            messages(lint, &[public])[0]
                .contains("x.patch:16 Include/cpython/x.h:1: PyX_Do would be public")
        );
        let stable = ("Include/x.h", "PyAPI_DATA(int) PyX_Value;");
        assert!(messages(lint, &[stable])[0].contains("stable ABI"));
        let text = format!("{HEAD}PyAPI_FUNC(int) PyX_Do(void);");
        assert!(
            messages(lint, &[("Include/internal/x.h", &text)])[0]
                .contains("does not begin with _Py")
        );
    }

    #[test]
    fn what_a_pep_specifies_can_be_public() {
        let public = ("Include/cpython/x.h", "PyAPI_FUNC(int) PyX_Do(void);");
        let found = |subject| findings(lint, subject, "News: none [test]", &[public], &[]).len();
        assert_eq!(found("Add the C functions of PEP 810"), 0);
        assert_eq!(found("Add C functions; no PEP says so"), 1);
    }

    #[test]
    fn an_internal_header_without_guard_is_found() {
        assert!(messages(lint, &[("Include/internal/x.h", "int x;")])[0].contains("Py_BUILD_CORE"));
    }
}
