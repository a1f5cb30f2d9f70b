//! A run in outline: every record as its columns and its common terms tell of it, without its line; and the lines of those
//! few that tell of processes, lanes and objects, or that touch the one lane which somebody looks at.

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
use crate::store::Seen;

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

/// Documents of a segment that lie one behind the other in one file.
pub(super) struct FileOrder {
    pub source: u64,
    pub offset: u64,
    pub segment: usize,
    pub docs: Range<u32>,
}

impl<'s> Outlined<'s> {
    /// With one lane: all records, those of the lane by their lines. Without: the first of each lane.
    pub fn of(segment: &'s Segment, lane: Option<&LaneRef>) -> tantivy::Result<Outlined<'s>> {
        let columns = segment.reader.fast_fields();
        let size = segment.size() as usize;
        let mut outlined = Outlined {
            mono: columns.u64(Known::Mono.name())?,
            seq: columns.u64(Known::Seq.name())?,
            whos: vec![None],
            who: vec![0; size],
            kinds: vec![None],
            kind: vec![0; size],
            told: if lane.is_some() { segment.all() } else { segment.none() },
            by_line: segment.odd.clone(),
            segment,
        };
        outlined.read_kinds()?;
        outlined.read_whos(lane)?;
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

    fn read_whos(&mut self, lane: Option<&LaneRef>) -> tantivy::Result<()> {
        let segment = self.segment;
        segment.each_term(segment.fields.who, (&[], &[]), &mut |term, postings| {
            let who = Who::of(term);
            let is_meant = |who: &Who| lane.is_some_and(|lane| who.lane == lane.lane && who.proc == lane.proc);
            let needs_line = who.as_ref().is_none_or(is_meant);
            let number = self.whos.len() as u32;
            self.whos.push(who);
            let mut is_first = lane.is_none();
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
