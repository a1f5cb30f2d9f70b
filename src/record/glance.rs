//! A line at a glance: what the order of records needs of it, borrowed, in one pass over its bytes.
//!
//! Only for lines that are plain and whose contents matter little: log records below WARNING and hand-overs. Of any other
//! line, and of one that is written in an unusual way, nothing is said, and [`decode`](super::decode()) reads it. What is
//! said of a line is what `decode` would have said.

use super::decode::Place;
use super::id::{Lane, StampRef};
use super::{EventKind, level, time};
use std::sync::Arc;

/// Deeper values are left to the whole decoder, and so are longer numbers.
const DEEPEST: usize = 16;
const LONGEST_NUMBER: usize = 24;

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
    let text = std::str::from_utf8(line).ok()?;
    let mut scan = Scan { text, at: 0 };
    let keys = scan.keys()?;
    (scan.at == text.len()).then_some(())?;
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

/// Reads JSON as our own writers write it, without blanks; `None` for anything else.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn keys(&mut self) -> Option<Keys<'a>> {
        let mut keys = Keys::default();
        self.expect(b'{')?;
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            self.value_of(key, &mut keys)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(keys),
                _ => return None,
            }
        }
    }

    fn value_of(&mut self, key: &str, keys: &mut Keys<'a>) -> Option<()> {
        match key {
            "ts" => keys.ts = Some(time::parse_rfc3339(self.string()?)?),
            "mono" => keys.mono = Some(self.number()?),
            "proc" => keys.proc = Some(self.string()?),
            "pid" => keys.pid = Some(u32::try_from(self.number()?).ok()?),
            "lane" => keys.lane = Some(self.string()?.parse().ok()?),
            "seq" => keys.seq = Some(self.number()?),
            "hb" => keys.hb = self.stamps()?,
            "hbl" => keys.hbl = self.stamps()?,
            "ev" => keys.event = Some(handed_over(self.string()?)?),
            "from" => keys.from = Some(self.string()?),
            // Jobs of a pool are kept account of.
            "via" => drop(Some(self.string()?).filter(|via| !matches!(*via, "job" | "result"))?),
            "level" => keys.level = Some(level::number_of(self.string()?).filter(|number| *number < 30)?),
            "logger" => keys.logger = Some(self.string()?),
            "msg" => keys.msg = Some(self.string()?),
            "thread" => keys.thread = Some(self.string()?),
            "task" => keys.task = Some(self.string()?),
            "file" => keys.file = Some(self.string()?),
            "func" => keys.func = Some(self.string()?),
            "site" => keys.site = Some(self.site()?),
            "line" => keys.line = Some(self.number()?),
            "tpl" => self.skip_string()?,
            "tid" => drop(self.number()?),
            "again" | "levelno" | "exc" | "stack" => return None,
            _ => self.skip(0)?,
        }
        Some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
        (rest[len] == b'"').then_some(())?;
        let text = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(text)
    }

    /// A string whose escapes are the plain ones: of a `\u` only the whole decoder tells what it is.
    fn skip_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let len = rest.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
            self.at += len + 1;
            match rest[len] {
                b'"' => return Some(()),
                b'\\' if matches!(self.next()?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                _ => return None,
            }
        }
    }

    /// A whole number that is not negative.
    fn number(&mut self) -> Option<u64> {
        let begin = self.at;
        let digits = self.digits()?;
        let plain = digits.len() == 1 || !digits.starts_with('0');
        let ends = matches!(self.peek(), Some(b',' | b'}' | b']'));
        (plain && ends && self.at - begin < LONGEST_NUMBER).then(|| digits.parse().ok())?
    }

    fn digits(&mut self) -> Option<&'a str> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let digits = &self.text[self.at..self.at + len];
        self.at += len;
        (len > 0).then_some(digits)
    }

    /// Passes over any value.
    fn skip(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' | b'[' if depth >= DEEPEST => None,
            b'{' => self.skip_members(b'}', depth, true),
            b'[' => self.skip_members(b']', depth, false),
            b't' => self.skip_word("true"),
            b'f' => self.skip_word("false"),
            b'n' => self.skip_word("null"),
            _ => self.skip_number(),
        }
    }

    fn skip_members(&mut self, close: u8, depth: usize, named: bool) -> Option<()> {
        self.at += 1;
        if self.peek()? == close {
            self.at += 1;
            return Some(());
        }
        loop {
            if named {
                self.skip_string()?;
                self.expect(b':')?;
            }
            self.skip(depth + 1)?;
            match self.next()? {
                b',' => {}
                byte => return (byte == close).then_some(()),
            }
        }
    }

    fn skip_word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    /// A number without exponent, which cannot be out of range.
    fn skip_number(&mut self) -> Option<()> {
        let begin = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        let whole = self.digits()?;
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        let plain = whole.len() == 1 || !whole.starts_with('0');
        (plain && self.at - begin < LONGEST_NUMBER).then_some(())
    }

    /// `["shop.py",41,"main"]`.
    fn site(&mut self) -> Option<BriefSite<'a>> {
        self.expect(b'[')?;
        let file = self.string()?;
        self.expect(b',')?;
        let line = self.number()?;
        self.expect(b',')?;
        let func = self.string()?;
        self.expect(b']')?;
        Some(BriefSite { file, line, func })
    }

    fn stamps(&mut self) -> Option<Vec<StampRef<'a>>> {
        self.expect(b'[')?;
        let mut stamps = Vec::new();
        loop {
            stamps.push(StampRef::parse(self.string()?)?);
            match self.next()? {
                b',' => {}
                b']' => return Some(stamps),
                _ => return None,
            }
        }
    }
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
    use crate::record::{Body, decode};

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

    #[test]
    fn plain_lines_are_seen() {
        for keys in [
            r#""level":"INFO","logger":"shop","msg":"order 7","tpl":"order %d","file":"a.py","line":3,"func":"f","thread":"w","tid":9,"extra":{"a":[1,-2.5,null,true,{}],"b":"x\ny"}"#,
            r#""hb":["t1@14|queue:2","9-bbbbbb/a1@0"],"hbl":["t4@1|lock:1"],"ev":"recv","via":"queue","from":"t1@14""#,
            r#""ev":"sync""#,
        ] {
            assert!(check(&format!("{{{HEAD},{keys}}}")), "{keys}");
        }
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
                r"ts|mono|proc|pid|lane|seq|hb|hbl|level|levelno|logger|msg|tpl|file|line|func|tid|task|exc|stack|ev|from|extra|again|k|site",
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
