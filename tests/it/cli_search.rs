//! `logq search`: what it finds is the same whether a run is scanned, indexed, or indexed in part; bad queries are
//! pointed at; nothing found is an answer.

use std::io::{BufRead as _, BufReader};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::handmade::{RUN, Spool, Writer, shop};
use crate::harness::{Case, assert_has, wait_until};

/// Two processes of a shop, every field in use. Written in two parts, so that an index may know the first alone.
struct Shop {
    case: Case,
    spool: Spool,
}

fn first_half() -> Vec<(String, Vec<String>)> {
    let mut shop = Writer::new("4242-aaaaaa", 0);
    let mut stock = Writer::new("4300-bbbbbb", 50);
    let order = |id: u64, ms: f64| {
        json!({
            "level": "INFO", "logger": "shop.orders", "msg": format!("processing order {id}"),
            "tpl": "processing order %d", "thread": "worker-1", "tid": 4251, "file": "/srv/shop/orders.py",
            "line": 120, "func": "process", "extra": {"order_id": id, "ms": ms, "customer": {"name": "Ada"}},
        })
    };
    let lines = vec![
        shop.begin(1),
        shop.line("t1", 2, json!({"level": "DEBUG", "logger": "shop", "msg": "the shop opens"})),
        shop.thread("t2", "worker-1", "t1@2"),
        shop.line("t2", 2, order(8811, 4.5)),
        shop.line("t2", 3, order(8812, 250.0)),
    ];
    let stock_lines = vec![
        stock.begin(2),
        stock.line(
            "t1",
            2,
            json!({
                "level": "WARNING", "logger": "shop.stock", "msg": "item 77: no such shelf", "task": "reader",
                "extra": {"order_id": 8812},
            }),
        ),
    ];
    vec![(shop.proc, lines), (stock.proc, stock_lines)]
}

fn second_half() -> Vec<(String, Vec<String>)> {
    let mut shop = Writer::new("4242-aaaaaa", 100);
    let lines = vec![
        shop.line("t2", 4, json!({
            "level": "ERROR", "logger": "shop.orders", "msg": "out of stock", "thread": "worker-1",
            "extra": {"order_id": 8812, "ms": 301},
            "exc": {"type": "ValueError", "msg": "no item 77", "stack": [], "cause": {"type": "KeyError", "msg": "77"}},
        })),
        shop.line("t2", 5, json!({"level": "AUDIT", "levelno": 35, "logger": "audit", "msg": "Größe 数据 checked"})),
        shop.line("t2", 6, json!({"ev": "wait", "obj": "queue:2", "on": "queue-get"})),
        "this is no record".to_owned(),
        shop.line("t2", 7, json!({"ev": "end", "how": "ok"})),
        shop.exit(3),
    ];
    vec![(shop.proc, lines)]
}

impl Shop {
    fn write(&self, half: Vec<(String, Vec<String>)>) {
        for (proc, lines) in half {
            self.spool.lines(&proc, &lines);
        }
    }
}

/// The same records: never indexed, indexed, and indexed after the first half.
fn shops() -> Vec<(&'static str, Shop)> {
    let new = || {
        let case = Case::new();
        let spool = Spool::new(&case);
        Shop { case, spool }
    };
    let (scanned, indexed, halved) = (new(), new(), new());
    for shop in [&scanned, &indexed, &halved] {
        shop.write(first_half());
    }
    halved.case.logq(&["collect"]).ended(0);
    for shop in [&scanned, &indexed, &halved] {
        shop.write(second_half());
    }
    indexed.case.logq(&["collect"]).ended(0);
    vec![("scanned", scanned), ("indexed", indexed), ("indexed in part", halved)]
}

fn ids(case: &Case, arguments: &[&str]) -> Vec<String> {
    let records = case.json(&[&["search"], arguments].concat());
    records.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn every_field_finds_its_records_wherever_they_are_read_from() {
    // A query, and the records that it finds, by time.
    let expected: &[(&[&str], &[&str])] = &[
        (&["stock"], &["1.t2@4"]),
        (&["ORDER 8812"], &["1.t2@3"]),
        (&["\"order 8812\""], &["1.t2@3"]),
        (&["\"8812 order\""], &[]),
        (&["proc*"], &["1.t2@2", "1.t2@3"]),
        (&["größe"], &["1.t2@5"]),
        (&["数据"], &["1.t2@5"]),
        (&["order_id:8812"], &["1.t2@3", "2.t1@2", "1.t2@4"]),
        (&["order_id:8812", "level:ERROR"], &["1.t2@4"]),
        (&["order_id:8812 NOT logger:shop.stock"], &["1.t2@3", "1.t2@4"]),
        (&["(shelf OR stock) order_id:*"], &["2.t1@2", "1.t2@4"]),
        (&["ms:[100 TO *]"], &["1.t2@3", "1.t2@4"]),
        (&["ms:[4.5 TO 250}"], &["1.t2@2"]),
        (&["ms>250"], &["1.t2@4"]),
        (&["order_id:[8811 TO 8811]"], &["1.t2@2"]),
        (&["logger:shop.*", "level>=warning"], &["2.t1@2", "1.t2@4"]),
        (&["logger:audit"], &["1.t2@5"]),
        (&["level>=warning level<error"], &["2.t1@2", "1.t2@5"]),
        (&["level:audit*"], &["1.t2@5"]),
        (&["level:35"], &["1.t2@5"]),
        (&["levelname:debug"], &["1.t1@2"]),
        (&["customer.name:ada"], &["1.t2@2", "1.t2@3"]),
        (&["exc.type:ValueError"], &["1.t2@4"]),
        (&["exc.msg:\"no item\""], &["1.t2@4"]),
        (&["tpl:processing"], &["1.t2@2", "1.t2@3"]),
        (&["task:reader"], &["2.t1@2"]),
        (&["thread.name:worker-1 -order_id:8812"], &["1.t2@2"]),
        (&["tid:4251"], &["1.t2@2", "1.t2@3"]),
        (&["func:process line:120"], &["1.t2@2", "1.t2@3"]),
        (&["file:orders.py order_id:8811"], &["1.t2@2"]),
        (&["pid:4300 level:*"], &["2.t1@2"]),
        (&["process:2 level:*"], &["2.t1@2"]),
        (&["msg~\"order \\d+2$\""], &["1.t2@3"]),
        (&["ev:wait"], &["1.t2@6"]),
        (&["obj:queue:2"], &["1.t2@6"]),
        (&["1.t2@4"], &["1.t2@4"]),
        (&["ts>=2026-11-22T17:15:00.102Z level:*"], &["1.t2@5"]),
        (&["-l", "warning"], &["2.t1@2", "1.t2@4", "1.t2@5"]),
        (&["--process", "2", "level:*"], &["2.t1@2"]),
        (&["--thread", "worker-1", "-l", "error"], &["1.t2@4"]),
        (&["--since", "2026-11-22T17:15:00.101Z", "--until", "2026-11-22T17:15:00.102Z"], &["1.t2@4"]),
        (&["level:*", "-n", "2"], &["1.t2@4", "1.t2@5"]),
    ];
    for (how, shop) in shops() {
        for (arguments, wanted) in expected {
            assert_eq!(ids(&shop.case, arguments), *wanted, "{how}: {arguments:?}");
            if how == "indexed in part" && !arguments.contains(&"-n") {
                let counted = shop.case.logq(&[&["search", "--count"], *arguments].concat());
                assert_eq!(counted.out.trim(), wanted.len().to_string(), "{how}: {arguments:?}");
                assert_eq!(counted.code, Some(i32::from(wanted.is_empty())), "{how}: {arguments:?}");
            }
        }
        let malformed = shop.case.json(&["search", "ev:malformed"]);
        assert_eq!(malformed.len(), 1, "{how}");
        assert_eq!(
            (&malformed[0]["text"], &malformed[0]["process"]),
            (&json!("this is no record"), &json!(1)),
            "{how}"
        );
    }
}

#[test]
fn text_answers_are_the_same_wherever_they_are_read_from() {
    let queries: &[&[&str]] = &[
        &[],
        &["order_id:8812"],
        &["stock", "-C", "1"],
        &["stock", "-C", "100"],
        &["--top", "logger"],
        &["--top", "order_id", "level:INFO"],
        &["nothing like it"],
        &["ev:malformed"],
    ];
    for query in queries {
        let answers: Vec<(String, String, Option<i32>)> = shops()
            .iter()
            .map(|(_, shop)| shop.case.logq(&[&["search"], *query].concat()))
            .map(|said| (said.out, said.err, said.code))
            .collect();
        assert_eq!(answers[0], answers[1], "{query:?}");
        assert_eq!(answers[0], answers[2], "{query:?}");
    }
}

#[test]
fn a_record_as_json_has_its_wire_keys_and_its_id() {
    let (_, shop) = shops().swap_remove(0);
    let said = shop.case.logq(&["search", "order_id:8811", "--format", "json"]).ended(0);
    assert_eq!(said.out.lines().count(), 1);
    let record: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((&record["id"], &record["process"]), (&json!("1.t2@2"), &json!(1)));
    let first = &first_half()[0].1[3];
    let written: Value = serde_json::from_str(first).expect("JSON");
    for (key, value) in written.as_object().expect("keys") {
        assert_eq!(&record[key], value, "{key}");
    }
    assert_eq!(record.as_object().expect("keys").len(), written.as_object().expect("keys").len() + 2);
}

#[test]
fn neighbours_are_those_of_the_lane() {
    for (how, shop) in shops() {
        let said = shop.case.logq(&["search", "\"order 8812\"", "-C", "1"]).ended(0);
        assert_has(&said.out, &["order 8811", "order 8812", "out of stock"]);
        assert!(!said.out.contains("no such shelf"), "{how}: {}", said.out);
    }
}

#[test]
fn unknown_fields_are_pointed_at_with_the_nearest_names() {
    for (how, shop) in shops() {
        let check = |query: &str, wanted: &[&str]| {
            let said = shop.case.logq(&["search", query]).ended(2);
            assert_eq!(said.out, "", "{how}");
            assert_has(&said.err, wanted);
        };
        check("ordr_id:8812", &["no record has a field `ordr_id`", "  ordr_id:8812\n  ^^^^^^^\n", "order_id"]);
        check("stock lgger:shop", &["`lgger`", "  stock lgger:shop\n        ^^^^^\n", "logger"]);
        check("(stock", &["parenthesis", "  (stock\n  ^"]);
        check("msg~\"(\"", &["msg~"]);
        check("ms:[1 TO", &["ms:[1 TO\n"]);
        check("stock AND", &["stock AND"]);
        check("\"out of", &["\"out of\n", "^"]);
        // A known field that no record has is no mistake.
        shop.case.logq(&["search", "stack:anything"]).ended(1);
    }
}

#[test]
fn nothing_found_says_what_was_looked_at() {
    for (how, shop) in shops() {
        let said = shop.case.logq(&["search", "unheard"]).ended(1);
        assert_eq!(said.out, "", "{how}");
        assert_has(&said.err, &["nothing found in 13 records", "2026-11-22 17:15:00", RUN]);
        assert_eq!(shop.case.logq(&["search", "unheard", "--count"]).ended(1).out, "0\n");
    }
}

#[test]
fn several_runs_are_searched_together() {
    let (_, first) = shops().swap_remove(1);
    let later = "20261122-180000-a0b1";
    shop(&Spool::of_run(&first.case, later));
    assert_eq!(ids(&first.case, &["\"the shop closes\""]), ["1.t1@3"]);
    assert_eq!(ids(&first.case, &["--run", RUN, "\"the shop opens\""]), ["1.t1@2"]);
    let all = first.case.json(&["search", "--run", "all", "\"the shop opens\""]);
    assert_eq!(all.len(), 2);
    // A field that only one of them has is a field.
    assert_eq!(ids(&first.case, &["--run", "all", "ms:4.5"]), ["1.t2@2"]);
    first.case.logq(&["search", "--run", later, "ms:4.5"]).ended(2);
}

#[test]
fn what_is_written_is_soon_shown_to_who_follows() {
    let (_, shop) = shops().swap_remove(2);
    let mut follower = shop.case.start(&["search", "-F", "--format", "json", "order_id:8812"]);
    let (sender, shown) = mpsc::channel();
    let out = follower.0.stdout.take().expect("its stdout");
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            let record: Value = serde_json::from_str(&line).expect("a line of JSON");
            if sender.send(record["msg"].as_str().unwrap_or_default().to_owned()).is_err() {
                return;
            }
        }
    });
    let next = || shown.recv_timeout(Duration::from_secs(60)).expect("a line within a minute");
    assert_eq!([next(), next(), next()], ["processing order 8812", "item 77: no such shelf", "out of stock"]);
    let mut writer = Writer::new("4242-aaaaaa", 500);
    for number in 0..3 {
        let other = writer.log("t1", 10 + 2 * number, "INFO", "another order").replace("8812", "1");
        let wanted = writer.log("t1", 11 + 2 * number, "INFO", &format!("line {number}"));
        // Half a line is no line yet.
        let (start, rest) = wanted.split_at(wanted.len() / 2);
        shop.spool.raw("4242-aaaaaa.1.jsonl", format!("{other}\n{start}").as_bytes());
        shop.spool.raw("4242-aaaaaa.1.jsonl", format!("{rest}\n").as_bytes());
        assert_eq!(next(), format!("line {number}"));
    }
    // A process that joins later is followed too.
    let mut late = Writer::new("4400-cccccc", 600);
    shop.spool.lines("4400-cccccc", &[late.begin(3), late.log("t1", 2, "INFO", "from a new process")]);
    assert_eq!(next(), "from a new process");
    drop(follower);
    reader.join().expect("the reader ends with its logq");
    assert!(shown.try_recv().is_err());
}

#[test]
fn who_collects_as_it_grows_indexes_what_comes() {
    let (_, shop) = shops().swap_remove(0);
    let collector = shop.case.start(&["collect", "--follow", "--run", RUN]);
    let index = shop.case.store().join("runs").join(RUN).join("index");
    wait_until("there is an index", || index.exists());
    let mut writer = Writer::new("4242-aaaaaa", 500);
    for number in 0..50 {
        shop.spool.lines("4242-aaaaaa", &[writer.log("t1", 10 + number, "INFO", "while it is collected")]);
        // Whatever the collector has done by now, everything is there, once.
        let found = shop.case.json(&["search", "\"while it is collected\""]);
        assert_eq!(found.len() as u64, number + 1);
    }
    drop(collector);
    assert_eq!(shop.case.json(&["search", "\"while it is collected\""]).len(), 50);
}
