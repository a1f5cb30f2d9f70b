//! Updates that are lost, or can be; each beside programs that are right.

use super::{found, is_silent, told};

const THREADS: &str = r#"
    0.0 t1 "ev":"proc","n":1,"how":"root","argv":["shop.py"]
    0.1 t2 "ev":"lane","kind":"thread","name":"north","from":"t1@1"
    0.1 t3 "ev":"lane","kind":"thread","name":"south","from":"t1@1"
    0.2 t1 "ev":"obj","obj":"var:1","kind":"attribute","name":"Shop.stock"
    0.2 t1 "ev":"obj","obj":"lock:1","kind":"threading.Lock","name":"till"
"#;

/// One line: t3 writes `var:1` at line 9, made from what it read at line 8; `more` is what else the record tells.
fn write(more: &str) -> String {
    format!(
        r#"0.5 t3 "ev":"access","var":"var:1","rw":"w","v":3,"site":["shop.py",9,"sell"],"stack":[["shop.py",9,"sell"],["shop.py",20,"work"]],"base":{{"v":1,"site":["shop.py",8,"sell"],"by":"t3@1"}},{more}"#
    )
}

fn story(more: &str) -> String {
    format!("{THREADS}{}\n5.0 t1 \"ev\":\"exit\",\"rc\":0\n", write(more))
}

const OVER: &str = r#""over":{"by":"t2@1","v":2,"site":["shop.py",14,"refill"],"held":["lock:1#7"],"stack":[["shop.py",14,"refill"]]}"#;
const OTHER: &str = r#""other":{"by":"t2@1","v":2,"site":["shop.py",9,"sell"],"base":{"site":["shop.py",8,"sell"]}}"#;

#[test]
fn a_write_that_was_made_without_another_is_a_lost_update() {
    let findings = found(&story(OVER));
    assert_eq!(told(&story(OVER)), ["race certain: lost update of Shop.stock"]);
    let race = &findings[0];
    let actors: Vec<&str> = race.actors.iter().map(|actor| actor.name.as_str()).collect();
    assert_eq!(actors, ["south", "north"]);
    let lines: Vec<_> = race.sites.iter().map(|place| place.site.line).collect();
    assert_eq!(lines, [8, 9, 14]);
    assert!(race.notes.iter().any(|note| note.contains("north held till")), "{:?}", race.notes);
    assert!(race.notes.iter().any(|note| note.contains("sell (shop.py:9) called by work (shop.py:20)")));
    assert!(race.notes.iter().any(|note| note.contains("1.t1@1")), "{:?}", race.notes);
    for (how, title) in [("check", "check-then-act on Shop.stock"), ("init", "Shop.stock is made more than once")] {
        assert_eq!(told(&story(&format!("\"how\":\"{how}\",{OVER}"))), [format!("race certain: {title}")]);
    }
}

#[test]
fn updates_that_nothing_keeps_apart_are_likely_to_be_lost_some_day() {
    assert_eq!(told(&story(OTHER)), ["race likely: updates of Shop.stock can be lost"]);
    is_silent(&story(&format!("{OTHER},\"hb\":[\"t2@1\"]")));
    // What one lane hands to the other through a list and its lock is in order, though only by the lock.
    is_silent(&story(&format!("{OTHER},\"hbl\":[\"t2@1\"]")));
    let both = OTHER.replace("\"v\":2,", "\"v\":2,\"held\":[\"lock:1#7\"],");
    let split = story(&format!("{both},\"held\":[\"lock:1#9\"],\"hbl\":[\"t2@1\"]"));
    assert_eq!(told(&split).len(), 1, "given back between read and write: its order is an accident");
}

#[test]
fn what_was_asked_for_and_waited_for_is_no_race() {
    let asked = OVER.replace("t2@1", "t2@2");
    let answer = format!(
        "{THREADS}0.3 t2 \"ev\":\"sync\",\"hb\":[\"t3@1\"]\n{}\n5.0 t1 \"ev\":\"exit\",\"rc\":0\n",
        write(&format!("{asked},\"hb\":[\"t2@2\"]"))
    );
    is_silent(&answer);
}

#[test]
fn an_order_that_may_have_been_lost_leaves_it_possible() {
    let hole = format!("{}4.0 t1 \"ev\":\"lost\",\"n\":7,\"why\":\"disk full\"\n", story(OTHER));
    assert!(told(&hole).contains(&"race possible: updates of Shop.stock can be lost".to_owned()), "{:?}", told(&hole));
}

/// Two processes and a shared value: each reads at the first time and writes at the second, holding what is said.
fn processes(one: (f64, f64, &str), other: (f64, f64, &str)) -> String {
    let mut text = String::from(
        "0.0 1/t1 \"ev\":\"proc\",\"n\":1,\"how\":\"root\",\"argv\":[\"gate.py\"]\n\
         0.1 1/t1 \"ev\":\"obj\",\"obj\":\"lock:1\",\"kind\":\"multiprocessing.Value\",\"name\":\"visitors\"\n",
    );
    for n in [2, 3] {
        text.push_str(&format!(
            "0.{n} {n}/t1 \"ev\":\"proc\",\"n\":{n},\"how\":\"fork\",\"from\":\"1-aaaaaa/t1@1\",\"name\":\"gate-{n}\"\n"
        ));
    }
    for (n, (read, write, held)) in [(2, one), (3, other)] {
        let at = (read * 1e9) as u64 + 1_000_000_000;
        text.push_str(&format!(
            "{write} {n}/t1 \"ev\":\"access\",\"var\":\"1-aaaaaa/lock:1\",\"rw\":\"w\",\"site\":[\"gate.py\",20,\"admit\"],\
             \"held\":[{held}],\"base\":{{\"at\":{at},\"site\":[\"gate.py\",15,\"current\"],\"held\":[{held}]}}\n"
        ));
    }
    text + "5.0 1/t1 \"ev\":\"exit\",\"rc\":0\n"
}

fn races(text: &str) -> Vec<String> {
    told(text).into_iter().filter(|line| line.starts_with("race")).collect()
}

#[test]
fn between_processes_the_times_tell() {
    let lost = processes((1.0, 1.4, ""), (1.2, 1.3, ""));
    assert_eq!(races(&lost), ["race certain: lost update of visitors"]);
    let luck = processes((1.0, 1.1, ""), (1.2, 1.3, ""));
    assert_eq!(races(&luck), ["race likely: updates of visitors can be lost"]);
    let lock = |n: u32| format!("\"1-aaaaaa/lock:1#{n}\"");
    assert!(races(&processes((1.0, 1.1, &lock(7)), (1.2, 1.3, &lock(8)))).is_empty());
    let file = |n: u32| format!("\"file:/tmp/x.lock#{n}\"");
    assert!(races(&processes((1.0, 1.1, &file(7)), (1.2, 1.3, &file(8)))).is_empty());
}

#[test]
fn what_is_not_watched_is_said() {
    let text = format!(
        "{THREADS}0.4 t1 \"ev\":\"note\",\"what\":\"unwatched\",\"name\":\"deep.py\",\"why\":\"too deep\"\n5.0 t1 \"ev\":\"exit\",\"rc\":0\n"
    );
    assert_eq!(told(&text), ["race observed: 1 part of the program is not watched"]);
}
