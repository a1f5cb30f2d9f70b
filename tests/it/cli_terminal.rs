//! What a person at a terminal gets: lines that fit, a pager for what is longer than the screen, ASCII where there is nothing
//! else. The terminal is a real one, made by Python's `pty`.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::handmade::{Spool, Writer, shop};
use crate::harness::{Case, Running, Said, assert_has, python};

/// Runs its arguments at a terminal of so many rows and columns, and prints all that they show there.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
rows, columns, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    os.execvp(command[0], command)
shown = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    shown += piece
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
# As a shell tells a signal.
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
"#;

/// What logq shows at a terminal of so many rows and columns, where all goes well.
#[track_caller]
fn shown(case: &Case, size: (u32, u32), env: &[(&str, &str)], arguments: &[&str]) -> String {
    at_terminal(case, size, env, arguments).ended(0).out
}

fn at_terminal(case: &Case, (rows, columns): (u32, u32), env: &[(&str, &str)], arguments: &[&str]) -> Said {
    let inner = case.command(arguments);
    let mut outer = Command::new(python());
    outer.args(["-c", TERMINAL, &rows.to_string(), &columns.to_string()]);
    outer.arg(inner.get_program()).args(inner.get_args()).current_dir(case.path()).stdin(std::process::Stdio::null());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    for name in ["PAGER", "LESS", "LV", "LC_ALL", "LC_CTYPE", "LANG"] {
        outer.env_remove(name);
    }
    outer.envs(env.iter().copied());
    let said = outer.output().expect("a terminal");
    Said::of(said)
}

fn a_shop() -> Case {
    let case = Case::new();
    shop(&Spool::new(&case));
    case
}

/// Keeps what it is given, and what it is told beside.
const KEEPER: &str = "cat > paged; echo \"$LESS\" > less";

#[test]
fn only_what_is_longer_than_the_screen_goes_through_the_pager() {
    let case = a_shop();
    let search = ["search", "--process", "1"];
    let fits = shown(&case, (60, 200), &[("LOGQ_PAGER", KEEPER)], &search);
    assert_has(&fits, &["the shop opens", "the shop closes"]);
    assert!(!case.path().join("paged").exists());
    let on_screen = shown(&case, (5, 200), &[("LOGQ_PAGER", KEEPER), ("PAGER", "false")], &search);
    assert_eq!(on_screen, "");
    assert_eq!(fs::read_to_string(case.path().join("paged")).expect("what was paged"), fits);
    assert_eq!(fs::read_to_string(case.path().join("less")).expect("what less was told").trim(), "FRX");
}

#[test]
fn the_pager_is_the_one_that_is_named_or_none() {
    let case = a_shop();
    let keep = |word: &str| format!("cat > {word}");
    let paged =
        |word: &str| fs::read_to_string(case.path().join(word)).is_ok_and(|text| text.contains("the shop opens"));
    shown(&case, (5, 200), &[("PAGER", &keep("usual")), ("LESS", "S")], &["search"]);
    assert!(paged("usual"));
    for (env, arguments) in [
        (("LOGQ_PAGER", ""), ["search", "--color=auto"]),
        (("LOGQ_PAGER", "cat"), ["search", "--color=auto"]),
        (("LOGQ_PAGER", "no-such-pager-anywhere"), ["search", "--color=auto"]),
        (("LOGQ_PAGER", "false | cat > never"), ["search", "--no-pager"]),
        (("LOGQ_PAGER", "false | cat > never"), ["search", "--format=json"]),
    ] {
        let text = shown(&case, (5, 200), &[env, ("PAGER", &keep("other"))], &arguments);
        assert_has(&text, &["the shop opens", "the shop closes"]);
    }
    assert!(!case.path().join("other").exists() && !case.path().join("never").exists());
    // One that is left early is no error.
    shown(&case, (5, 200), &[("LOGQ_PAGER", "head -n 1 > /dev/null")], &["search"]);
}

#[test]
fn lines_are_broken_where_the_terminal_ends_and_only_there() {
    let case = a_shop();
    let wide = shown(&case, (100, 200), &[], &["diagnose", "--explain", "deadlock"]);
    assert!(wide.lines().any(|line| line.len() > 60), "{wide}");
    let narrow = shown(&case, (100, 60), &[], &["diagnose", "--explain", "deadlock"]);
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&narrow), words(&wide));
    let json = shown(&case, (100, 60), &[], &["search", "--format", "json"]);
    assert!(json.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{json}");
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let case = a_shop();
    let timeline = ["timeline", "--thread", "2"];
    let unicode = shown(&case, (100, 120), &[("LC_ALL", "C.UTF-8")], &timeline);
    assert!(!unicode.is_ascii());
    let ascii = shown(&case, (100, 120), &[("LC_ALL", "de_DE.ISO-8859-1")], &timeline);
    assert!(ascii.is_ascii() && ascii.contains("out of stock"), "{ascii}");
}

/// A run with a fault, of which more is said than a pipe holds.
fn a_long_diagnosis() -> Case {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = Writer::new("4242-aaaaaa", 0);
    let mut lines = vec![writer.begin(1)];
    for seq in 2..400 {
        let keys = json!({"ev": "exc", "where": "thread", "hook": "default", "type": format!("Error{seq}"), "msg": "m".repeat(200)});
        lines.push(writer.line("t1", seq, keys));
    }
    spool.lines("4242-aaaaaa", &lines);
    case
}

#[test]
fn who_stops_reading_still_learns_by_the_exit_code_that_there_is_a_fault() {
    let case = a_long_diagnosis();
    let whole = case.logq(&["diagnose"]).ended(1);
    assert!(whole.out.len() > 1 << 16, "{} bytes", whole.out.len());
    for env in [("LOGQ_PAGER", "head -n 1"), ("LOGQ_PAGER", "exit 3")] {
        at_terminal(&case, (5, 200), &[env], &["diagnose"]).ended(1);
    }
    let mut command = case.command(&["diagnose"]);
    let mut piped = command.stdout(Stdio::piped()).spawn().map(Running).expect("logq starts");
    drop(piped.0.stdout.take());
    assert_eq!(piped.0.wait().expect("an end").code(), Some(1));
}
