//! What another system's record says, written as a line of our own; and read back, as far as whoever writes on needs it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Said;
use crate::record::decode::MAX_LINE;
use crate::record::{Lane, time};

/// Where a record was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Places", into = "Places")]
pub struct Origin {
    /// The number of its file.
    pub file: u32,
    pub offset: u64,
    /// Of all the lines that it was read from.
    pub len: u64,
    /// Which of the records in these lines it is.
    pub index: u32,
    /// Tells whether what lies there is still the same.
    pub print: u32,
}

/// An origin as it stands in a line.
type Places = (u32, u64, u64, u32, u32);

impl From<Places> for Origin {
    fn from((file, offset, len, index, print): Places) -> Origin {
        Origin { file, offset, len, index, print }
    }
}

impl From<Origin> for Places {
    fn from(origin: Origin) -> Places {
        (origin.file, origin.offset, origin.len, origin.index, origin.print)
    }
}

/// Where a record stands among ours.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    pub proc: &'a str,
    pub pid: u32,
    pub lane: Lane,
    pub seq: u64,
    /// The record's time, where it says none itself.
    pub ts: i64,
    pub origin: Origin,
}

/// How a process or a lane of a foreign log is introduced.
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    pub proc: &'a str,
    pub pid: u32,
    pub lane: Lane,
    /// 0 for a line that only repeats what an earlier part said.
    pub seq: u64,
    pub ts: i64,
    pub name: Option<&'a str>,
}

/// The text of a message that is too long for a line is cut to so many bytes.
const KEEP_OF_TEXT: usize = 64 * 1024;

/// A line as it is written, key after key: nothing is gathered first.
struct Line<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Line<'o> {
    /// What every line begins with.
    fn begin(of: &Beginning, out: &'o mut Vec<u8>) -> serde_json::Result<Line<'o>> {
        out.extend_from_slice(b"{\"ts\":\"");
        time::push_rfc3339(of.ts, out);
        out.push(b'"');
        let mut line = Line { out };
        // There is no other clock than the one in the lines.
        line.put("mono", &u64::try_from(of.ts).unwrap_or(0))?;
        line.put("proc", of.proc)?;
        line.put("pid", &of.pid)?;
        line.put("lane", &*of.lane.to_string())?;
        if of.seq > 0 {
            line.put("seq", &of.seq)?;
        }
        Ok(line)
    }

    /// `key` is one of ours, with nothing in it to be quoted.
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> serde_json::Result<()> {
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        serde_json::to_writer(&mut *self.out, value)
    }

    fn put_some<T: Serialize + ?Sized>(&mut self, key: &str, value: Option<&T>) -> serde_json::Result<()> {
        value.map_or(Ok(()), |value| self.put(key, value))
    }

    fn end(self) {
        self.out.extend_from_slice(b"}\n");
    }
}

impl Said {
    /// Appends the record's line, with its newline.
    pub fn write(&self, spot: &Spot, out: &mut Vec<u8>) {
        let begin = out.len();
        self.write_whole(spot, &self.msg, true, 0, out);
        let len = out.len() - begin;
        if len <= MAX_LINE {
            return;
        }
        // What makes a line too long are a message, a stack or what was passed along; the message says most.
        out.truncate(begin);
        let mut end = self.msg.len().min(KEEP_OF_TEXT);
        while !self.msg.is_char_boundary(end) {
            end -= 1;
        }
        self.write_whole(spot, &self.msg[..end], false, (len - end) as u64, out);
    }

    fn write_whole<'a>(&'a self, spot: &Spot, msg: &str, with_all: bool, cut: u64, out: &mut Vec<u8>) {
        whole(out, |out| {
            let short = |text: Option<&'a str>| text.filter(|text| with_all || text.len() <= KEEP_OF_TEXT / 8);
            let level = self.level.as_ref();
            let (name, number) = level.map_or(("NOTSET", 0), |level| (&*level.name, level.number));
            let is_usual = crate::record::level::number_of(name) == Some(number);
            let Spot { proc, pid, lane, seq, ts, origin } = *spot;
            let ts = self.ts.unwrap_or(ts);
            let mut line = Line::begin(&Beginning { proc, pid, lane, seq, ts, name: None }, out)?;
            line.put("level", name)?;
            line.put_some("levelno", (!is_usual).then_some(&number))?;
            line.put("logger", short(self.logger.as_deref()).unwrap_or_default())?;
            line.put("msg", msg)?;
            line.put_some("tpl", self.tpl.as_deref().filter(|_| with_all))?;
            line.put_some("thread", short(self.thread.as_deref()))?;
            line.put_some("tid", self.tid.as_ref())?;
            line.put_some("task", short(self.task.as_deref()))?;
            line.put_some("file", short(self.file.as_deref()))?;
            line.put_some("line", self.line.as_ref())?;
            line.put_some("func", short(self.func.as_deref()))?;
            line.put_some("exc", self.exc.as_ref().filter(|_| with_all))?;
            line.put_some("stack", self.stack.as_deref().filter(|_| with_all))?;
            line.put_some("extra", Some(&self.extra).filter(|extra| with_all && !extra.is_empty()))?;
            line.put_some("cut", Some(&cut).filter(|cut| **cut > 0))?;
            line.put("origin", &origin)?;
            line.end();
            Ok(())
        });
    }
}

/// Appends a line, or nothing: texts, numbers and maps with text keys can always be written into memory.
fn whole(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) {
    let begin = out.len();
    if write(out).is_err() {
        out.truncate(begin);
    }
}

/// Appends a process's `proc` event: who wrote the lines, and into which file.
pub fn write_proc(of: &Beginning, n: u32, part: u32, file: &str, host: Option<&str>, out: &mut Vec<u8>) {
    let mut keys = event("proc", of);
    keys.insert("n".into(), n.into());
    keys.insert("part".into(), part.into());
    keys.insert("how".into(), "foreign".into());
    keys.insert("argv".into(), Value::Array(vec![file.into()]));
    keys.insert("thread".into(), file.rsplit('/').next().unwrap_or(file).into());
    if let Some(host) = host {
        keys.insert("host".into(), host.into());
    }
    write_event(of, keys, out);
}

/// Appends a lane's `lane` event.
pub fn write_lane(of: &Beginning, kind: &str, tid: Option<u64>, out: &mut Vec<u8>) {
    let mut keys = event("lane", of);
    keys.insert("kind".into(), kind.into());
    if let Some(tid) = tid {
        keys.insert("tid".into(), tid.into());
    }
    write_event(of, keys, out);
}

/// Appends a `lost` event: the file was cut or removed, and what may have stood behind what was read of it is not known.
pub fn write_loss(of: &Beginning, why: &str, file: &str, read: u64, out: &mut Vec<u8>) {
    let mut keys = event("lost", of);
    keys.insert("n".into(), 0.into());
    keys.insert("why".into(), why.into());
    keys.insert("log".into(), file.into());
    keys.insert("read".into(), read.into());
    write_event(of, keys, out);
}

fn event(name: &str, of: &Beginning) -> Map<String, Value> {
    let mut keys = Map::new();
    keys.insert("ev".into(), name.into());
    if of.seq == 0 {
        keys.insert("again".into(), true.into());
    }
    if let Some(name) = of.name {
        keys.insert("name".into(), name.into());
    }
    keys
}

fn write_event(of: &Beginning, keys: Map<String, Value>, out: &mut Vec<u8>) {
    whole(out, |out| {
        let mut line = Line::begin(of, out)?;
        keys.iter().try_for_each(|(key, value)| line.put(key, value))?;
        line.end();
        Ok(())
    });
}

/// A line that was written before: what whoever goes on writing must know.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Written {
    pub pid: u32,
    pub lane: String,
    #[serde(default)]
    pub seq: u64,
    pub ts: String,
    pub origin: Option<Origin>,
    pub ev: Option<String>,
    pub how: Option<String>,
    pub name: Option<String>,
    pub tid: Option<u64>,
    pub n: Option<u32>,
    pub host: Option<String>,
    #[serde(default)]
    pub argv: Vec<String>,
}

/// What a line of ours says of its place; `None` where it is none.
pub fn written(line: &[u8]) -> Option<Written> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::decode::{Place, decode};
    use crate::record::{LaneKind, Level};

    const ORIGIN: Origin = Origin { file: 1, offset: 20, len: 30, index: 0, print: 7 };

    #[test]
    fn what_is_written_is_a_record_that_says_the_same() {
        let said = Said {
            ts: Some(1_000_000_000_000_000_000),
            level: Some(Level { name: "LOUD".into(), number: 33 }),
            logger: Some("shop".into()),
            msg: "a \u{1b}[1m\nb".into(),
            thread: Some("worker".into()),
            tid: Some(7),
            file: Some("a.py".into()),
            line: Some(3),
            exc: Some(serde_json::json!({"type": "KeyError", "msg": "1", "stack": []})),
            extra: serde_json::from_str(r#"{"order_id":1,"a":{"b":[1]}}"#).expect("an object"),
            ..Said::default()
        };
        let lane = Lane { kind: LaneKind::Thread, number: 2 };
        let spot = Spot { proc: "4-abcdef", pid: 4, lane, seq: 5, ts: 0, origin: ORIGIN };
        let mut line = Vec::new();
        said.write(&spot, &mut line);
        let place = Place { proc: "4-abcdef".into(), process: Some(1), part: 1, offset: 0 };
        let record = decode(&line[..line.len() - 1], &place);
        let log = record.log().expect("a log record");
        assert_eq!(
            (record.ts, record.lane, record.seq, &*log.msg),
            (1_000_000_000_000_000_000, lane, 5, "a \u{1b}[1m\nb")
        );
        assert_eq!((&*log.level.name, log.level.number, record.extra.clone()), ("LOUD", 33, said.extra.clone()));
        assert_eq!(log.exc.as_ref().map(|exc| exc.kind.as_str()), Some("KeyError"));
        assert_eq!(written(&line).and_then(|line| line.origin), Some(ORIGIN));
    }

    #[test]
    fn a_line_is_never_longer_than_a_line_may_be() {
        let mut said = Said::text("\u{1}".repeat(300_000));
        said.extra.insert("x".into(), "y".repeat(900_000).into());
        let lane = Lane { kind: LaneKind::File, number: 1 };
        let mut line = Vec::new();
        said.write(&Spot { proc: "4-abcdef", pid: 4, lane, seq: 5, ts: 0, origin: ORIGIN }, &mut line);
        assert!(line.len() < MAX_LINE && written(&line).is_some());
    }
}
