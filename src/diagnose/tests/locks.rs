//! Locks on runs that passed: orders that could stop another run, lanes that starve; each beside a right program.

use super::{found, is_silent, sure, told};

/// Lanes t2, t3… of one process, and what each does: `a>b` takes b while it holds a, `ga>b` so under gate g too.
fn orders(steps: &[(&str, &str, &str)]) -> String {
    let mut text = String::from("0.0 t1 \"ev\":\"proc\",\"n\":1,\"how\":\"root\",\"argv\":[\"bank.py\"]\n");
    let mut lanes: Vec<&str> = steps.iter().map(|(lane, _, _)| *lane).collect();
    lanes.sort_unstable();
    lanes.dedup();
    for lane in lanes {
        text.push_str(&format!(
            "0.1 {lane} \"ev\":\"lane\",\"kind\":\"thread\",\"name\":\"{lane}\",\"from\":\"t1@1\"\n"
        ));
    }
    for (place, (lane, order, hb)) in steps.iter().enumerate() {
        let (held, taken) = order.split_once('>').expect("held>taken");
        let lock = |name: char| format!("{{\"obj\":\"lock:{name}\",\"site\":[\"bank.py\",{},\"f\"]}}", name as u32);
        let held: Vec<String> = held.chars().map(lock).collect();
        let line = place + 1;
        text.push_str(&format!(
            "0.{line} {lane} \"ev\":\"nest\",\"obj\":\"lock:{taken}\",\"site\":[\"bank.py\",{line},\"f\"],\"held\":[{}]{hb}\n",
            held.join(",")
        ));
    }
    text + "5.0 t1 \"ev\":\"exit\",\"rc\":0\n"
}

#[test]
fn two_orders_of_two_locks_or_three_in_a_ring_are_told() {
    let two = orders(&[("t2", "a>b", ""), ("t3", "b>a", "")]);
    assert_eq!(
        told(&two),
        ["lock-order likely: lock:a and lock:b are taken in different orders".replace("lock:", "1.lock:")]
    );
    assert_eq!(found(&two)[0].actors.len(), 2);
    let three = orders(&[("t2", "a>b", ""), ("t3", "b>c", ""), ("t4", "c>a", "")]);
    assert_eq!((told(&three).len(), found(&three)[0].actors.len()), (1, 3));
}

#[test]
fn orders_that_cannot_meet_are_no_fault() {
    let one_lane = orders(&[("t2", "a>b", ""), ("t2", "b>a", "")]);
    let one_order = orders(&[("t2", "a>b", ""), ("t3", "a>b", ""), ("t4", "b>c", "")]);
    let gate = orders(&[("t2", "ga>b", ""), ("t3", "gb>a", "")]);
    let handed_over = orders(&[("t2", "a>b", ""), ("t3", "b>a", ",\"hb\":[\"t2@2\"]")]);
    let again = orders(&[("t2", "ab>a", ""), ("t3", "b>a", "")]);
    for healthy in [one_lane, one_order, gate, handed_over, again] {
        assert!(told(&healthy).is_empty(), "{healthy}");
    }
    let only_by_lock = orders(&[("t2", "a>b", ""), ("t3", "b>a", ",\"hbl\":[\"t2@2\"]")]);
    assert_eq!(told(&only_by_lock).len(), 1, "who came first at a lock is an accident");
}

#[test]
fn an_order_that_may_have_been_lost_is_only_possible() {
    let orders = orders(&[("t2", "a>b", ""), ("t3", "b>a", "")]);
    for hole in [
        r#"4.0 t1 "ev":"lost","n":7,"why":"ring""#,
        r#"4.0 t1 "ev":"lost","n":7,"why":"disk full""#,
        r#"4.0 t1 "ev":"sync","hb":["t9@40"]"#,
    ] {
        let findings = found(&format!("{orders}{hole}\n"));
        let order = findings.iter().find(|finding| finding.kind == "lock-order").expect("the order");
        assert_eq!((sure(order), order.missing.len()), ("possible", 1), "{hole}");
    }
}

fn got(waited: f64, passed: &str) -> String {
    format!(
        r#"
        0.0 t1 "ev":"proc","n":1,"how":"root","argv":["print.py"]
        0.1 t2 "ev":"lane","kind":"thread","name":"reader","from":"t1@1"
        0.1 t3 "ev":"lane","kind":"thread","name":"writer","from":"t1@1"
        0.2 t2 "ev":"obj","obj":"lock:1","kind":"threading.Lock","name":"desk"
        0.3 t2 "ev":"wait","on":"lock","obj":"lock:1","site":["print.py",8,"read"]
        2.0 t2 "ev":"got","obj":"lock:1","res":"ok","waited":{},"passed":{passed}
        3.0 t1 "ev":"exit","rc":0,"locks":[{{"obj":"lock:1","contended":40,"waited":2500000000}}]
        "#,
        (waited * 1e9) as u64
    )
}

#[test]
fn a_lane_that_one_other_overtakes_again_and_again_starves() {
    let text = got(1.7, r#"{"t3":60}"#);
    assert_eq!(
        told(&text),
        [
            "starvation likely: reader waited 1.7 s for desk while others went by",
            "contention observed: 2.5 s lost in 40 waits for desk",
        ]
    );
    assert_eq!(found(&text)[0].sites[0].site.line, 8);
    is_silent(&got(0.8, r#"{"t3":60}"#));
    is_silent(&got(1.7, r#"{"t3":1,"t4":1}"#));
}
