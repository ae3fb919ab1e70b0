//! `run`: arguments, exit status and signals.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use support::Fixture;
use support::buildable::kill;

#[test]
fn arguments_reach_the_program_as_they_are() {
    let fixture = Fixture::buildable();
    let code = "import sys; print(sys.argv[1:])";
    let ran = fixture.run_python(&["-c", code, "--json", "-X", "two words", ""]);
    assert_eq!(ran.ok().out, "['--json', '-X', 'two words', '']\n");
}

#[test]
fn standard_input_and_the_current_folder_are_those_of_the_caller() {
    let fixture = Fixture::buildable();
    fixture.write(
        "elsewhere/prog.py",
        "import os; print(os.path.basename(os.getcwd()), input())\n",
    );
    fixture.write("input", "typed\n");
    let input = std::fs::File::open(fixture.path().join("input")).expect("a file");
    let mut command = fixture.command();
    command
        .args(["run", "--port", "9.9", "--", "prog.py"])
        .current_dir(fixture.path().join("elsewhere"))
        .stdin(input);
    let ran = support::ran(&command.output().expect("running xtask"));
    assert_eq!(ran.ok().out, "elsewhere typed\n");
}

#[test]
fn the_exit_status_is_that_of_the_program() {
    let fixture = Fixture::buildable();
    for status in [0, 3, 255] {
        let code = format!("import sys; sys.exit({status})");
        fixture.run_python(&["-c", &code]).fails(status);
    }
}

#[test]
fn a_signal_reaches_the_program_and_one_that_ends_it_is_seen() {
    let fixture = Fixture::buildable();
    // Not print(): the signal can arrive while it is still at work on "ready", and it cannot be entered twice.
    let code = "import os, signal, time\n\
                def stop(*_): os.write(1, b'stopped\\n'); signal.raise_signal(signal.SIGKILL)\n\
                signal.signal(signal.SIGTERM, stop); print('ready', flush=True); time.sleep(60)";
    let mut command = fixture.command();
    let mut child = command
        .args(["run", "--port", "9.9", "--", "-c", code])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("running xtask");
    let mut said = std::io::BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
    assert_eq!(line, "ready\n");
    kill(15, &child.id().to_string());
    line.clear();
    std::io::BufRead::read_line(&mut said, &mut line).expect("a line");
    assert_eq!(line, "stopped\n");
    assert_eq!(child.wait().expect("waiting").signal(), Some(9));
}

#[test]
fn the_profile_sets_the_environment() {
    let fixture = Fixture::buildable();
    fixture.replace(
        "root/cpython-ports/9.9/port.toml",
        "configure = []\n",
        "configure = []\nenvironment = { OPTIONS = \"leaks=0:known={source}/Tools/known.txt\" }\n",
    );
    let ran = fixture.run_python(&["-c", "import os; print(os.environ['OPTIONS'])"]);
    let source = fixture.output().join("src/9.9.4");
    let known = source.join("Tools/known.txt");
    assert_eq!(ran.ok().out, format!("leaks=0:known={}\n", known.display()));
}
