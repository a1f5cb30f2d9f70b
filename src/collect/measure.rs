//! How fast it is, by a look: `LOGQ_MEASURE_MB=200 cargo test --release -- --ignored measure --nocapture`. The figures that
//! count are made by `make bench`, side by side with others'.

use std::fmt::Write as _;
use std::time::Instant;

use super::*;
use crate::query::{Query, parse};
use crate::record::{Field, time};
use crate::store::testing::{PROCS, START, TestRun};
use crate::store::{Filter, Order, Request, RunReader};

/// About that many bytes of records of four kinds, as a shop under load writes them; three in ten are events.
fn generate(spool: &TestRun, bytes: usize) -> u64 {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut written, mut records) = (0, 0);
    let mut seqs = [[0_u64; 16]; 3];
    while written < bytes {
        let mut texts = [String::new(), String::new(), String::new()];
        for _ in 0..20_000 {
            records += 1;
            let (proc, lane) = (random.usize(0..3), random.usize(0..16));
            seqs[proc][lane] += 1;
            let ts = time::to_rfc3339(START + records as i64 * 20_000);
            let head = format!(
                r#"{{"ts":"{ts}","mono":{},"proc":"{}","pid":42,"lane":"t{lane}","seq":{}"#,
                records * 20_000,
                PROCS[proc],
                seqs[proc][lane]
            );
            line(&mut texts[proc], &head, &mut random, lane);
        }
        for (proc, text) in texts.iter().enumerate() {
            written += text.len();
            spool.append(proc, 1, text);
        }
    }
    records
}

fn line(out: &mut String, head: &str, random: &mut fastrand::Rng, lane: usize) {
    let order = random.u32(0..200_000);
    let log = |level: &str, msg: &str, tpl: &str, extra: &str| {
        format!(
            r#"{head},"level":"{level}","logger":"shop.orders","msg":"{msg}","tpl":"{tpl}","thread":"worker-{lane}","tid":{},"file":"/srv/shop/orders.py","line":120,"func":"take","extra":{extra}}}"#,
            4200 + lane
        )
    };
    let text = match random.u32(0..100) {
        0..30 => format!(
            r#"{head},"hb":["t1@{order}|queue:2"],"ev":"got","obj":"lock:{}","waited":{},"res":"ok"}}"#,
            random.u32(0..40),
            random.u32(0..1_000_000)
        ),
        30..32 => log("ERROR", &format!("out of stock: no item {order}"), "out of stock: no item %s", r#"{"code":77}"#),
        32..40 => log(
            "WARNING",
            &format!("slow answer from host-{}.example.com after {} ms", random.u32(0..50), random.u32(100..9000)),
            "slow answer from %s after %d ms",
            r#"{"retry":true}"#,
        ),
        _ => log(
            "INFO",
            &format!("processing order {order} for customer {}", random.u32(0..5000)),
            "processing order %d for customer %d",
            &format!(r#"{{"order_id":{order},"user":{{"name":"user{}"}}}}"#, random.u32(0..500)),
        ),
    };
    let _ = writeln!(out, "{text}");
}

fn timed<T>(what: &str, f: impl Fn() -> T) -> T {
    let _ = f();
    let mut times: Vec<_> = (0..5)
        .map(|_| {
            let start = Instant::now();
            let _ = f();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("{what:55} {:?}", times[2]);
    f()
}

#[test]
#[ignore = "a measurement"]
fn measure() {
    let megabytes: usize = std::env::var("LOGQ_MEASURE_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let spool = TestRun::new();
    let records = generate(&spool, megabytes << 20);
    let reader = RunReader::open(&spool.run).expect("a reader");
    let start = Instant::now();
    reader.count(&Filter::new(Query::All)).expect("a count");
    let scan = start.elapsed();
    println!("{records} records; scan of the spool {:.0} MB/s", megabytes as f64 / scan.as_secs_f64());
    let start = Instant::now();
    let stats = once(&spool.run, &mut |_| {}).expect("collected");
    let (took, bytes) = (start.elapsed(), stats.bytes as f64);
    let size: u64 = std::fs::read_dir(spool.run.index_path())
        .expect("a directory")
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|about| about.len())
        .sum();
    println!("ingest {:.1} MB/s, index {:.3} x raw", bytes / 1e6 / took.as_secs_f64(), size as f64 / bytes);
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", peak.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    let reader = timed("open", || RunReader::open(&spool.run).expect("a reader"));
    for query in [
        "timeout",
        "order_id:8812",
        "processing level>=warning",
        "stock level:ERROR",
        "\"out of stock\"",
        "logger:shop.*",
        "msg~\"item 8812$\"",
        "user.name:user7",
        "lane:t3 seq:[100 TO 200]",
    ] {
        let filter = Filter::new(parse(query, 0).expect("a query").query);
        let request = Request { filter: filter.clone(), order: Order::Newest, limit: 100, after: None };
        let hits = timed(&format!("search {query}"), || reader.search(&request).expect("hits").len());
        let count = timed(&format!("count {query}"), || reader.count(&filter).expect("a count"));
        println!("    {hits} hits of {count}");
    }
    let all = Filter::new(Query::All);
    timed("counts level", || reader.counts(&all, &Field::named("level")).expect("counts"));
    timed("counts order_id of warnings", || {
        reader.counts(&Filter::new(parse("level>=warning", 0).expect("a query").query), &Field::named("order_id"))
    })
    .expect("counts");
    timed("keys", || reader.keys().expect("keys"));
}
