//! Which records match: lines as they are written, and queries as they are typed.

use crate::query::{Pattern, Query, parse};
use crate::record::Record;
use crate::record::decode::{Place, decode};
use crate::record::field::Known;

const HEAD: &str = r#""ts":"2026-11-22T17:15:03.120431000Z","mono":5,"proc":"42-aaaaaa","pid":42,"lane":"t3","seq":17"#;

fn record(line: &str) -> Record {
    decode(line.as_bytes(), &Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 77 })
}

fn log() -> Record {
    record(&format!(
        r#"{{{HEAD},"level":"AUDIT","levelno":35,"logger":"shop.Orders","msg":"Order no_stock: 8812, Überfällig","thread":"worker-1","file":"/srv/shop/orders.py","line":131,"func":"take","exc":{{"type":"shop.StockError","msg":"no item 77"}},"extra":{{"order_id":8812,"price":9.5,"big":9007199254740993,"huge":1180591620717411303424,"paid":true,"user":null,"name":"Ann Lee","tags":["red","blue sky",7],"http":{{"status":404}},"a.b":"flat","empty":"","level2":"x"}}}}"#
    ))
}

fn event() -> Record {
    record(&format!(
        r#"{{{HEAD},"ev":"exc","where":"thread","type":"ValueError","msg":"bad thing","obj":"queue:2","site":["a.py",3,"f"]}}"#
    ))
}

#[track_caller]
fn check(record: &Record, matching: &[&str], others: &[&str]) {
    let answer = |text: &str| match parse(text, 0) {
        Ok(parsed) => parsed.query.matches(record),
        Err(error) => panic!("{error}\n{}", error.pointing(text)),
    };
    for text in matching {
        assert!(answer(text), "does not match: {text}");
    }
    for text in others {
        assert!(!answer(text), "matches: {text}");
    }
}

#[test]
fn words_stand_in_a_row_in_texts() {
    check(
        &log(),
        &[
            "order",
            "ORDER",
            "no_stock",
            "\"order no_stock\"",
            "no_stock-8812",
            "überfällig",
            "stockerror",
            "\"item 77\"",
        ],
        &["stock", "ord", "\"order 8812\"", "\"8812 no_stock\"", "worker", "take", "\"überfällig no\""],
    );
    check(&log(), &["file:orders.py", "file:shop/orders", "msg:8812", "exc.msg:item"], &["file:shop.py", "msg:item"]);
}

#[test]
fn globs_stand_for_words_in_texts_and_for_whole_keywords() {
    check(
        &log(),
        &[
            "ord*",
            "*fällig",
            "no?stock",
            "file:*/orders.*",
            "file:shop/*",
            "logger:shop.*",
            "logger:*orders",
            "level:aud*",
        ],
        &["ord?", "logger:orders", "logger:shop", "file:orders/*/*", "file:srv/*/*/*/*"],
    );
    check(
        &log(),
        &["extra.name:le*", "order_id:88*", "huge:118*", "paid:t*"],
        &["extra.name:ann*lee", "order_id:8", "user:x*"],
    );
}

#[test]
fn keywords_are_whole() {
    check(
        &log(),
        &["logger:SHOP.orders", "thread:worker-1", "lane:t3", "proc:42-aaaaaa"],
        &["thread:worker", "lane:t"],
    );
    check(&log(), &["1.t3@17", "t3@17", "42-aaaaaa/t3@17"], &["2.t3@17", "1.t3@18", "1.a3@17"]);
    check(&log(), &["logger>=shop", "logger<T", "thread:[a TO z]"], &["logger>shop.orders", "logger<shop"]);
}

#[test]
fn numbers_are_compared_by_value() {
    check(
        &log(),
        &[
            "order_id:8812",
            "order_id:8812.0",
            "order_id:8.812e3",
            "order_id:\"8812\"",
            "order_id>8811.5",
            "price:9.5",
            "price<10",
            "price:[9 TO 10}",
        ],
        &["order_id:881", "order_id:88120", "order_id>8812", "price:9", "order_id>\"1\"", "extra.name>1"],
    );
    check(
        &log(),
        &["big:9007199254740993", "big>9007199254740992.0"],
        &["big:9007199254740992", "big:9007199254740992.0"],
    );
    check(&log(), &["huge:1180591620717411303424", "huge>9007199254740993"], &["huge:5", "huge<1e21"]);
    check(&log(), &["line:131", "pid:42", "seq>=17", "process:1", "line~^13"], &["line:13", "tid:5", "tid<5"]);
}

#[test]
fn keys_have_any_kind_of_value() {
    check(
        &log(),
        &["paid:true", "paid:TRUE", "user:null", "extra.name:lee", "extra.name:\"ann lee\"", "extra.name~\"^Ann L\""],
        &["paid:1", "user:ann", "extra.name:an"],
    );
    check(
        &log(),
        &["tags:red", "tags:\"blue sky\"", "tags:7", "tags:(x sky)", "tags~sky"],
        &["tags:\"red blue\"", "tags:8"],
    );
    check(&log(), &["http.status:404", "a.b:flat", "http.status>=400", "extra.name:lee"], &["http:404", "b:flat"]);
    check(
        &log(),
        &["order_id:*", "empty:*", "price:*", "-user:*", "thread:*"],
        &["user:*", "nothing:*", "http:*", "task:*", "user~."],
    );
    check(&log(), &["extra.name>=\"ann\"", "extra.name<b", "order_id~^88"], &["extra.name>b", "paid>a"]);
}

#[test]
fn levels_are_compared_by_number() {
    check(
        &log(),
        &["level:35", "level>warning", "level>=35", "level<error", "level:[warn TO err]"],
        &["level:warning", "level<=30"],
    );
    let warning = record(&format!(r#"{{{HEAD},"level":"warn","msg":""}}"#));
    check(
        &warning,
        &["level:WARNING", "level:warn", "level:30", "levelname:Warning", "level:w*"],
        &["level:err", "level:warning*"],
    );
    check(&event(), &["-level:info", "NOT level>=debug"], &["level:*", "level<critical"]);
}

#[test]
fn events_and_malformed_lines_are_found_by_their_words() {
    check(
        &event(),
        &["bad", "valueerror", "ev:exc", "obj:queue:2", "where:thread", "file:a.py line:3 func:f"],
        &["queue", "ev:ex"],
    );
    let torn = record("{\"ts\":\"2026 half a line");
    check(&torn, &["half", "ev:malformed", "-level:*"], &["logger:*", "level:info"]);
}

#[test]
fn times_are_spans() {
    check(
        &log(),
        &[
            "ts:2026-11-22T17:15:03Z",
            "ts:2026-11-22T17:15:03.120Z",
            "ts<=2026-11-22T17:15Z",
            "ts>=2026-11-22T17:15:03.12Z",
            "ts<2026-11-22T17:15:04Z",
        ],
        &[
            "ts:2026-11-22T17:15:04Z",
            "ts>2026-11-22T17:15Z",
            "ts<2026-11-22T17:15Z",
            "ts:2026-11-22T17:15:03.1204Z ts:[* TO 2026-11-22T17:15:02Z]",
        ],
    );
}

#[test]
fn connectives_connect() {
    check(
        &log(),
        &["*", "", "order (nothing OR 8812)", "-nothing", "NOT nothing:x", "NOT (order nothing)"],
        &["order nothing", "-order", "NOT *"],
    );
    assert!(Query::And(Vec::new()).matches(&log()) && !Query::Or(Vec::new()).matches(&log()));
    check(&log(), &["msg~\"no_\\w+: \\d+\"", "msg~^Order", "msg!~^order"], &["msg~^order", "msg~8812$"]);
}

#[test]
fn what_only_a_hand_can_build_matches_nothing() {
    for text in ["", "--"] {
        let pattern = Pattern::Words { text: text.to_owned() };
        assert!(!Query::bare(pattern).matches(&log()));
    }
    assert!(!Query::is(Known::Level, "loud").matches(&log()));
}
