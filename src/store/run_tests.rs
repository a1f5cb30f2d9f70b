//! A run read as its readers do: index and tail together, and everything that may be wrong with either.

use std::fs;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::local::LocalStore;
use super::memory::MemoryStore;
use super::testing::{self, START, TestRun, log, proc_event};
use super::*;
use crate::query::parse;

fn filter(query: &str) -> Filter {
    Filter::new(parse(query, 0).expect("a query").query)
}

fn ids(hits: &[Hit]) -> Vec<String> {
    hits.iter().map(|hit| hit.record.id().to_string()).collect()
}

fn newest(reader: &RunReader, query: &str, limit: usize) -> Vec<String> {
    let request = Request { filter: filter(query), order: Order::Newest, limit, after: None };
    ids(&reader.search(&request).expect("hits"))
}

/// What a run writes of the records that pass.
fn all_written(reader: &RunReader, filter: &Filter) -> String {
    let write = |found: &Found<'_>, out: &mut Vec<u8>| {
        let (id, line) = match found {
            Found::Line(id, line) => (id.to_string(), line),
            Found::Record(record, line) => (record.id().to_string(), line),
        };
        out.extend_from_slice(&[id.as_bytes(), b" ", line, b"\n"].concat());
    };
    let mut all = Vec::new();
    reader.write(&reader.locate(filter).expect("places"), &write, &mut |bytes| {
        all.extend_from_slice(bytes);
        ControlFlow::Continue(())
    });
    String::from_utf8_lossy(&all).into_owned()
}

/// The same of hits.
fn lines_of(hits: &[Hit]) -> String {
    hits.iter().map(|hit| format!("{} {}\n", hit.record.id(), String::from_utf8_lossy(&hit.line))).collect()
}

/// Three records, of which the first two are indexed.
fn half_indexed() -> TestRun {
    let spool = TestRun::new();
    spool.write(&[proc_event(0, 1), log(0, "t1", 2, START + 1, "order one")]);
    spool.feed(&LocalStore::of(&spool.run), 10);
    spool.write(&[log(0, "t1", 3, START + 2, "order two")]);
    spool
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// What of a run is indexed and what is not makes no difference to any answer.
    #[test]
    fn index_and_tail_together_are_the_run(
        lines in testing::lines(60),
        cuts in prop::collection::vec(0_usize..60, 0..3),
        queries in prop::collection::vec(testing::query(), 30),
        limit in 0_usize..6,
    ) {
        let spool = TestRun::new();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let mut written = 0;
        for cut in cuts.into_iter().map(|cut| cut.min(lines.len())) {
            spool.write(&lines[written..cut]);
            spool.feed(&LocalStore::of(&spool.run), 20);
            written = cut;
        }
        spool.write(&lines[written..]);
        let truth = MemoryStore::default();
        spool.feed(&truth, usize::MAX);
        let (reader, truth) = (RunReader::open(&spool.run).expect("a reader"), truth.read().expect("a reader"));
        prop_assert_eq!(reader.extent().expect("one"), truth.extent().expect("one"));
        prop_assert_eq!(reader.keys().expect("keys"), truth.keys().expect("keys"));
        for filter in queries.into_iter().map(Filter::new) {
            for order in [Order::Newest, Order::Oldest] {
                let request = Request { filter: filter.clone(), order, limit, after: None };
                let mut expected = truth.search(&request).expect("hits");
                if order == Order::Newest {
                    expected.reverse();
                }
                prop_assert_eq!(reader.search(&request).expect("hits"), expected, "{:?}", request);
            }
            let all = Request { filter: filter.clone(), order: Order::Oldest, limit: usize::MAX, after: None };
            prop_assert_eq!(all_written(&reader, &filter), lines_of(&truth.search(&all).expect("hits")));
            prop_assert_eq!(reader.count(&filter).expect("one"), truth.count(&filter).expect("one"));
            let field = Field::named("order_id");
            prop_assert_eq!(reader.counts(&filter, &field).expect("one"), truth.counts(&filter, &field).expect("one"));
            let mut count = 0;
            let _ = reader.each(&filter, &mut |_| { count += 1; ControlFlow::Continue(()) }).expect("each");
            prop_assert_eq!(count, truth.count(&filter).expect("one"));
        }
        prop_assert!(reader.problems().expect("problems").gone == 0);
    }
}

#[test]
fn a_line_is_in_every_answer_as_soon_as_it_is_on_disk() {
    let spool = half_indexed();
    let mut reader = RunReader::open(&spool.run).expect("a reader");
    assert_eq!(newest(&reader, "order", 10), ["1.t1@2", "1.t1@3"]);
    assert_eq!(newest(&reader, "order", 1), ["1.t1@3"]);
    assert!(reader.bytes_behind() > 0);

    // The snapshot stays; what comes later is polled, each line once, half lines never.
    spool.write(&[log(0, "t1", 4, START + 3, "order three")]);
    let last = log(0, "t1", 5, START + 4, "order four").text;
    spool.append(0, 1, &last[..50]);
    assert_eq!(newest(&reader, "order", 10).len(), 2);
    let poll = |reader: &mut RunReader| {
        let mut seen = Vec::new();
        let _ = reader.poll(&mut |entry| {
            seen.push(entry.record.id().to_string());
            ControlFlow::Continue(())
        });
        seen
    };
    assert_eq!(poll(&mut reader), ["1.t1@4"]);
    assert!(poll(&mut reader).is_empty());
    spool.append(0, 1, format!("{}\n", &last[50..]));
    assert_eq!(poll(&mut reader), ["1.t1@5"]);
}

/// Enough for several segments and several threads.
#[test]
fn what_threads_find_and_write_is_in_order() {
    let spool = TestRun::new();
    spool.write(&[proc_event(0, 1)]);
    for from in [1, 10_001, 20_001] {
        let at = |seq: u64| START + seq as i64 * 1000;
        let lines: Vec<_> = (from..from + 10_000)
            .map(|seq| log(0, "t1", seq + 1, at(seq), if seq % 7 == 0 { "order paid" } else { "order seen" }))
            .collect();
        spool.write(&lines);
        if from < 20_000 {
            spool.feed(&LocalStore::of(&spool.run), usize::MAX);
        }
    }
    let (reader, paid) = (RunReader::open(&spool.run).expect("a reader"), filter("paid"));
    let ids: Vec<String> = (1..=30_000).filter(|seq| seq % 7 == 0).map(|seq| format!("1.t1@{}", seq + 1)).collect();
    let text = all_written(&reader, &paid);
    let found: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(found == ids, "{} of {}, from {:?}", found.len(), ids.len(), found.first());
    assert_eq!(reader.count(&paid).expect("a count"), ids.len() as u64);
    // Nobody wants more than the first.
    let mut times = 0;
    reader.write(&reader.locate(&filter("order")).expect("places"), &|_, out| out.push(b'x'), &mut |_| {
        times += 1;
        ControlFlow::Break(())
    });
    assert_eq!(times, 1);
    // Lines that have gone since are counted, and nothing else is written for them.
    let located = reader.locate(&paid).expect("places");
    fs::remove_dir_all(spool.run.spool_path()).expect("removed");
    let mut left = Vec::new();
    reader.write(&located, &|_, out| out.push(b'x'), &mut |bytes| {
        left.extend_from_slice(bytes);
        ControlFlow::Continue(())
    });
    assert_eq!((left.len(), reader.gone.get()), (0, ids.len() as u64));
}

#[test]
fn a_run_without_index_or_spool_is_read_too() {
    let spool = TestRun::new();
    spool.write(&[proc_event(0, 1), log(0, "t1", 2, START, "order")]);
    let reader = RunReader::open(&spool.run).expect("a reader");
    assert_eq!(newest(&reader, "order", 10), ["1.t1@2"]);
    assert_eq!(
        reader.top(&filter("*:* OR order OR ev:*"), &Field::named("lane"), 5).expect("top"),
        [("t1".to_owned(), 2)]
    );
    fs::remove_dir_all(spool.run.spool_path()).expect("removed");
    let reader = RunReader::open(&spool.run).expect("a reader");
    assert_eq!(reader.extent().expect("an extent"), Extent::default());
    assert!(reader.problems().expect("problems").is_empty());
}

#[test]
fn records_are_found_by_name_and_have_neighbours_in_their_lane() {
    let spool = TestRun::new();
    spool.write(&[proc_event(0, 1), proc_event(1, 2)]);
    // A gap, another lane in between, and another process with the same names.
    for seq in (2..20).filter(|seq| *seq != 9) {
        spool.write(&[log(0, "t3", seq, START, "m"), log(0, "t4", seq, START, "m"), log(1, "t3", seq, START, "m")]);
        if seq == 11 {
            spool.feed(&LocalStore::of(&spool.run), 100);
        }
    }
    let reader = RunReader::open(&spool.run).expect("a reader");
    let lookup = |name: &str| reader.lookup(&name.parse().expect("a name")).expect("hits");
    assert_eq!(ids(&lookup("2.t3@10")), ["2.t3@10"]);
    assert_eq!(ids(&lookup("43-bbbbbb/t3@15")), ["2.t3@15"]);
    assert_eq!(ids(&lookup("t3@15")), ["1.t3@15", "2.t3@15"]);
    assert!(lookup("1.t3@9").is_empty() && lookup("3.t3@10").is_empty());
    let context = |name: &str, count| {
        let (before, after) = reader.context(&lookup(name)[0].record, count).expect("a context");
        let seqs = |hits: Vec<Hit>| hits.iter().map(|hit| hit.record.seq).collect::<Vec<_>>();
        (seqs(before), seqs(after))
    };
    assert_eq!(context("1.t3@11", 3), (vec![7, 8, 10], vec![12, 13, 14]));
    assert_eq!(context("1.t3@2", 2), (vec![], vec![3, 4]));
    assert_eq!(context("1.t3@18", 2), (vec![16, 17], vec![19]));
    assert_eq!(context("1.t3@18", 0), (vec![], vec![]));
}

#[test]
fn reading_leaves_no_trace() {
    let spool = half_indexed();
    let lock = spool.run.index_path().join(".tantivy-meta.lock");
    let _ = fs::remove_file(&lock);
    let list = || {
        let mut names: Vec<_> = fs::read_dir(spool.run.index_path()).expect("a directory").collect::<Vec<_>>();
        names.sort_by_key(|entry| entry.as_ref().map(fs::DirEntry::file_name).ok());
        let about = |entry: &std::io::Result<fs::DirEntry>| {
            let entry = entry.as_ref().expect("an entry");
            (entry.file_name(), entry.metadata().and_then(|about| about.modified()).expect("a time"))
        };
        names.iter().map(about).collect::<Vec<_>>()
    };
    let before = list();
    let reader = RunReader::open(&spool.run).expect("a reader");
    assert_eq!(newest(&reader, "order", 10).len(), 2);
    // So a directory that nobody may write will do.
    assert_eq!(list(), before);
}

#[test]
fn an_index_that_cannot_be_used_is_said_and_done_without() {
    type Spoil = fn(&TestRun);
    let spoil: [(&str, Spoil); 5] = [
        ("newer", |spool| fs::write(spool.run.index_path().join("store.json"), r#"{"format":99}"#).expect("written")),
        ("older", |spool| fs::write(spool.run.index_path().join("store.json"), r#"{"format":0}"#).expect("written")),
        ("garbled", |spool| fs::write(spool.run.index_path().join("store.json"), b"\xff").expect("written")),
        ("meta", |spool| fs::write(spool.run.index_path().join("meta.json"), "{").expect("written")),
        ("cut", |spool| {
            let files = fs::read_dir(spool.run.index_path()).expect("a directory").flatten();
            for path in
                files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "term"))
            {
                let bytes = fs::read(&path).expect("read");
                fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
            }
        }),
    ];
    for (name, spoil) in spoil {
        let spool = half_indexed();
        spoil(&spool);
        let reader = RunReader::open(&spool.run).expect("a reader");
        assert_eq!(newest(&reader, "order", 10).len(), 2, "{name}");
        let said = reader.problems().expect("problems").index.expect("said");
        assert!(said.contains("index") && (said.contains("collect") || said.contains("newer")), "{name}: {said}");

        let rebuilt = LocalStore::of(&spool.run).write_or_rebuild();
        if name == "newer" {
            assert!(matches!(rebuilt, Err(StoreError::OtherVersion { found: 99, .. })));
            continue;
        }
        let (writer, reason) = rebuilt.expect("a writer");
        assert!(writer.positions().is_empty() && reason.is_some(), "{name}");
        drop(writer);
        spool.feed(&LocalStore::of(&spool.run), 10);
        let reader = RunReader::open(&spool.run).expect("a reader");
        assert_eq!((newest(&reader, "order", 10).len(), reader.bytes_behind()), (2, 0), "{name}");
        assert!(reader.problems().expect("problems").is_empty(), "{name}");
    }
}

#[test]
fn lines_that_are_gone_are_counted() {
    let spool = half_indexed();
    spool.append(1, 1, "");
    spool.write(&[proc_event(1, 2), log(1, "t1", 2, START + 9, "order nine")]);
    spool.feed(&LocalStore::of(&spool.run), 10);
    let parts = spool.run.spool().list().expect("a listing");
    let paths: Vec<_> = parts.parts().map(|part| part.path.clone()).collect();

    // Cut, and removed: as a cap on the spool does.
    let bytes = fs::read(&paths[0]).expect("read");
    fs::write(&paths[0], &bytes[..bytes.len() - 20]).expect("cut");
    fs::remove_file(&paths[1]).expect("removed");
    let reader = RunReader::open(&spool.run).expect("a reader");
    assert_eq!(newest(&reader, "order", 10), ["1.t1@2"]);
    let oldest = Request { filter: filter("order OR ev:*"), order: Order::Oldest, limit: 1, after: None };
    assert_eq!(ids(&reader.search(&oldest).expect("hits")), ["1.t1@1"]);
    let problems = reader.problems().expect("problems");
    assert!(problems.gone == 3 && problems.to_string().contains("cut to"), "{problems}");

    // Another file under the same name is not taken for the one that was indexed.
    fs::write(&paths[0], vec![b'x'; bytes.len() + 1]).expect("replaced");
    let reader = RunReader::open(&spool.run).expect("a reader");
    assert!(newest(&reader, "order", 10).is_empty());
}

#[test]
fn what_is_wrong_with_a_spool_is_said() {
    let spool = half_indexed();
    spool.append(0, 1, format!("{}\n{}\n{{\"ts\":", "x".repeat(5 << 20), "no json"));
    spool.append(0, 2, b"\xff\xff\n".as_slice());
    fs::write(spool.run.spool_path().join("notes"), "").expect("written");
    let reader = RunReader::open(&spool.run).expect("a reader");
    let problems = reader.problems().expect("problems");
    assert_eq!((problems.malformed, problems.torn.len(), problems.unknown.len()), (3, 1, 1), "{problems}");
    spool.feed(&LocalStore::of(&spool.run), 10);
    assert_eq!(RunReader::open(&spool.run).expect("a reader").problems().expect("problems"), problems);
    assert_eq!(newest(&reader, "ev:malformed", 10).len(), 3);
}

#[test]
fn addresses_say_which_store() {
    let spool = half_indexed();
    let path = spool.run.path().display().to_string();
    for address in [path.clone(), format!("file://{path}")] {
        assert_eq!(open(&address).expect("a store").read().expect("a reader").count(&filter("order")).expect("one"), 1);
    }
    assert!(matches!(open("quickwit://host"), Err(StoreError::UnknownScheme { scheme }) if scheme == "quickwit"));
}
