//! The diagnoses on small histories.

use std::collections::HashSet;

use super::*;
use crate::causality::Builder;
use crate::record::decode;
use crate::record::decode::Place as LinePlace;

mod ends;
mod faults;
mod frameworks;
mod hangs;
mod locks;
mod races;
mod shared;

/// A history is one line a record: the second of the run, the lane, then JSON keys: `0.5 t2 "ev":"end","how":"ok"`.
/// Numbers in the lane are counted; `2/t1` is a lane of process 2. A line that begins with `#` is for the reader.
fn history(text: &str) -> CausalGraph {
    let mut builder = Builder::new();
    let mut numbers: std::collections::HashMap<String, u64> = std::collections::HashMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.splitn(3, ' ');
        let (Some(second), Some(lane), Some(keys)) = (words.next(), words.next(), words.next()) else {
            panic!("`{line}` is not `second lane keys`")
        };
        let nanos = (second.parse::<f64>().expect("a second") * 1e9) as u64;
        let (process, own) = lane.split_once('/').unwrap_or(("1", lane));
        let seq = numbers.entry(lane.to_owned()).or_insert(0);
        *seq += 1;
        let key = format!("{process}-aaaaaa");
        let json = format!(
            r#"{{"ts":"2026-11-22T17:15:{:02}.{:09}Z","mono":{},"proc":"{key}","pid":{process},"lane":"{own}","seq":{seq},{keys}}}"#,
            nanos / 1_000_000_000,
            nanos % 1_000_000_000,
            nanos + 1_000_000_000,
        );
        let place = LinePlace { proc: key.into(), process: process.parse().ok(), part: 1, offset: 0 };
        let record = decode(json.as_bytes(), &place);
        assert!(record.lane.to_string() == own, "no record: {json}");
        builder.add(&record);
    }
    builder.finish()
}

/// Everything that is found in a history, one line each: `kind certainty: title`.
fn told(text: &str) -> Vec<String> {
    found(text).iter().map(|finding| format!("{} {}: {}", finding.kind, sure(finding), finding.title)).collect()
}

fn found(text: &str) -> Vec<Finding> {
    let graph = history(text);
    findings(&Evidence::new(&graph, &HashSet::new(), &[]), None)
}

fn sure(finding: &Finding) -> &'static str {
    match (finding.class, finding.certainty) {
        (Class::Observation, _) => "observed",
        (_, Certainty::Certain) => "certain",
        (_, Certainty::Likely) => "likely",
        (_, Certainty::Possible) => "possible",
    }
}

/// Nothing more than possible: what a program that is right may get.
fn is_silent(text: &str) {
    let faults: Vec<Finding> = found(text).into_iter().filter(Finding::counts).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_kind_has_a_name_of_its_own_and_explains_itself() {
    let kinds: Vec<&str> = ALL.iter().map(|diagnosis| diagnosis.kind()).collect();
    for diagnosis in ALL {
        assert!(diagnosis.explain().starts_with(&format!("{}: ", diagnosis.kind())));
        assert_eq!(kinds.iter().filter(|kind| **kind == diagnosis.kind()).count(), 1);
    }
    assert_eq!(kinds.last(), Some(&"data-missing"));
}
