//! What is asked: of logq by its own command, of each peer in its own language. All have to find the same.

use crate::inside::Inside;
use crate::table::Budget;

pub struct Question {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    /// How many our answer names.
    pub count: fn(&str) -> u64,
    pub peers: &'static [Peer],
    /// The same, where an engine is asked it.
    pub inside: Option<Inside>,
}

pub struct Peer {
    pub name: &'static str,
    pub how: How,
    pub budget: Budget,
}

pub enum How {
    /// A question of that name in `peers.py`.
    Engine(&'static str),
    /// `rg -c` with this pattern.
    Rg(&'static str),
    /// The same, for all that fit: of these we show the newest.
    RgAll(&'static str),
    /// `jq -c` with this filter: a line for each that is found.
    Jq(&'static str),
}

/// Of an engine only the question itself is measured, so the budget is for ours inside a process, too.
const fn duckdb(budget: f64) -> Peer {
    Peer { name: "DuckDB, in process", how: How::Engine("duckdb"), budget: Some(budget) }
}

const CHDB: Peer = Peer { name: "chdb, in process", how: How::Engine("chdb"), budget: None };

/// The engines, which have to be no quicker than we are.
const ENGINES: &[Peer] = &[duckdb(1.0), CHDB];

const fn rg(pattern: &'static str, budget: Budget) -> Peer {
    Peer { name: "rg", how: How::Rg(pattern), budget }
}

/// The words, the level and the seconds that the newest are asked for by.
const NEWEST: &str = r#""ts":"2026-11-22T17:00:2[0-2]\.[^{]*"level":"ERROR",[^{]*"msg":"([^"\\]|\\.)*\b[Oo]rder\b"#;

/// Lines that only repeat what an earlier part said have number 0.
const LANE: &str = r#""proc":"4001-[a-z0-9]*","pid":4001,"lane":"t1","seq":[1-9]"#;

pub const QUESTIONS: &[Question] = &[
    Question {
        name: "search",
        arguments: &["search", "msg:order", "level:ERROR", "-n", "0", "--format", "json"],
        count: lines,
        peers: &[
            rg(r#""level":"ERROR",[^{]*"msg":"([^"\\]|\\.)*\b[Oo]rder\b"#, None),
            Peer {
                name: "jq",
                how: How::Jq(r#"select(.level == "ERROR" and (.msg | test("\\border\\b"; "i"))) | 1"#),
                budget: None,
            },
        ],
        inside: None,
    },
    Question {
        name: "newest 100",
        arguments: &[
            "search",
            "msg:order",
            "level:ERROR",
            "-n",
            "100",
            "--format",
            "json",
            "--since",
            "2026-11-22T17:00:20Z",
            "--until",
            "2026-11-22T17:00:23Z",
        ],
        count: lines,
        peers: &[
            Peer { name: "rg, all of them", how: How::RgAll(NEWEST), budget: Some(5.0) },
            Peer { name: "DuckDB, in process", how: How::Engine("duckdb"), budget: None },
            CHDB,
        ],
        inside: None,
    },
    Question {
        name: "count",
        arguments: &["search", "--count", "level:ERROR"],
        count: number,
        peers: &[duckdb(1.0), CHDB, rg(r#""level":"ERROR""#, Some(5.0))],
        inside: Some(Inside::Count("level:ERROR")),
    },
    Question {
        name: "top",
        arguments: &["search", "--top", "logger", "level:*", "-n", "0", "--format", "json"],
        count: counts,
        peers: ENGINES,
        inside: Some(Inside::Top("level:*", "logger")),
    },
    Question {
        name: "histogram",
        arguments: &["search", "--histogram=1s", "--format", "json"],
        count: counts,
        peers: ENGINES,
        inside: Some(Inside::Histogram("")),
    },
    Question {
        name: "events by object",
        arguments: &["search", "--top", "obj", "ev:*", "-n", "0", "--format", "json"],
        count: counts,
        peers: &[duckdb(0.75), CHDB],
        inside: Some(Inside::Top("ev:*", "obj")),
    },
    Question {
        name: "lane",
        arguments: &["search", "lane:t1", "proc:4001-*", "-n", "0", "--format", "json"],
        count: lines,
        peers: &[duckdb(1.0), CHDB, rg(LANE, None)],
        inside: Some(Inside::Lines("lane:t1 proc:4001-*")),
    },
    Question {
        name: "timeline",
        arguments: &["timeline", "--thread", "1.t1", "-n", "0", "--events", "--format", "json"],
        count: records,
        // They give the lines of the lane; the order of all hand-overs is more, and has no peer.
        peers: &[Peer { budget: None, ..duckdb(1.0) }, CHDB, rg(LANE, None)],
        inside: None,
    },
];

fn lines(text: &str) -> u64 {
    text.lines().count() as u64
}

fn number(text: &str) -> u64 {
    text.trim().parse().unwrap_or(u64::MAX)
}

/// The sum of all counts.
fn counts(text: &str) -> u64 {
    let value = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok();
    text.lines().filter_map(|line| value(line)?.get("count")?.as_u64()).sum()
}

/// The rows of a timeline that are records.
fn records(text: &str) -> u64 {
    text.lines().filter(|line| line.starts_with(r#"{"row":"record""#)).count() as u64
}
