//! Signals: dispositions, forwarding, and a terminal with job control.

use std::collections::BTreeMap;
use std::fs;

use rustix::process::Signal;

use super::{Case, python, send};

/// The sets of signals that a program begins with, without the two that the C library keeps for itself.
fn dispositions(before: &[&str]) -> BTreeMap<String, u64> {
    const OURS: u64 = (1 << 31) - 1;
    // Not through a shell, which has its own ideas of SIGCHLD.
    let case = Case::new(&["cp", "/proc/self/status", "sets"]);
    case.command(before).status().expect("it ends");
    let sets = case.wait_for("sets");
    let lines = sets.lines().filter_map(|line| line.split_once(":\t"));
    let sets = lines.filter(|(name, _)| ["SigBlk", "SigIgn"].contains(name));
    sets.map(|(name, set)| (name.to_owned(), u64::from_str_radix(set, 16).expect("hex") & OURS)).collect()
}

#[test]
fn dispositions_are_as_logq_found_them() {
    let bit = |signal: Signal| 1_u64 << (signal.as_raw() - 1);
    let plain = dispositions(&["env", "--default-signal"]);
    assert_eq!(plain, BTreeMap::from([("SigBlk".to_owned(), 0), ("SigIgn".to_owned(), 0)]));
    let ignoring =
        dispositions(&["env", "--default-signal", "--ignore-signal=PIPE,CHLD,INT,USR1", "--block-signal=USR2"]);
    let ignored = bit(Signal::PIPE) | bit(Signal::CHILD) | bit(Signal::INT) | bit(Signal::USR1);
    assert_eq!(ignoring["SigIgn"], ignored);
    assert_eq!(ignoring["SigBlk"], bit(Signal::USR2));
}

#[test]
fn a_signal_for_logq_is_for_the_program_and_comes_once() {
    let script = "trap 'echo usr1 >> got' USR1; trap 'echo term >> got; exit 5' TERM
                  echo up > up; while :; do sleep 0.02; done";
    let case = Case::shell(script);
    let child = case.start();
    case.wait_for("up");
    send(child.id(), Signal::USR1);
    assert_eq!(case.wait_for("got"), "usr1\n");
    send(child.id(), Signal::TERM);
    let done = case.finish(child);
    assert_eq!(done.code, Some(5));
    assert_eq!(fs::read_to_string(case.path("got")).expect("written"), "usr1\nterm\n");
}

#[test]
fn a_program_that_signals_its_group_gets_no_echo() {
    // The group is the stand-in's own, so that the signal does not reach the other tests.
    let script = "trap 'echo term >> got' TERM; kill -TERM 0
                  sleep 0.2; kill -USR2 $PPID; until [ -e stop ]; do sleep 0.02; done";
    let case = Case::shell(script);
    let mut command = case.command(&[]);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command.spawn().expect("started");
    case.wait_for("got");
    fs::write(case.path("stop"), "").expect("written");
    assert_eq!(case.finish(child).code, Some(0));
    assert_eq!(fs::read_to_string(case.path("got")).expect("written"), "term\n");
}

/// Drives the stand-in as a shell with job control would, on a terminal of its own.
const TERMINAL: &str = r#"
import os, pty, signal, sys, time

def wait_for(text):
    while not (os.path.exists('got') and text in open('got').read()):
        time.sleep(0.01)

def state(pid):
    return open('/proc/%s/stat' % pid).read().rsplit(')', 1)[1].split()[0]

session, terminal = pty.fork()
if session == 0:
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        open('stops', 'a').write('%d\n' % os.WSTOPSIG(status))
        while not os.path.exists('go-on'):
            time.sleep(0.01)
        os.killpg(job, signal.SIGCONT)
    os._exit(os.waitstatus_to_exitcode(status))

wait_for('up')
program = open('pid').read().strip()
os.write(terminal, b'\x03')
wait_for('int')
os.write(terminal, b'\x1a')
while not os.path.exists('stops') or state(program) != 'T':
    time.sleep(0.01)
open('go-on', 'w').close()
while state(program) == 'T':
    time.sleep(0.01)
open('finish', 'w').close()
_, status = os.waitpid(session, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

/// A program that forks nothing: a shell on its way to start a `sleep` cannot be stopped.
const TALKATIVE: &str = "
import os, signal, sys, time
def say(text):
    with open('got', 'a') as got:
        got.write(text + '\\n')
signal.signal(signal.SIGINT, lambda *_: say('int'))
with open('pid', 'w') as pid:
    pid.write(str(os.getpid()))
say('up')
if len(sys.argv) > 1:
    while 'int' not in open('got').read():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTSTP)
while not os.path.exists('finish'):
    time.sleep(0.01)
sys.exit(8)
";

/// The program on a terminal, driven by `script`: what it got, and the signals that stopped the job.
fn on_a_terminal(program: &[&str], script: &str) -> (String, String) {
    let python = python();
    let case = Case::new(&[&[&python, "-c", TALKATIVE], program].concat());
    let done = case.finished(&case.command(&[&python, "-c", script]).output().expect("it ends"));
    assert_eq!(done.code, Some(8), "{} {}", done.stdout, done.result);
    (case.wait_for("got"), case.wait_for("stops"))
}

#[test]
fn a_terminal_talks_to_the_program_as_without_logq() {
    assert_eq!(on_a_terminal(&[], TERMINAL), ("up\nint\n".to_owned(), "20\n".to_owned()));
}

#[test]
fn a_program_that_stops_itself_stops_the_job() {
    // As an editor does on its own Ctrl-Z, without the terminal's help.
    let script = TERMINAL.replace(r"os.write(terminal, b'\x1a')", "");
    assert_eq!(on_a_terminal(&["stop"], &script), ("up\nint\n".to_owned(), "19\n".to_owned()));
}

/// Starts the stand-in as the leader of a terminal's session, and takes the terminal away.
const HANG_UP: &str = r#"
import os, pty, sys, time
session, terminal = pty.fork()
if session == 0:
    os.execv(sys.argv[1], sys.argv[1:])
while not os.path.exists('up'):
    time.sleep(0.01)
os.close(terminal)
_, status = os.waitpid(session, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[test]
fn the_loss_of_the_terminal_reaches_the_program() {
    let case = Case::shell("trap 'echo hup > got; exit 7' HUP; echo > up; while :; do sleep 0.02; done");
    let done = case.finished(&case.command(&[&python(), "-c", HANG_UP]).output().expect("it ends"));
    assert_eq!((done.code, case.wait_for("got").as_str()), (Some(7), "hup\n"), "{}", done.result);
}
