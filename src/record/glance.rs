//! A line at a glance: what the order of records needs of it, borrowed, in one pass over its bytes.
//!
//! Only for lines that are plain and whose contents matter little: log records below WARNING and hand-overs. Of any other
//! line, and of one that is written in an unusual way, nothing is said, and [`decode`](super::decode()) reads it. What is
//! said of a line is what `decode` would have said.

use super::decode::Place;
use super::id::{Lane, StampRef};
use super::opening::Opening;
use super::scan::Scan;
use super::{EventKind, level, time};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq)]
pub struct Glance<'a> {
    pub ts: i64,
    pub mono: u64,
    pub proc: &'a Arc<str>,
    /// The process's number.
    pub process: u32,
    pub pid: u32,
    pub lane: Lane,
    pub seq: u64,
    pub hb: Vec<StampRef<'a>>,
    pub hbl: Vec<StampRef<'a>>,
    /// Where in the code.
    pub site: Option<BriefSite<'a>>,
    pub said: Said<'a>,
}

/// A place in the code, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BriefSite<'a> {
    pub file: &'a str,
    pub line: u64,
    pub func: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Said<'a> {
    Log(BriefLog<'a>),
    /// An event that tells of nothing but a hand-over; of a `recv` with the stamp that it came from.
    Event(EventKind, Option<&'a str>),
}

/// A log record below WARNING.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BriefLog<'a> {
    pub level: u16,
    pub logger: &'a str,
    pub msg: &'a str,
    /// The line of code; `None` where no file is named.
    pub line: Option<u64>,
    pub thread: Option<&'a str>,
    pub task: Option<&'a str>,
}

/// What a line says, if it can be told at a glance.
pub fn glance<'a>(line: &'a [u8], place: &'a Place) -> Option<Glance<'a>> {
    let mut scan = Scan::of(line)?;
    let keys = Keys::read(&mut scan)?;
    scan.is_at_end().then_some(())?;
    let of_place = keys.proc == Some(&*place.proc) && keys.seq? > 0;
    of_place.then_some(())?;
    let said = match (keys.event, keys.level) {
        (Some(EventKind::Recv), _) => Said::Event(EventKind::Recv, keys.from),
        (Some(kind), _) => Said::Event(kind, None),
        (None, Some(level)) => Said::Log(BriefLog {
            level,
            logger: keys.logger.unwrap_or_default(),
            msg: keys.msg.unwrap_or_default(),
            line: keys.file.map(|_| keys.line.unwrap_or(0)),
            thread: keys.thread,
            task: keys.task,
        }),
        (None, None) => return None,
    };
    let own = |file| BriefSite { file, line: keys.line.unwrap_or(0), func: keys.func.unwrap_or_default() };
    let site = if keys.event.is_some() { keys.site } else { keys.file.map(own) };
    Some(Glance {
        ts: keys.ts?,
        mono: keys.mono.unwrap_or(0),
        proc: &place.proc,
        process: place.process?,
        pid: keys.pid.unwrap_or(0),
        lane: keys.lane?,
        seq: keys.seq?,
        hb: keys.hb,
        hbl: keys.hbl,
        site,
        said,
    })
}

#[derive(Default)]
struct Keys<'a> {
    ts: Option<i64>,
    mono: Option<u64>,
    proc: Option<&'a str>,
    pid: Option<u32>,
    lane: Option<Lane>,
    seq: Option<u64>,
    hb: Vec<StampRef<'a>>,
    hbl: Vec<StampRef<'a>>,
    event: Option<EventKind>,
    from: Option<&'a str>,
    level: Option<u16>,
    logger: Option<&'a str>,
    msg: Option<&'a str>,
    thread: Option<&'a str>,
    task: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<u64>,
    func: Option<&'a str>,
    site: Option<BriefSite<'a>>,
}

impl<'a> Keys<'a> {
    fn read(scan: &mut Scan<'a>) -> Option<Keys<'a>> {
        let mut keys = Keys::default();
        match Opening::read(scan) {
            Some((opening, is_more)) => {
                keys.open(&opening);
                if !is_more {
                    return Some(keys);
                }
            }
            None => scan.expect(b'{')?,
        }
        loop {
            let key = scan.plain_string()?;
            scan.expect(b':')?;
            keys.value_of(key, scan)?;
            if !scan.is_more(b'}')? {
                return Some(keys);
            }
        }
    }

    fn open(&mut self, opening: &Opening<'a>) {
        (self.ts, self.mono, self.seq) = (Some(opening.ts), Some(opening.mono), Some(opening.seq));
        (self.proc, self.pid, self.lane) = (Some(opening.proc), Some(opening.pid), Some(opening.lane_read));
    }

    fn value_of(&mut self, key: &str, scan: &mut Scan<'a>) -> Option<()> {
        match key {
            "ts" => self.ts = Some(time::parse_rfc3339(scan.plain_string()?)?),
            "mono" => self.mono = Some(scan.whole_number()?),
            "proc" => self.proc = Some(scan.plain_string()?),
            "pid" => self.pid = Some(u32::try_from(scan.whole_number()?).ok()?),
            "lane" => self.lane = Some(scan.plain_string()?.parse().ok()?),
            "seq" => self.seq = Some(scan.whole_number()?),
            "hb" => self.hb = stamps(scan)?,
            "hbl" => self.hbl = stamps(scan)?,
            "ev" => self.event = Some(handed_over(scan.plain_string()?)?),
            "from" => self.from = Some(scan.plain_string()?),
            // Jobs of a pool are kept account of.
            "via" => drop(Some(scan.plain_string()?).filter(|via| !matches!(*via, "job" | "result"))?),
            "level" => {
                self.level = Some(level::number_of(scan.plain_string()?).filter(|number| *number < 30)?);
            }
            "logger" => self.logger = Some(scan.plain_string()?),
            "msg" => self.msg = Some(scan.plain_string()?),
            "thread" => self.thread = Some(scan.plain_string()?),
            "task" => self.task = Some(scan.plain_string()?),
            "file" => self.file = Some(scan.plain_string()?),
            "func" => self.func = Some(scan.plain_string()?),
            "site" => self.site = Some(site(scan)?),
            "line" => self.line = Some(scan.whole_number()?),
            "tpl" => scan.skip_string()?,
            "tid" => drop(scan.whole_number()?),
            "again" | "levelno" | "exc" | "stack" => return None,
            _ => scan.skip(0)?,
        }
        Some(())
    }
}

fn stamps<'a>(scan: &mut Scan<'a>) -> Option<Vec<StampRef<'a>>> {
    let mut stamps = Vec::new();
    scan.stamps(&mut |stamp| stamps.push(stamp))?;
    Some(stamps)
}

/// `["shop.py",41,"main"]`.
fn site<'a>(scan: &mut Scan<'a>) -> Option<BriefSite<'a>> {
    scan.expect(b'[')?;
    let file = scan.plain_string()?;
    scan.expect(b',')?;
    let line = scan.whole_number()?;
    scan.expect(b',')?;
    let func = scan.plain_string()?;
    scan.expect(b']')?;
    Some(BriefSite { file, line, func })
}

/// The events that say nothing but that something was handed over.
fn handed_over(name: &str) -> Option<EventKind> {
    let kind = EventKind::named(name);
    matches!(kind, EventKind::Send | EventKind::Recv | EventKind::Sync).then_some(kind)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Body, decode, mutated};

    const HEAD: &str =
        r#""ts":"2026-11-22T17:15:03.120431000Z","mono":5,"proc":"42-aaaaaa","pid":42,"lane":"t3","seq":2"#;

    fn place() -> Place {
        Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 77 }
    }

    /// What is said at a glance is what the decoder says; whether anything is.
    fn check(line: &str) -> bool {
        let place = place();
        let Some(seen) = glance(line.as_bytes(), &place) else { return false };
        let record = decode(line.as_bytes(), &place);
        let stamps = |stamps: &[StampRef]| stamps.iter().map(StampRef::to_owned).collect::<Vec<_>>();
        assert_eq!(
            (seen.ts, seen.mono, seen.pid, seen.lane, seen.seq, Some(seen.process), seen.proc),
            (record.ts, record.mono, record.pid, record.lane, record.seq, record.process, &record.proc),
            "{line}"
        );
        let site = seen.site.map(|site| (site.file.to_owned(), site.line, site.func.to_owned()));
        assert_eq!(site, record.site().map(|site| (site.file, site.line, site.func)), "{line}");
        assert_eq!((stamps(&seen.hb), stamps(&seen.hbl), false), (record.hb, record.hbl, record.again), "{line}");
        match (&seen.said, &record.body) {
            (Said::Log(brief), Body::Log(log)) => {
                assert_eq!(
                    (brief.level, brief.logger, brief.msg),
                    (log.level.number, &*log.logger, &*log.msg),
                    "{line}"
                );
                assert_eq!(brief.line, log.site.as_ref().map(|site| site.line), "{line}");
                assert_eq!((brief.thread, brief.task), (log.thread.as_deref(), log.task.as_deref()), "{line}");
            }
            (Said::Event(kind, from), Body::Event(event)) => {
                assert_eq!(*kind, event.kind, "{line}");
                let told = event.transfer().and_then(|transfer| transfer.from);
                assert!(*kind != EventKind::Recv || *from == told, "{line}");
            }
            other => panic!("{line}: {other:?}"),
        }
        true
    }

    const PLAIN: [&str; 3] = [
        r#""level":"INFO","logger":"shop","msg":"order 7","tpl":"order %d","file":"a.py","line":3,"func":"f","thread":"w","tid":9,"extra":{"a":[1,-2.5,null,true,{}],"b":"x\ny"}"#,
        r#""hb":["t1@14|queue:2","9-bbbbbb/a1@0"],"hbl":["t4@1|lock:1"],"ev":"recv","via":"queue","from":"t1@14""#,
        r#""ev":"sync""#,
    ];

    #[test]
    fn plain_lines_are_seen() {
        for keys in PLAIN {
            assert!(check(&format!("{{{HEAD},{keys}}}")), "{keys}");
        }
    }

    #[test]
    fn of_changed_lines_nothing_is_said_that_the_decoder_does_not_say() {
        mutated::texts(&PLAIN.map(|keys| format!("{{{HEAD},{keys}}}")), |line| {
            check(line);
        });
    }

    #[test]
    fn what_the_graph_keeps_whole_is_left_to_the_decoder() {
        for keys in [
            r#""level":"WARNING","msg":"x""#,
            r#""level":"INFO","msg":"x","exc":{"type":"E","msg":""}"#,
            r#""ev":"wait","on":"lock""#,
            r#""again":true,"ev":"sync""#,
            r#""level":"INFO","msg":"say \"x\"""#,
        ] {
            assert!(!check(&format!("{{{HEAD},{keys}}}")), "{keys}");
        }
    }

    proptest! {
        #[test]
        fn a_glance_never_says_what_the_decoder_does_not(
            keys in proptest::collection::vec((
                r"ts|mono|proc|pid|lane|seq|hb|hbl|level|levelno|logger|msg|tpl|file|line|func|tid|task|exc|stack|ev|from|extra|again|k|site|origin",
                r#"[0-9]{1,3}|-?0?[0-9]\.[0-9]?|"[a-z@|/0-9\\nu]{0,6}"|null|true|\[\]|\{\}|\["t1@2"\]|-1|1e400|"INFO"|"send"|"recv"|"t3"|\{"a":"[\\"a]{0,3}"\}|\["p",3,"f"\]|\[1,"\\\\ud800"\]"#,
            ), 0..4),
            cut in 0..400_usize,
        ) {
            let mut line = format!(r#"{{{HEAD},"level":"DEBUG","msg":"m""#);
            for (key, value) in keys {
                line.push_str(&format!(r#","{key}":{value}"#));
            }
            line.push('}');
            check(&line);
            let cut = cut.min(line.len());
            if line.is_char_boundary(cut) {
                check(&line[..cut]);
            }
        }
    }
}
