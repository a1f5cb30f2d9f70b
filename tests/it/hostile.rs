//! Input that is made to hurt: lines without end, files that unpack to anything, expressions that explode. Bounded, and said.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use crate::harness::{Case, Said, assert_has, python};

/// Runs logq and says how much memory it took at most, in bytes.
fn with_memory(case: &Case, arguments: &[&str]) -> (Said, u64) {
    // Python knows what its child took; a test that runs beside others does not know its own children's.
    let script = "import resource,subprocess,sys\ncode=subprocess.run(sys.argv[1:]).returncode\n\
                  print('kB', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\nsys.exit(code)";
    let logq = case.command(arguments);
    let mut command = Command::new(python());
    command.args(["-c", script]).arg(logq.get_program()).args(logq.get_args()).current_dir(case.path());
    for (name, value) in logq.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let said = Said::of(command.output().expect("python3"));
    let kilobytes = said.err.rsplit("kB ").next().and_then(|text| text.trim().parse::<u64>().ok());
    let kilobytes = kilobytes.expect("how much memory it took");
    (said, kilobytes * 1024)
}

/// How long a line without end is.
fn megabytes() -> u64 {
    if std::env::var_os("LOGQ_SOAK").is_some() { 1024 } else { 64 }
}

/// Writes `begin`, then a line of so many megabytes with `end` behind it.
fn write_long(path: &Path, begin: &str, end: &str) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    file.write_all(begin.as_bytes()).expect("written");
    let megabyte = vec![b'y'; 1 << 20];
    (0..megabytes()).for_each(|_| file.write_all(&megabyte).expect("written"));
    file.write_all(end.as_bytes()).expect("written");
    file.flush().expect("written");
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let case = Case::new();
    let log = case.path().join("app.log");
    write_long(&log, "{\"msg\":\"first\"}\n{\"msg\":\"", "\"}\n{\"msg\":\"last\"}\n");
    let (said, memory) = with_memory(&case, &["collect", "app.log"]);
    assert_has(&said.ended(0).out, &["3 records"]);
    assert!(memory < 56 << 20, "{memory} bytes");
    for (query, count) in [("last", "1"), ("NOT ev:*", "3")] {
        assert_eq!(case.logq(&["search", "--count", query]).ended(0).out.trim(), count);
    }
    // The same in a part of our own, and of one that is packed.
    let spool = case.store().join("runs/20261122-171503-abcd/spool");
    fs::create_dir_all(&spool).expect("a spool");
    let line = |seq: u32, more: &str| {
        format!(
            "{{\"ts\":\"2026-11-22T17:15:03Z\",\"mono\":1,\"proc\":\"42-aaaaaa\",\"pid\":42,\"lane\":\"t1\",\"seq\":{seq},{more}}}\n"
        )
    };
    let begin = line(1, "\"ev\":\"proc\",\"n\":1") + "{\"ts\":\"";
    let end = format!("\n{}", line(2, "\"level\":\"INFO\",\"logger\":\"a\",\"msg\":\"last\""));
    write_long(&spool.join("42-aaaaaa.1.jsonl"), &begin, &end);
    for packing in [false, true] {
        if packing {
            let (said, memory) = with_memory(&case, &["pack", "--run", "2026"]);
            said.ended(0);
            assert!(memory < 56 << 20, "{memory} bytes");
        }
        let (said, memory) = with_memory(&case, &["search", "--run", "2026", "last"]);
        assert_has(&said.ended(0).out, &["last"]);
        assert!(memory < 56 << 20, "{memory} bytes");
    }
}

#[test]
fn a_file_that_unpacks_to_anything_is_given_up() {
    let case = Case::new();
    // A line without end; for as long as it takes, newlines only and short lines.
    let is_soak = std::env::var_os("LOGQ_SOAK").is_some();
    let bombs = [("zeros", "\0", 80_u64), ("blank", "\n", 200), ("lines", "{\"msg\":\"a\"}\n", 80)];
    for (name, piece, megabytes) in bombs.into_iter().take(if is_soak { 3 } else { 1 }) {
        let path = case.path().join(format!("{name}.log.zst"));
        let mut packer = zstd::stream::Encoder::new(File::create(&path).expect("a file"), 1).expect("a packer");
        packer.write_all(b"{\"msg\":\"first\"}\n").expect("packed");
        let block = piece.repeat((1 << 20) / piece.len()).into_bytes();
        (0..megabytes).for_each(|_| packer.write_all(&block).expect("packed"));
        packer.finish().expect("packed");
        let (said, memory) = with_memory(&case, &["collect", &path.to_string_lossy(), "--run", name]);
        let said = said.ended(0);
        // Millions of lines are indexed, which may take what indexing may.
        let most = if name == "lines" { 700 } else { 80 };
        assert!(memory < most << 20, "{name}: {memory} bytes");
        assert_has(&said.out, &["given up"]);
        let count = case.logq(&["search", "--run", name, "--count", "NOT ev:*"]).ended(0).out;
        assert!(count.trim().parse::<u64>().is_ok_and(|count| count > 0), "{name}: {count}");
    }
}

#[test]
fn an_expression_that_explodes_is_refused_or_linear() {
    let case = Case::new();
    let text = "a".repeat(30_000);
    case.write("app.log", &format!("{{\"msg\":\"{text}!\"}}\n"));
    for expression in ["(a{1000}){1000}{1000}", "((((\\w{500}){500}){500}){500})"] {
        let said = case.logq(&["collect", "app.log", "--pattern", &format!("(?P<msg>{expression})")]).ended(2);
        assert!(said.err.len() < 2000 && said.err.contains("--pattern"), "{}", said.err.len());
    }
    case.logq(&["collect", "app.log"]).ended(0);
    for expression in ["(a{1000}){1000}{1000}", "((((\\w{500}){500}){500}){500})"] {
        let (said, memory) = with_memory(&case, &["search", &format!("msg~\"{expression}\"")]);
        said.ended(2);
        assert!(memory < 80 << 20, "{memory} bytes");
    }
    // What makes others try every way to match.
    for (expression, count) in [("^(a+)+$", "0"), ("(a|a)*b", "0"), ("(a*)*!", "1")] {
        let said = case.logq(&["search", "--count", &format!("msg~\"{expression}\"")]);
        assert_eq!(said.out.trim(), count, "{expression}: {}", said.err);
    }
}
