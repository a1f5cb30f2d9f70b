//! What is said of a line is held to the decoder.

use proptest::prelude::*;

use super::super::{Body, decode, mutated};
use super::*;

fn place() -> Place {
    Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 77 }
}

#[derive(Default)]
struct Drawn(Vec<String>);

impl Outline for Drawn {
    fn key(&mut self, path: &str, value: &FieldValue<'_>, is_apart: bool) {
        self.0.push(format!(".{path} = {value:?} {is_apart}"));
    }
    fn giver(&mut self, proc: &str, lane: Lane) {
        self.0.push(format!("from {proc} {lane}"));
    }
}

fn drawn(sketch: &impl Sketch) -> (Head, Vec<String>) {
    let mut drawn = Drawn::default();
    let head = sketch.draw(&mut drawn);
    for (known, ..) in Known::ALL.iter().filter(|(known, ..)| *known != Known::Ts) {
        drawn.0.extend(sketch.known(*known).map(|value| format!("{} = {value:?}", known.name())));
    }
    drawn.0.sort();
    (head, drawn.0)
}

/// What is said of a line is what the decoder says of it; true where something is said.
fn check(line: &str) -> bool {
    let place = place();
    let Some(said) = LineSketch::read(line.as_bytes(), &place, drawn) else { return false };
    let record = decode(line.as_bytes(), &place);
    assert!(!matches!(record.body, Body::Malformed(_)) && !record.again, "{line}: {record:?}");
    assert_eq!(said, drawn(&record), "{line}");
    true
}

const HEAD: &str = r#"{"ts":"2026-11-22T17:15:03.120431000Z","mono":5,"proc":"42-aaaaaa","pid":42,"lane":"t3","seq":2"#;

/// Lines as our own writers write them.
const LINES: [&str; 5] = [
    r#","level":"INFO","logger":"shop","msg":"a \"b\"","tpl":"a %r","thread":"x","tid":7,"file":"a.py","line":3,"func":"f","extra":{"id":7,"user":{"n":null},"l":[1,"a",[2]],"f":-1.5}}"#,
    r#","hb":["t1@14|queue:2"],"ev":"wait","obj":"lock:4","on":"lock","since":123456789012,"site":["a.py",3,"f"],"held":[{"obj":"lock:2","site":["a",1,"f"]}],"stack":[{"file":"a"}]}"#,
    r#","ev":"got","obj":"lock:4","waited":17,"res":"ok","passed":{"t3":1}}"#,
    r#","ev":"zap","level":"Level 35","msg":"x","logger":"l","tid":4}"#,
    r#","level":"INFO","logger":"shop","msg":"a","extra":{"id":7},"origin":[1,20,30,0,77]}"#,
];

#[test]
fn the_lines_of_our_writers_are_read() {
    for rest in LINES {
        assert!(check(&format!("{HEAD}{rest}")), "{rest}");
    }
}

#[test]
fn of_keys_that_are_there_twice_nothing_is_said() {
    let hb = r#","hb":["t1@14|queue:2"]"#;
    assert!(!check(&format!(r#"{HEAD}{hb},"ev":"got"{hb}}}"#)));
    assert!(check(&format!(r#"{HEAD}{hb},"ev":"got","hbl":["t1@15"]}}"#)));
}

#[test]
fn a_stamp_in_a_list_is_none() {
    assert!(check(&format!(r#"{HEAD},"ev":"recv","from":["t1@2"]}}"#)));
    assert!(check(&format!(r#"{HEAD},"ev":"recv","from":"t1@2"}}"#)));
}

#[test]
fn what_is_said_of_changed_lines_is_true() {
    mutated::texts(&LINES.map(|rest| format!("{HEAD}{rest}")), |line| {
        check(line);
    });
}

proptest! {
    #[test]
    fn what_is_said_is_true(
        keys in prop::collection::vec((
            prop::sample::select(&["ev", "level", "msg", "tpl", "logger", "thread", "task", "file", "line", "func", "tid", "extra",
                "exc", "stack", "obj", "origin", "site", "hb", "hbl", "again", "levelno", "seq", "pid", "x", "since", "type", "from"][..]),
            prop::sample::select(&[r#""INFO""#, r#""a\n\u00e9 \"b""#, r#""""#, "7", "-0", "0", "1.5", "1e3", "null", "true", "[]",
                "{}", r#"["a.py",3,"f"]"#, r#"["t1@2"]"#, r#"{"a":1,"b":{"c":[1,null,"x"]}}"#, r#"{"a":1,"a":2}"#, "18446744073709551615", "01",
                r#"{"type":"E","msg":"m"}"#, r#"[{"file":"a"},[1]]"#, r#"{"":{"x":1}}"#, r#""lock:1""#, r#""9-bbbbbb/t2@3|x""#, r#"["9-bbbbbb/a2@3","t1@0|lock:2"]"#, r#""exc""#, r#""wait""#][..]),
        ), 0..7),
        is_event in any::<bool>(),
        cut in 0_usize..400,
    ) {
        let mut line = format!(r#"{HEAD}{}"#, if is_event { r#","ev":"note""# } else { r#","level":"DEBUG","msg":"m""# });
        for (key, value) in keys {
            line.push_str(&format!(r#","{key}":{value}"#));
        }
        line.push('}');
        check(&line);
        let cut = cut.min(line.len());
        if line.is_char_boundary(cut) {
            check(&line[..cut]);
        }
    }
}
