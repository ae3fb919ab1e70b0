//! Generated files are not in the patches of the series, and what Argument Clinic makes is changed with its input.

use super::{Change, Finding};

const NAME: &str = "generated";

pub fn lint(change: &Change) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, line) in change.changed_files() {
        if change.generated.iter().any(|file| file == path) {
            findings.push(change.error(
                NAME,
                line,
                format!("{path} is generated and made anew on export; take it out with `cargo xtask patch refresh`"),
            ));
        }
    }
    for (path, line) in change.changed_files() {
        let Some((folder, file)) = path.rsplit_once('/') else {
            continue;
        };
        let output = format!("{folder}/clinic/{file}.h");
        let added = change.added(|other| other == path);
        let changes_input = added
            .iter()
            .any(|line| line.text.contains("[clinic input]"));
        let made_anew = change.generated.contains(&output);
        if changes_input && !made_anew && !change.changed_files().any(|(other, _)| other == output)
        {
            findings.push(change.error(
                NAME,
                line,
                format!("{path} has new input of Argument Clinic and {output} is not changed; run `make clinic`"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::testing::messages;
    use super::*;

    #[test]
    fn sources_and_complete_clinic_changes_pass() {
        let input = (
            "Python/x.c",
            "/*[clinic input]\n[clinic start generated code]*/",
        );
        assert_eq!(
            messages(lint, &[input, ("Python/clinic/x.c.h", "x")]),
            [""; 0]
        );
        assert_eq!(messages(lint, &[("Python/y.c", "int y;")]), [""; 0]);
    }

    #[test]
    fn generated_files_and_forgotten_clinic_output_are_found() {
        assert!(
            messages(lint, &[("Python/made.h", "x")])[0].contains("Python/made.h is generated")
        );
        let input = (
            "Python/x.c",
            "/*[clinic input]\n[clinic start generated code]*/",
        );
        assert!(messages(lint, &[input])[0].contains("Python/clinic/x.c.h is not changed"));
    }
}
