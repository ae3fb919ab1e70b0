//! Data on standard output that nobody reads, or that cannot be written.

mod support;

use std::fs::OpenOptions;
use support::Fixture;

#[test]
fn a_command_whose_data_nobody_reads_ends_without_a_word() {
    let fixture = Fixture::with_series();
    for arguments in [&["patch", "list"][..], &["patch", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = fixture.command();
        command.args(arguments).args(["--port", "9.9"]);
        let ran = support::ran(&command.stdout(writer).output().expect("running xtask"));
        assert_eq!((ran.status, ran.err.as_str()), (128 + 13, ""));
    }
}

#[test]
fn data_that_cannot_be_written_is_an_error() {
    let fixture = Fixture::with_series();
    let full = OpenOptions::new().write(true).open("/dev/full");
    let mut command = fixture.command();
    command
        .args(["patch", "list", "--port", "9.9"])
        .stdout(full.expect("a device"));
    support::ran(&command.output().expect("running xtask"))
        .fails(2)
        .says("cannot write to standard output");
}
