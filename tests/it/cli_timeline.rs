//! `logq timeline` on hand-made runs: where hand-overs came from, waits, and what only clocks order.

use serde_json::json;

use crate::handmade::{RUN, Spool, Writer, shop};
use crate::harness::{Case, assert_has};

/// A shop whose worker takes an item, waits for a lock and logs; a second worker that gives and takes nothing.
fn with_hand_overs(case: &Case) {
    let spool = Spool::new(case);
    let mut writer = Writer::new("4242-aaaaaa", 100);
    let lines = vec![
        writer.begin(1),
        writer.thread("t2", "worker-1", "t1@1"),
        writer.log("t1", 2, "INFO", "order 8812 came in"),
        writer.log("t1", 3, "INFO", "nobody asks for this"),
        writer.line(
            "t2",
            2,
            json!({"ev": "wait", "on": "lock", "obj": "lock:1", "owner": "t1", "hb": ["t1@2|queue:1"]}),
        ),
        writer.line("t3", 1, json!({"ev": "lane", "kind": "thread", "name": "loner"})),
        writer.log("t3", 2, "INFO", "all by myself"),
        writer.line("t2", 3, json!({"ev": "got", "obj": "lock:1", "waited": 3_000_000, "res": "ok"})),
        writer.end("t2", 4),
        writer.exit(4),
    ];
    spool.lines("4242-aaaaaa", &lines);
    spool.raw("1.claim", b"4242-aaaaaa\n");
}

#[test]
fn causes_stand_inline_and_waits_are_spans() {
    let case = Case::new();
    with_hand_overs(&case);
    let said = case.logq(&["timeline", "--thread", "2,3", "--with-causes"]).ended(0).out;
    assert_has(&said, &["╭ t1 MainThread: INFO     shop.orders  order 8812 came in", "◀ item from queue:1, put by t1"]);
    assert!(!said.contains("nobody asks"), "it caused nothing here:\n{said}");
    let waiting = said.lines().find(|line| line.contains("all by myself")).expect("the loner's record");
    assert!(waiting.contains('┊'), "worker-1 waits meanwhile:\n{said}");
    let rows = case.json(&["timeline", "--thread", "2", "--with-causes"]);
    let causes: Vec<&str> =
        rows.iter().filter(|row| row["row"] == "cause").filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(causes, ["1.t1@1", "1.t1@2"]);
    let without = case.logq(&["timeline", "--thread", "2"]).ended(0).out;
    assert!(!without.contains('╭'), "{without}");
}

#[test]
fn what_only_a_clock_orders_is_said() {
    let case = Case::new();
    with_hand_overs(&case);
    let said = case.logq(&["timeline", "--all"]).ended(0).out;
    let marked: Vec<&str> = said.lines().filter(|line| line.contains("ordered by clock only")).collect();
    assert_eq!(marked.len(), 1, "{said}");
    assert!(marked[0].contains("1.t3 loner"), "{said}");
}

/// Process 2 is on a host whose clock is ahead, and whose monotonic clock has just begun.
#[test]
fn two_hosts_are_ordered_by_hand_overs_and_wall_clocks() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let (mut here, mut there) = (Writer::new("4242-aaaaaa", 10_000), Writer::new("77-bbbbbb", 1));
    let begin = |n: u32, host: &str| json!({"ev": "proc", "n": n, "part": 1, "how": "root", "argv": ["shop.py"], "run": RUN, "host": host});
    let away = |keys: serde_json::Value, millis: u64| {
        let mut keys = keys;
        keys["ts"] = json!(format!("2026-11-22T17:15:10.{millis:03}000000Z"));
        keys
    };
    let sent = json!({"level": "INFO", "logger": "shop", "msg": "sent"});
    let came = json!({"level": "INFO", "logger": "shop", "msg": "came", "hb": ["4242-aaaaaa/t1@2|socket:1"]});
    let back = json!({"level": "INFO", "logger": "shop", "msg": "came back", "hb": ["77-bbbbbb/t1@2|socket:1"]});
    let lines = [here.line("t1", 1, begin(1, "alpha")), here.line("t1", 2, sent), here.line("t1", 3, back)];
    spool.lines("4242-aaaaaa", &lines);
    let lines = [there.line("t1", 1, away(begin(2, "beta"), 0)), there.line("t1", 2, away(came, 40))];
    spool.lines("77-bbbbbb", &lines);
    let said = case.logq(&["timeline", "--all"]).ended(0).out;
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("no {text} in\n{said}"));
    assert!(place("shop  sent") < place("shop  came  ") && place("shop  came  ") < place("shop  came back"), "{said}");
    assert_has(
        &said,
        &["2 hosts: ", "the clock of beta is between 37.0 ms ahead of and 38.0 ms ahead of that of alpha"],
    );
}

#[test]
fn a_shop_whose_lanes_began_each_other_needs_no_clock() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let said = case.logq(&["timeline", "--all"]).ended(0).out;
    assert!(!said.contains("clock only") && !said.contains("hosts"), "{said}");
}
