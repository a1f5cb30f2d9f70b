//! One suite for every store: what each of them must do. A third store is one more line in `stores!`.

use std::ops::ControlFlow;

use proptest::prelude::*;
use serde_json::json;

use super::local::LocalStore;
use super::memory::MemoryStore;
use super::testing::{self, START, TestRun, line, log, proc_event};
use super::*;
use crate::query::parse;
use crate::spool::{Cursor, Follower, Problems};

/// Makes the store of a run.
type Make = fn(&RunDir) -> Box<dyn Store>;

macro_rules! stores {
    ($($name:ident: $make:expr;)*) => { $(mod $name {
        const MAKE: super::Make = $make;

        #[test]
        fn an_empty_store_answers() {
            super::an_empty_store_answers(MAKE);
        }
        #[test]
        fn what_is_committed_is_found_and_nothing_else() {
            super::what_is_committed_is_found_and_nothing_else(MAKE);
        }
        #[test]
        fn hits_come_in_order_and_go_on_behind_the_last() {
            super::hits_come_in_order_and_go_on_behind_the_last(MAKE);
        }
        #[test]
        fn adding_twice_is_adding_once() {
            super::adding_twice_is_adding_once(MAKE);
        }
        #[test]
        fn there_is_one_writer() {
            super::there_is_one_writer(MAKE);
        }
        #[test]
        fn a_reader_is_a_snapshot() {
            super::a_reader_is_a_snapshot(MAKE);
        }
        #[test]
        fn counts_by_value_and_by_time() {
            super::counts_by_value_and_by_time(MAKE);
        }
        #[test]
        fn every_query_is_answered_as_it_is_defined() {
            super::every_query_is_answered_as_it_is_defined(MAKE);
        }
    })* };
}

stores! {
    memory: |_| Box::new(super::MemoryStore::default());
    local: |run| Box::new(super::LocalStore::of(run));
}

fn filter(query: &str) -> Filter {
    Filter::new(parse(query, 0).expect("a query").query)
}

fn request(query: &str, order: Order, limit: usize) -> Request {
    Request { filter: filter(query), order, limit, after: None }
}

fn ids(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| hit.record.id().to_string()).collect()
}

fn newest(store: &dyn Store, query: &str) -> Vec<String> {
    ids(&store.read().expect("a reader").search(&request(query, Order::Newest, 100)).expect("hits"))
}

fn an_empty_store_answers(make: Make) {
    let spool = TestRun::new();
    let reader = make(&spool.run).read().expect("a reader");
    assert!(reader.positions().is_empty());
    assert_eq!(reader.extent().expect("an extent"), Extent::default());
    assert!(reader.search(&request("order", Order::Newest, 10)).expect("hits").is_empty());
    assert_eq!(reader.count(&Filter::new(Query::All)).expect("a count"), 0);
    assert!(reader.keys().expect("keys").is_empty());
}

fn what_is_committed_is_found_and_nothing_else(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    spool.write(&[
        proc_event(0, 1),
        log(0, "t1", 2, START + 1, "order 8812 taken"),
        log(0, "t3", 1, START + 2, "Timeout"),
    ]);
    let part = spool.run.spool().list().expect("a listing").parts().next().expect("a part").clone();
    let mut writer = store.write().expect("a writer");
    let mut positions = Positions::default();
    part.read(&mut Cursor::default(), u64::MAX, &mut Problems::default(), &mut |entry| {
        writer.add(entry).expect("added");
        ControlFlow::Continue(())
    });
    assert!(newest(&*store, "order").is_empty());
    positions.set(part.id.clone(), part.len);
    writer.commit(&positions).expect("committed");
    assert_eq!(writer.positions(), &positions);
    assert_eq!(newest(&*store, "order"), ["1.t1@2"]);
    assert_eq!(newest(&*store, "timeout OR taken"), ["1.t3@1", "1.t1@2"]);
    assert_eq!(newest(&*store, "lane:t3"), ["1.t3@1"]);
    let reader = store.read().expect("a reader");
    assert_eq!(reader.positions(), &positions);
    assert_eq!(reader.extent().expect("an extent"), Extent { records: 3, first: Some(START), last: Some(START + 2) });
    let hit = &reader.search(&request("timeout", Order::Newest, 1)).expect("hits")[0];
    assert_eq!((hit.offset + hit.len + 1, hit.line.last()), (part.len, Some(&b'}')));

    // What is added and not committed was never added.
    spool.write(&[log(0, "t1", 3, START + 3, "order 8813")]);
    writer = store_again(writer, &*store);
    let mut follower = Follower::new(spool.run.spool(), writer.positions());
    let _ = follower.poll(&mut |entry| {
        writer.add(entry).expect("added");
        ControlFlow::Continue(())
    });
    drop(writer);
    assert_eq!(newest(&*store, "order"), ["1.t1@2"]);
    spool.feed(&*store, 10);
    assert_eq!(newest(&*store, "order"), ["1.t1@3", "1.t1@2"]);
}

fn store_again(writer: Box<dyn Writer>, store: &dyn Store) -> Box<dyn Writer> {
    writer.close().expect("closed");
    store.write().expect("a writer")
}

fn hits_come_in_order_and_go_on_behind_the_last(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    spool.write(&[proc_event(0, 1), proc_event(1, 2)]);
    let mut expected = Vec::new();
    for seq in 2..30 {
        // Three records a moment: process, then place in the file, decide.
        let ts = START + (seq as i64 / 3) * 1000;
        spool.write(&[log((seq % 2) as usize, "t1", seq, ts, "tick")]);
        expected.push((ts, seq % 2, seq));
    }
    spool.feed(&*store, 7);
    expected.sort_unstable();
    let expected: Vec<String> = expected.iter().map(|(_, proc, seq)| format!("{}.t1@{seq}", proc + 1)).collect();
    let reader = store.read().expect("a reader");
    for order in [Order::Oldest, Order::Newest] {
        let mut found = Vec::new();
        let mut page = request("tick", order, 4);
        loop {
            let hits = reader.search(&page).expect("hits");
            let Some(last) = hits.last() else { break };
            page.after = Some(last.sort_key());
            found.extend(ids(&hits));
        }
        if order == Order::Newest {
            found.reverse();
        }
        assert_eq!(found, expected, "{order:?}");
    }
    let ranged = Filter { since: Some(START + 1000), until: Some(START + 3000), ..filter("tick") };
    assert_eq!(reader.count(&ranged).expect("a count"), 6);
    assert!(reader.search(&request("tick", Order::Newest, 0)).expect("hits").is_empty());
}

fn adding_twice_is_adding_once(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    spool.write(&[proc_event(0, 1), log(0, "t1", 2, START, "order")]);
    for _ in 0..2 {
        let mut writer = store.write().expect("a writer");
        // As a collector that has forgotten where it was, twice over.
        for _ in 0..2 {
            let mut follower = Follower::new(spool.run.spool(), &Positions::default());
            let _ = follower.poll(&mut |entry| {
                writer.add(entry).expect("added");
                ControlFlow::Continue(())
            });
            writer.commit(&follower.positions()).expect("committed");
        }
    }
    assert_eq!(newest(&*store, "*:* OR order OR ev:proc"), ["1.t1@2", "1.t1@1"]);
}

fn there_is_one_writer(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    let writer = store.write().expect("a writer");
    match store.write() {
        Err(StoreError::Busy { holder, .. }) => assert_eq!(holder, Some(std::process::id())),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a second writer"),
    }
    store.read().expect("readers do not wait");
    drop(writer);
    store.write().expect("a writer after the first has ended");
}

fn a_reader_is_a_snapshot(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    spool.write(&[proc_event(0, 1), log(0, "t1", 2, START, "order")]);
    spool.feed(&*store, 1);
    let before = store.read().expect("a reader");
    for seq in 3..40 {
        spool.write(&[log(0, "t1", seq, START + seq as i64, "order")]);
        // Many small commits: segments are merged away under the reader.
        spool.feed(&*store, 1);
    }
    assert_eq!(before.count(&filter("order")).expect("a count"), 1);
    assert_eq!(before.search(&request("order", Order::Newest, 9)).expect("hits").len(), 1);
    assert_eq!(store.read().expect("a reader").count(&filter("order")).expect("a count"), 38);
}

fn counts_by_value_and_by_time(make: Make) {
    let spool = TestRun::new();
    let store = make(&spool.run);
    let more = |level: &str, id: u64| json!({"level": level, "logger": "Shop", "msg": "m", "extra": {"id": id, "tags": ["a", "a"]}});
    let lines: Vec<_> = (2..12)
        .map(|seq| line(0, "t1", seq, START + seq as i64, more(if seq % 3 == 0 { "ERROR" } else { "info" }, seq / 4)))
        .collect();
    spool.write(&[proc_event(0, 1)]);
    spool.write(&lines);
    spool.append(0, 1, "no json\n");
    spool.feed(&*store, 4);
    let reader = store.read().expect("a reader");
    let counts = |query: &str, field: &str| {
        let counts = reader.counts(&filter(query), &Field::named(field)).expect("counts");
        counts.into_iter().map(|(value, count)| format!("{value}={count}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(counts("m", "level"), "ERROR=3 info=7");
    assert_eq!(counts("id>=1", "id"), "1=4 2=4");
    assert_eq!(counts("m", "tags"), "a=10");
    assert_eq!(counts("m", "process"), "1=10");
    assert_eq!(counts("ev:*", "ev"), "malformed=1 proc=1");
    let buckets = Buckets { start: START, width: 4, count: 4 };
    assert_eq!(reader.histogram(&Filter::new(Query::All), &buckets).expect("a histogram"), [3, 4, 4, 0]);
    assert_eq!(reader.keys().expect("keys").into_iter().collect::<Vec<_>>(), ["id", "n", "part", "tags"]);
    // A line that is no record has no time, and does not stretch the span to 1970.
    assert_eq!(reader.extent().expect("an extent").first, Some(START));
}

/// Holds a store to the definition, on random records and queries.
fn every_query_is_answered_as_it_is_defined(make: Make) {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 16;
    }
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let world = (testing::lines(60), prop::collection::vec(testing::query(), 40), 8_usize..60, 0_usize..6);
    let run = runner.run(&world, |(lines, queries, batch, limit)| {
        let spool = TestRun::new();
        spool.write(&lines);
        let (store, truth) = (make(&spool.run), MemoryStore::default());
        spool.feed(&*store, batch);
        spool.feed(&truth, usize::MAX);
        let (reader, truth) = (store.read().expect("a reader"), truth.read().expect("a reader"));
        prop_assert_eq!(reader.positions(), truth.positions());
        prop_assert_eq!(reader.extent().expect("an extent"), truth.extent().expect("an extent"));
        prop_assert_eq!(reader.keys().expect("keys"), truth.keys().expect("keys"));
        for (number, query) in (0..).zip(queries) {
            let since = (number % 3 == 0).then_some(START + number % 12 * 1_000_000_000);
            let until = (number % 4 == 0).then_some(START + number % 9 * 1_000_000_000);
            let filter = Filter { query, since, until };
            answers_agree(&*reader, &*truth, &filter, limit)?;
        }
        prop_assert_eq!(reader.gone(), 0);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

fn answers_agree(reader: &dyn Reader, truth: &dyn Reader, filter: &Filter, limit: usize) -> Result<(), TestCaseError> {
    let count = truth.count(filter).expect("a count");
    prop_assert_eq!(reader.count(filter).expect("a count"), count, "{:?}", filter);
    for order in [Order::Newest, Order::Oldest] {
        let mut request = Request { filter: filter.clone(), order, limit, after: None };
        for _ in 0..2 {
            let hits = truth.search(&request).expect("hits");
            prop_assert_eq!(reader.search(&request).expect("hits"), hits.clone(), "{:?}", request);
            request.after = hits.last().map(Hit::sort_key);
        }
    }
    for field in ["level", "ev", "pid", "tid", "order_id", "msg", "task"].map(Field::named) {
        let counts = truth.counts(filter, &field).expect("counts");
        prop_assert_eq!(reader.counts(filter, &field).expect("counts"), counts, "{:?} {:?}", field, filter);
    }
    let buckets = Buckets { start: START, width: 3_000_000_000, count: 3 };
    prop_assert_eq!(reader.histogram(filter, &buckets).expect("one"), truth.histogram(filter, &buckets).expect("one"));
    let all = |reader: &dyn Reader| {
        let mut ids = Vec::new();
        let _ = reader.each(filter, &mut |entry| {
            ids.push((entry.source.clone(), entry.offset));
            ControlFlow::Continue(())
        });
        ids
    };
    prop_assert_eq!(all(reader), all(truth));
    Ok(())
}
