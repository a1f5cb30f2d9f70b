//! A line as an index sees it, read in one pass and mostly borrowed: what [`decode`](super::decode()) and then
//! [`Sketch`] would draw of it, without the record in between.
//!
//! Only for lines as our own writers write them: without blanks, identity first, no exception. Of any other line nothing
//! is said, and `decode` reads it.

mod values;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::decode::Place;
use super::field::{FieldValue, Known};
use super::id::{Lane, RecordId, StampRef};
use super::opening::Opening;
use super::outline::{FROM, Head, Outline, Sketch, is_apart};
use super::scan::Scan;
use super::{level, time};

/// Objects with more keys are left to the whole decoder.
const MOST_KEYS: usize = 48;

/// As many as most objects have need no memory of their own.
const FEW_KEYS: usize = 12;

/// What a line has for an index.
#[derive(Debug)]
pub struct LineSketch<'l> {
    ts: i64,
    severity: Option<u16>,
    known: [Option<FieldValue<'l>>; Known::ALL.len()],
    keys: SmallVec<[Key<'l>; FEW_KEYS]>,
    givers: SmallVec<[(&'l str, Lane); 2]>,
}

#[derive(Debug)]
struct Key<'l> {
    path: Cow<'l, str>,
    value: FieldValue<'l>,
    is_apart: bool,
}

impl Sketch for LineSketch<'_> {
    fn known(&self, known: Known) -> Option<FieldValue<'_>> {
        self.known[known as usize].as_ref().map(lent)
    }

    fn draw(&self, to: &mut impl Outline) -> Head {
        for key in &self.keys {
            to.key(&key.path, &key.value, key.is_apart);
        }
        self.givers.iter().for_each(|(proc, lane)| to.giver(proc, *lane));
        Head { ts: self.ts, severity: self.severity }
    }
}

fn lent<'a>(value: &'a FieldValue<'_>) -> FieldValue<'a> {
    match value {
        FieldValue::Text(text) => FieldValue::Text(Cow::Borrowed(text)),
        FieldValue::Int(int) => FieldValue::Int(*int),
        FieldValue::Float(float) => FieldValue::Float(*float),
        FieldValue::Bool(value) => FieldValue::Bool(*value),
        FieldValue::Null => FieldValue::Null,
    }
}

impl<'l> LineSketch<'l> {
    /// What is made of what the line has, if it is one that can be read so. (Lent and not given: it is large, and to hand it
    /// on costs as much as a part of the reading.)
    pub fn read<R>(line: &'l [u8], place: &'l Place, then: impl FnOnce(&LineSketch<'l>) -> R) -> Option<R> {
        let scan = Scan::of(line)?;
        let sketch = LineSketch {
            ts: 0,
            severity: None,
            known: [const { None }; Known::ALL.len()],
            keys: SmallVec::new(),
            givers: SmallVec::new(),
        };
        let mut reading = Reading { scan, sketch, place };
        reading.line()?;
        reading.scan.is_at_end().then(|| then(&reading.sketch))
    }

    /// The record's id and time; `place` is where the line was read.
    pub fn identity(&self, place: &Place) -> Option<(RecordId, i64)> {
        let Some(FieldValue::Text(lane)) = &self.known[Known::Lane as usize] else { return None };
        let Some(FieldValue::Int(seq)) = self.known[Known::Seq as usize] else { return None };
        let (lane, seq) = (lane.parse().ok()?, u64::try_from(seq).ok()?);
        Some((RecordId { process: place.process, proc: place.proc.clone(), lane, seq }, self.ts))
    }

    fn set(&mut self, known: Known, value: FieldValue<'l>) -> Option<()> {
        // The last of two would count: left to the decoder.
        self.known[known as usize].replace(value).is_none().then_some(())
    }

    fn has(&self, known: Known) -> bool {
        self.known[known as usize].is_some()
    }
}

struct Reading<'l> {
    scan: Scan<'l>,
    sketch: LineSketch<'l>,
    place: &'l Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Log,
    Event,
}

impl<'l> Reading<'l> {
    fn line(&mut self) -> Option<()> {
        let mut kind = Kind::Unknown;
        let (mut has_ts, mut has_stamps) = (false, [false; 2]);
        let mut site_line = None;
        let mut names: SmallVec<[&str; FEW_KEYS]> = SmallVec::new();
        match Opening::read(&mut self.scan) {
            // A line with nothing else is no record that is told of here.
            Some((opening, is_more)) => {
                is_more.then_some(())?;
                self.open(&opening)?;
                has_ts = true;
            }
            None => self.scan.expect(b'{')?,
        }
        loop {
            let name = self.scan.plain_string()?;
            self.scan.expect(b':')?;
            match name {
                "ts" => {
                    (!has_ts).then_some(())?;
                    has_ts = true;
                    self.sketch.ts = time::parse_rfc3339(self.scan.plain_string()?)?;
                }
                "mono" | "seq" => {
                    let number = self.scan.whole_number()?;
                    self.sketch.set(if name == "seq" { Known::Seq } else { Known::Mono }, int(number))?;
                }
                "pid" => {
                    let number = u32::try_from(self.scan.whole_number()?).ok()?;
                    self.sketch.set(Known::Pid, int(u64::from(number)))?;
                }
                "proc" => {
                    let proc = self.scan.plain_string()?;
                    self.proc(proc)?;
                }
                "lane" => {
                    let lane = self.scan.plain_string()?;
                    lane.parse::<Lane>().ok()?;
                    self.lane(lane)?;
                }
                "hb" | "hbl" => {
                    // The last of two would count, as of all keys.
                    (!std::mem::replace(&mut has_stamps[usize::from(name == "hbl")], true)).then_some(())?;
                    let (givers, own) = (&mut self.sketch.givers, &*self.place.proc);
                    self.scan.stamps(&mut |stamp| givers.push((stamp.proc.unwrap_or(own), stamp.lane)))?;
                }
                "ev" if kind == Kind::Unknown => {
                    kind = Kind::Event;
                    let name = self.scan.plain_string()?;
                    // What an exception is called stands elsewhere.
                    (name != "exc").then_some(())?;
                    self.sketch.set(Known::Ev, FieldValue::Text(name.into()))?;
                }
                // Where a foreign line was read: for whoever writes on.
                "origin" => self.scan.skip(0)?,
                "again" | "ev" | "levelno" | "exc" => return None,
                _ if kind == Kind::Event => {
                    (!names.contains(&name) && names.len() < MOST_KEYS).then_some(())?;
                    names.push(name);
                    self.key_of_event(name)?;
                }
                _ => {
                    kind = Kind::Log;
                    self.key_of_log(name, &mut site_line)?;
                }
            }
            if !self.scan.is_more(b'}')? {
                break;
            }
        }
        let whole = has_ts && self.sketch.has(Known::Proc) && self.sketch.has(Known::Lane);
        let has_seq = matches!(self.sketch.known[Known::Seq as usize], Some(FieldValue::Int(1..)));
        (whole && has_seq && kind != Kind::Unknown).then_some(())?;
        for known in [Known::Mono, Known::Pid] {
            self.sketch.known[known as usize].get_or_insert(FieldValue::Int(0));
        }
        if let Some(process) = self.place.process {
            self.sketch.set(Known::Process, int(u64::from(process)))?;
        }
        if kind == Kind::Log { self.end_log(site_line) } else { self.end_event() }
    }

    fn open(&mut self, opening: &Opening<'l>) -> Option<()> {
        self.sketch.ts = opening.ts;
        self.sketch.set(Known::Mono, int(opening.mono))?;
        self.proc(opening.proc)?;
        self.sketch.set(Known::Pid, int(u64::from(opening.pid)))?;
        self.lane(opening.lane)?;
        self.sketch.set(Known::Seq, int(opening.seq))
    }

    fn proc(&mut self, proc: &'l str) -> Option<()> {
        (proc == &*self.place.proc).then_some(())?;
        self.sketch.set(Known::Proc, FieldValue::Text(proc.into()))
    }

    /// What can be read as a lane.
    fn lane(&mut self, lane: &'l str) -> Option<()> {
        // `t03` is lane t3.
        (!lane[1..].starts_with('0') || lane.len() == 2).then_some(())?;
        self.sketch.set(Known::Lane, FieldValue::Text(lane.into()))
    }

    fn key_of_log(&mut self, name: &str, site_line: &mut Option<u64>) -> Option<()> {
        let known = match name {
            "level" => Known::Level,
            "logger" => Known::Logger,
            "msg" => Known::Msg,
            "tpl" => Known::Tpl,
            "thread" => Known::Thread,
            "task" => Known::Task,
            "file" => Known::File,
            "func" => Known::Func,
            "tid" => {
                let number = self.scan.whole_number()?;
                return self.sketch.set(Known::Tid, int(number));
            }
            "line" => {
                let number = self.scan.whole_number()?;
                return site_line.replace(number).is_none().then_some(());
            }
            "extra" => {
                (self.scan.peek()? == b'{' && self.sketch.keys.is_empty()).then_some(())?;
                return self.object("", true, false, 0);
            }
            _ => return None,
        };
        let text = self.scan.string()?;
        self.sketch.set(known, FieldValue::Text(text))
    }

    fn end_log(&mut self, site_line: Option<u64>) -> Option<()> {
        let Some(FieldValue::Text(level)) = &self.sketch.known[Known::Level as usize] else { return None };
        self.sketch.severity = Some(level::Level::number_of_name(level));
        for known in [Known::Logger, Known::Msg] {
            self.sketch.known[known as usize].get_or_insert(FieldValue::Text("".into()));
        }
        if self.sketch.has(Known::File) {
            self.sketch.known[Known::Line as usize] = Some(int(site_line.unwrap_or(0)));
            self.sketch.known[Known::Func as usize].get_or_insert(FieldValue::Text("".into()));
        } else {
            self.sketch.known[Known::Func as usize] = None;
        }
        Some(())
    }

    fn key_of_event(&mut self, name: &'l str) -> Option<()> {
        match name {
            "site" if self.scan.peek()? == b'[' => {
                let before = self.scan.mark();
                self.value_of_key(name.into(), true, 0)?;
                self.scan.back_to(before);
                return self.site();
            }
            // Of another type they are no records.
            "logger" | "msg" | "tpl" | "thread" | "task" | "file" | "func" | "level" => {
                (self.scan.peek()? == b'"').then_some(())?;
            }
            "tid" | "line" => {
                let before = self.scan.mark();
                self.scan.whole_number()?;
                self.scan.back_to(before);
            }
            _ => {}
        }
        let before = self.sketch.keys.len();
        // Of a list or an object nothing is a value of the field.
        let is_scalar = !matches!(self.scan.peek()?, b'[' | b'{');
        self.value_of_key(name.into(), is_apart(name), 0)?;
        let known = match name {
            FROM if is_scalar => return self.giver_of_event(before),
            "obj" => Known::Obj,
            "logger" => Known::Logger,
            "msg" => Known::Msg,
            "tpl" => Known::Tpl,
            "thread" => Known::Thread,
            "tid" => Known::Tid,
            "task" => Known::Task,
            "level" => Known::Level,
            "stack" => Known::Stack,
            _ => return Some(()),
        };
        match self.sketch.keys.get(before) {
            Some(key) if is_scalar => {
                let value = key.value.clone();
                self.sketch.set(known, value)
            }
            _ => Some(()),
        }
    }

    /// The stamp that an event names.
    fn giver_of_event(&mut self, key: usize) -> Option<()> {
        match self.sketch.keys.get(key).map(|key| &key.value) {
            Some(FieldValue::Text(Cow::Borrowed(text))) => {
                if let Some(stamp) = StampRef::parse(text) {
                    self.sketch.givers.push((stamp.proc.unwrap_or(&self.place.proc), stamp.lane));
                }
                Some(())
            }
            Some(FieldValue::Text(Cow::Owned(_))) => None,
            _ => Some(()),
        }
    }

    fn end_event(&mut self) -> Option<()> {
        if let Some(FieldValue::Text(level)) = &self.sketch.known[Known::Level as usize] {
            self.sketch.severity = Some(level::Level::number_of_name(level));
        }
        Some(())
    }
}

fn int(number: u64) -> FieldValue<'static> {
    FieldValue::Int(i128::from(number))
}

#[cfg(test)]
mod tests;
