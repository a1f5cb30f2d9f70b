//! `logq export`: that what is written has the shape that other tools read.

use std::collections::HashSet;

use regex::Regex;
use serde_json::Value;

use crate::handmade::{Spool, shop};
use crate::harness::Case;

fn exported(to: &str) -> (Case, String) {
    let case = Case::new();
    shop(&Spool::new(&case));
    let out = case.logq(&["export", "--to", to]).ended(0).out;
    (case, out)
}

#[test]
fn lines_are_the_original_ones() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    spool.raw("4242-aaaaaa.2.jsonl", b"{\"no\": record\n{\"ts\":\"odd\"  ,  \"x\":1}\n");
    let folder = case.store().join("runs").join(case.run_name()).join("spool");
    let mut original = Vec::new();
    for part in ["4242-aaaaaa.1.jsonl", "4242-aaaaaa.2.jsonl"] {
        original.extend(std::fs::read(folder.join(part)).expect("a part"));
    }
    let said = case.logq(&["export", "--to", "jsonl", "-o", "lines.jsonl"]).ended(0);
    assert!(said.out.is_empty());
    let lines = std::fs::read(case.path().join("lines.jsonl")).expect("lines");
    assert_eq!(String::from_utf8_lossy(&lines), String::from_utf8_lossy(&original));
}

#[test]
fn perfetto_gets_tracks_slices_and_flows_in_pairs() {
    let (_case, out) = exported("perfetto");
    let document: Value = serde_json::from_str(&out).expect("one document");
    let events = document["traceEvents"].as_array().expect("events");
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
    assert!(of("M").iter().any(|event| event["name"] == "thread_name"));
    assert!(
        of("X").iter().all(|event| event["ts"].is_number() && event["dur"].is_number() && event["pid"].is_number())
    );
    let ids = |phase| of(phase).iter().map(|event| event["id"].as_u64()).collect::<HashSet<_>>();
    assert!(!ids("s").is_empty());
    assert_eq!(ids("s"), ids("f"));
}

#[test]
fn shiviz_finds_a_clock_in_every_event() {
    let (_case, out) = exported("shiviz");
    let parser = Regex::new(r"(?P<host>\S*) (?P<clock>\{.*\})\n(?P<event>.*)").expect("ShiViz's own");
    let mut own = std::collections::HashMap::new();
    let mut events = 0;
    for event in parser.captures_iter(&out) {
        let clock: std::collections::HashMap<String, u64> = serde_json::from_str(&event["clock"]).expect("a clock");
        let before = own.insert(event["host"].to_owned(), clock[&event["host"]]).unwrap_or(0);
        assert_eq!(clock[&event["host"]], before + 1, "a host counts its own events");
        events += 1;
    }
    assert_eq!(events * 2, out.lines().count());
    assert!(events > 3);
}

#[test]
fn opentelemetry_gets_ids_and_whole_nanoseconds() {
    let (_case, out) = exported("otlp");
    let id = |value: &Value, length: usize| {
        let text = value.as_str().expect("an id");
        assert!(text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    };
    let (mut logs, mut spans) = (0, 0);
    for line in out.lines() {
        let batch: Value = serde_json::from_str(line).expect("a document a line");
        for record in batch["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().into_iter().flatten() {
            id(&record["traceId"], 32);
            id(&record["spanId"], 16);
            assert!(
                record["timeUnixNano"].as_str().expect("text").parse::<u64>().expect("an integer")
                    > 1_700_000_000_000_000_000
            );
            logs += 1;
        }
        for span in batch["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().into_iter().flatten() {
            id(&span["spanId"], 16);
            spans += 1;
        }
    }
    assert!(logs > 3 && spans >= 2, "{logs} records, {spans} spans");
}
