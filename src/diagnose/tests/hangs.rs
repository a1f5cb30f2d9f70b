//! Hangs on small histories: a line a lane says what it holds and what it waits for.
//!
//! `t2 holds a; waits lock b of t3` and so on, `with a` where a block took it; `ends` and `dies`; `waits join of t2`; `for 5` is a time limit. A line `snap`
//! is a snapshot that saw all of it, with more keys of a `snap` behind it; `t5 sleeps` is a lane that nothing is known of, `t5
//! beats` one that waits for a fifth of a second again and again, and `gives t6` hands something to another.

use super::*;

mod beside;
mod circles;
mod damage;
mod deserted;
mod livelocks;

const HANGS: &[&str] = &["deadlock", "orphaned-lock", "lost-wakeup", "pool-exhausted", "stuck-wait", "livelock"];

/// The history in the language of [`history`].
fn spelled(text: &str) -> String {
    let mut lines = first_lines(text);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (lane, deeds) = line.split_once(' ').unwrap_or((line, ""));
        if lane == "snap" {
            let more = if deeds.is_empty() { String::new() } else { format!(",{deeds}") };
            lines.push(format!(r#"9.0 w1 "ev":"snap","why":"standstill"{more}"#));
            continue;
        }
        let main = lane == "t1" || lane.ends_with("/t1");
        let process = lane.split_once('/').map_or("1", |(process, _)| process);
        lines.push(if main {
            format!(r#"0.0 {lane} "ev":"proc","n":{process},"how":"root","thread":"MainThread""#)
        } else {
            let kind = if lane.starts_with('a') { "task" } else { "thread" };
            format!(r#"0.1 {lane} "ev":"lane","kind":"{kind}","name":"{lane}","tid":1"#)
        });
        let mut held = Vec::new();
        for deed in deeds.split(';').map(str::trim).filter(|deed| !deed.is_empty()) {
            let words: Vec<&str> = deed.splitn(2, ' ').collect();
            match words[0] {
                "holds" => held.push(format!(r#"{{"obj":"lock:{}","site":["p.py",1,"f"]}}"#, words[1])),
                "with" => held.push(format!(r#"{{"obj":"lock:{}","site":["p.py",1,"f"],"with":true}}"#, words[1])),
                "waits" => lines.push(wait(lane, words[1], &held)),
                "ends" => lines.push(format!(r#"2.0 {lane} "ev":"end","how":"ok""#)),
                "dies" => {
                    lines.push(format!(r#"2.0 {lane} "ev":"exc","where":"thread","type":"{}","msg":"x""#, words[1]))
                }
                "sleeps" => {}
                "beats" => lines.extend((1..=3).flat_map(|round| {
                    [
                        format!(r#"{round}.1 {lane} "ev":"wait","on":"event","obj":"event:stop","timeout":0.2"#),
                        format!(r#"{round}.3 {lane} "ev":"got","obj":"event:stop","res":"timeout""#),
                    ]
                })),
                "gives" => lines.push(format!(r#"4.0 {} "ev":"sync","hb":["{lane}@1|queue:q"]"#, words[1])),
                other => panic!("nobody {other}"),
            }
            if words[0] == "dies" {
                lines.push(format!(r#"2.0 {lane} "ev":"end","how":"exc","exc":{{"type":"{}"}}"#, words[1]));
            }
        }
    }
    lines.join("\n")
}

/// Of processes whose main thread does not matter, the first line all the same: in the lane of logq's own, so that there is
/// nobody more who could go on.
fn first_lines(text: &str) -> Vec<String> {
    let lanes = text.lines().filter_map(|line| line.split_whitespace().next()).filter(|lane| *lane != "snap");
    let mut mains: Vec<(&str, bool)> = Vec::new();
    for (process, own) in lanes.map(|lane| lane.split_once('/').unwrap_or(("1", lane))) {
        match mains.iter_mut().find(|(known, _)| *known == process) {
            Some((_, has_main)) => *has_main |= own == "t1",
            None => mains.push((process, own == "t1")),
        }
    }
    let without = mains.into_iter().filter(|(_, has_main)| !has_main);
    let prefix = |process: &str| if process == "1" { String::new() } else { format!("{process}/") };
    without.map(|(n, _)| format!(r#"0.0 {}w1 "ev":"proc","n":{n},"how":"root""#, prefix(n))).collect()
}

/// `lock b of t3 for 5 | "left":2`.
fn wait(lane: &str, text: &str, held: &[String]) -> String {
    let (text, more) = text.split_once('|').unwrap_or((text, ""));
    let mut keys = Vec::new();
    let mut words = text.split_whitespace();
    let on = words.next().expect("what it waits on");
    keys.push(format!(r#""on":"{on}""#));
    while let Some(word) = words.next() {
        match word {
            "of" => keys.push(format!(r#""owner":"{}""#, words.next().expect("an owner"))),
            "for" => keys.push(format!(r#""timeout":{}"#, words.next().expect("seconds"))),
            name => keys.push(format!(r#""obj":"{}:{name}""#, family(on))),
        }
    }
    if !more.trim().is_empty() {
        keys.push(more.trim().to_owned());
    }
    format!(r#"1.0 {lane} "ev":"wait",{},"held":[{}]"#, keys.join(","), held.join(","))
}

fn family(on: &str) -> &str {
    if on.ends_with("lock") { "lock" } else { on.split('-').next().unwrap_or(on) }
}

/// Everything that is found: `kind certainty: actors`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found = found(&spelled(text));
    let hangs = found.iter().filter(|finding| HANGS.contains(&finding.kind));
    let said: Vec<String> = hangs
        .map(|finding| {
            let names: Vec<&str> = finding.actors.iter().map(|actor| actor.name.as_str()).collect();
            format!("{} {}: {}", finding.kind, sure(finding), names.join(" "))
        })
        .collect();
    assert_eq!(said, expected, "{text}");
}
