//! A run in outline: every record as its columns and its common terms tell of it, without its line; and the lines of those
//! few that tell of processes, lanes and objects, or that touch the one lane which somebody looks at.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::columnar::Column as FastColumn;

use super::docs::Docs;
use super::lines::Lines;
use super::segment::Segment;
use super::terms::{self, KIND, WHO};
use crate::record::field::{FieldValue, Known};
use crate::record::glance::BriefLog;
use crate::record::{EventKind, Glance, Lane, LaneRef, Said};
use crate::store::{Seen, Told};

/// A segment, and what is told of its documents.
pub(super) struct Outlined<'s> {
    segment: &'s Segment,
    mono: FastColumn<u64>,
    seq: FastColumn<u64>,
    /// Terms that records have in common, and by document the number of its own; 0 is none that is understood.
    whos: Vec<Option<Who>>,
    who: Vec<u32>,
    kinds: Vec<Option<Kind>>,
    kind: Vec<u32>,
    told: Docs,
    by_line: Docs,
}

struct Who {
    proc: Arc<str>,
    process: u32,
    pid: u32,
    lane: Lane,
    thread: Option<String>,
    task: Option<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Log(u16),
    Event(EventKind),
}

/// When each lane wrote last, by the clock of the host and by that on the wall; lanes are named as givers are.
pub(super) type LaneEnds = HashMap<Vec<u8>, (u64, i64)>;

/// Documents of a segment that lie one behind the other in one file.
pub(super) struct FileOrder {
    pub source: u64,
    pub offset: u64,
    pub segment: usize,
    pub docs: Range<u32>,
}

impl<'s> Outlined<'s> {
    pub fn of(segment: &'s Segment, what: Told<'_>) -> tantivy::Result<Outlined<'s>> {
        let lane = if let Told::With(lane) = what { Some(lane) } else { None };
        let only_firsts = matches!(what, Told::Firsts);
        let columns = segment.reader.fast_fields();
        let size = segment.size() as usize;
        let mut outlined = Outlined {
            mono: columns.u64(Known::Mono.name())?,
            seq: columns.u64(Known::Seq.name())?,
            whos: vec![None],
            who: vec![0; size],
            kinds: vec![None],
            kind: vec![0; size],
            told: if only_firsts { segment.none() } else { segment.all() },
            by_line: segment.odd.clone(),
            segment,
        };
        outlined.read_kinds()?;
        outlined.read_whos(lane, only_firsts)?;
        if let Some(lane) = lane {
            let mut giver = Vec::new();
            terms::push_giver(&lane.proc, lane.lane, &mut giver);
            outlined.by_line = outlined.by_line.or(&segment.with_bytes(segment.fields.word, &giver)?);
        }
        outlined.told = outlined.told.or(&outlined.by_line);
        Ok(outlined)
    }

    fn read_kinds(&mut self) -> tantivy::Result<()> {
        let segment = self.segment;
        segment.each_term(segment.fields.kind, (&[], &[]), &mut |term, postings| {
            let kind = Kind::of(term);
            let needs_line = matches!(kind, None | Some(Kind::Event(_))) && !kind.is_some_and(Kind::is_passing);
            let number = self.kinds.len() as u32;
            self.kinds.push(kind);
            postings.each(|doc| {
                if let Some(own) = self.kind.get_mut(doc as usize) {
                    *own = number;
                    if needs_line {
                        self.by_line.insert(doc);
                    }
                }
            })
        })
    }

    fn read_whos(&mut self, lane: Option<&LaneRef>, only_firsts: bool) -> tantivy::Result<()> {
        let segment = self.segment;
        segment.each_term(segment.fields.who, (&[], &[]), &mut |term, postings| {
            let who = Who::of(term);
            let is_meant = |who: &Who| lane.is_some_and(|lane| who.lane == lane.lane && who.proc == lane.proc);
            let needs_line = who.as_ref().is_none_or(is_meant);
            let number = self.whos.len() as u32;
            self.whos.push(who);
            let mut is_first = only_firsts;
            postings.each(|doc| {
                let Some(own) = self.who.get_mut(doc as usize) else { return };
                *own = number;
                if needs_line {
                    self.by_line.insert(doc);
                }
                let is_log = || matches!(self.kinds[self.kind[doc as usize] as usize], Some(Kind::Log(_)));
                if is_first && is_log() {
                    self.told.insert(doc);
                    is_first = false;
                }
            })
        })
    }

    /// Notes when each lane wrote last.
    pub fn note_ends(&self, ends: &mut LaneEnds) {
        let mut last = vec![(0, i64::MIN); self.whos.len()];
        for (doc, who) in (0..).zip(&self.who) {
            let (mono, ts) = &mut last[*who as usize];
            *mono = self.mono.first(doc).unwrap_or(0).max(*mono);
            *ts = self.segment.ts.first(doc).unwrap_or(0).max(*ts);
        }
        for (who, last) in self.whos.iter().zip(last) {
            let Some(who) = who else { continue };
            let mut lane = Vec::new();
            terms::push_giver(&who.proc, who.lane, &mut lane);
            let end = ends.entry(lane).or_insert(last);
            *end = (end.0.max(last.0), end.1.max(last.1));
        }
    }

    /// Has those told by their lines to which something came from a lane after its last record, by either clock.
    pub fn look_behind(&mut self, ends: &LaneEnds) -> tantivy::Result<()> {
        let segment = self.segment;
        segment.each_term(segment.fields.word, terms::GIVERS, &mut |giver, postings| {
            let (mono, ts) = ends.get(giver).copied().unwrap_or((0, i64::MIN));
            postings.each(|doc| {
                let is_late = self.mono.first(doc).is_none_or(|own| own >= mono)
                    || segment.ts.first(doc).is_none_or(|own| own >= ts);
                if is_late {
                    self.by_line.insert(doc);
                }
            })
        })
    }

    pub fn leave_out(&mut self, gone: &Docs) {
        self.told = self.told.clone().without(gone);
    }

    /// The documents that are told of, in stretches that lie one behind the other in one file.
    pub fn file_order(&self, segment: usize, found: &mut Vec<FileOrder>) {
        let mut last: Option<(FileOrder, u64)> = None;
        for doc in self.told.iter() {
            let place = (self.segment.src.first(doc).unwrap_or(0), self.segment.off.first(doc).unwrap_or(0));
            match &mut last {
                Some((stretch, before)) if stretch.source == place.0 && *before < place.1 => {
                    stretch.docs.end = doc + 1;
                    *before = place.1;
                }
                _ => {
                    found.extend(last.take().map(|(stretch, _)| stretch));
                    let stretch = FileOrder { source: place.0, offset: place.1, segment, docs: doc..doc + 1 };
                    last = Some((stretch, place.1));
                }
            }
        }
        found.extend(last.map(|(stretch, _)| stretch));
    }

    /// Tells of these documents, of those that are told of.
    pub fn tell(&self, docs: Range<u32>, lines: &mut Lines<'_>, each: &mut dyn FnMut(Seen<'_>)) {
        for doc in docs.filter(|doc| self.told.contains(*doc)) {
            if self.by_line.contains(doc) || self.glance(doc).map(|glance| each(Seen::Glance(glance))).is_none() {
                lines.look(self.segment, doc, each);
            }
        }
    }

    /// The record without what it merged.
    fn glance(&self, doc: u32) -> Option<Glance<'_>> {
        let who = self.whos[*self.who.get(doc as usize)? as usize].as_ref()?;
        let said = match self.kinds[*self.kind.get(doc as usize)? as usize]? {
            Kind::Event(kind) => Said::Event(kind, None),
            Kind::Log(level) => {
                let (thread, task) = (who.thread.as_deref(), who.task.as_deref());
                Said::Log(BriefLog { level, logger: "", msg: "", line: None, thread, task })
            }
        };
        Some(Glance {
            ts: self.segment.ts.first(doc)?,
            mono: self.mono.first(doc)?,
            proc: &who.proc,
            process: who.process,
            pid: who.pid,
            lane: who.lane,
            seq: self.seq.first(doc)?,
            hb: Vec::new(),
            hbl: Vec::new(),
            site: None,
            said,
        })
    }
}

impl Kind {
    fn of(term: &[u8]) -> Option<Kind> {
        match value(&KIND, Known::Ev, term) {
            Some(FieldValue::Text(name)) => Some(Kind::Event(EventKind::named(&name))),
            _ => terms::severity(term).map(Kind::Log),
        }
    }

    /// Whether it is an event that tells nothing of processes, lanes and objects that outlasts it.
    fn is_passing(self) -> bool {
        use EventKind::{Access, Acq, Begin, Got, Nest, Recv, Rel, Send, Sync, Wait};
        matches!(self, Kind::Event(Wait | Got | Send | Recv | Acq | Rel | Sync | Access | Begin | Nest))
    }
}

impl Who {
    /// `None` where its records' lines have to tell.
    fn of(term: &[u8]) -> Option<Who> {
        let text = |known| match value(&WHO, known, term) {
            Some(FieldValue::Text(text)) => Some(text.into_owned()),
            _ => None,
        };
        let number = |known| match value(&WHO, known, term) {
            Some(FieldValue::Int(int)) => u32::try_from(int).ok(),
            _ => None,
        };
        Some(Who {
            proc: text(Known::Proc)?.into(),
            process: number(Known::Process)?,
            pid: number(Known::Pid)?,
            lane: text(Known::Lane)?.parse().ok()?,
            thread: text(Known::Thread),
            task: text(Known::Task),
        })
    }
}

fn value<'t>(fields: &[Known], known: Known, term: &'t [u8]) -> Option<FieldValue<'t>> {
    terms::value_of(known, terms::part(term, terms::place_in(fields, known)?))
}
