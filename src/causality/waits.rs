//! What each lane was blocked on: the waits that it wrote, kept beyond their records.
//!
//! Only the last few of a lane are kept: a hang is at its end. Who can end a wait is worked out elsewhere.

use std::collections::VecDeque;

use crate::record::readings::WaitEvent;
use crate::record::{Event, Record};

/// So many waits of a lane are kept.
const KEPT: usize = 8;

/// One wait of a lane, as its record told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// Number of its record in the lane.
    pub seq: u64,
    /// When it was written, monotonic ns.
    pub mono: u64,
    event: Event,
    /// When it ended, monotonic ns.
    ended: Option<u64>,
}

/// The last waits of a lane, in the order of their numbers, whatever that of the lines in the file is.
#[derive(Debug, Clone, Default)]
pub struct Waits {
    kept: VecDeque<Wait>,
    /// Ends that came before their waits: number and monotonic ns.
    early: VecDeque<(u64, u64)>,
}

impl Waits {
    /// The wait that the lane was in at that monotonic time; the one it is in at the end of its records for `u64::MAX`.
    pub fn at(&self, mono: u64) -> Option<&Wait> {
        let open = |wait: &&Wait| wait.mono <= mono && wait.ended.is_none_or(|end| end > mono);
        self.kept.iter().rev().find(open)
    }

    /// Those that are remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Wait> {
        self.kept.iter()
    }

    pub(super) fn begin(&mut self, record: &Record, event: &Event) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        let ended = self.early.iter().find(|(seq, _)| *seq > record.seq).map(|(_, mono)| *mono);
        let later = self.kept.iter().rev().take_while(|wait| wait.seq > record.seq).count();
        let wait = Wait { seq: record.seq, mono: record.mono, event: event.clone(), ended };
        self.kept.insert(self.kept.len() - later, wait);
    }

    /// A `got` ends the newest wait for that object: a signal handler's wait may lie within another one.
    pub(super) fn end(&mut self, record: &Record, event: &Event) {
        let obj = event.obj();
        let mut before = self.kept.iter_mut().rev().filter(|wait| wait.seq < record.seq);
        let open = before.find(|wait| wait.ended.is_none() && wait.event.obj() == obj);
        if let Some(wait) = open {
            wait.ended = Some(record.mono);
        } else {
            self.early.truncate(KEPT - 1);
            self.early.push_front((record.seq, record.mono));
        }
    }

    /// The lane is over, whatever it had said before.
    pub(super) fn close(&mut self, mono: u64) {
        for wait in &mut self.kept {
            wait.ended.get_or_insert(mono);
        }
    }
}

impl Wait {
    pub fn told(&self) -> Option<WaitEvent<'_>> {
        self.event.wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::decode;
    use crate::record::decode::Place;

    fn waits(lines: &[(u64, &str)]) -> Waits {
        let mut waits = Waits::default();
        for (seq, event) in lines {
            let line = format!(
                r#"{{"ts":"2026-11-22T17:15:00Z","mono":{seq},"proc":"1-aaaaaa","pid":1,"lane":"t1","seq":{seq},"ev":"{event}","obj":"event:1"}}"#
            );
            let record =
                decode(line.as_bytes(), &Place { proc: "1-aaaaaa".into(), process: Some(1), part: 1, offset: 0 });
            let event = record.event().expect("an event");
            if *seq % 2 == 1 { waits.begin(&record, event) } else { waits.end(&record, event) }
        }
        waits
    }

    #[test]
    fn lines_that_changed_places_leave_no_wait_open() {
        let open = |lines: &[(u64, &str)]| waits(lines).at(u64::MAX).map(|wait| wait.seq);
        assert_eq!(open(&[(1, "wait"), (2, "got"), (3, "wait")]), Some(3));
        assert_eq!(open(&[(2, "got"), (1, "wait")]), None);
        assert_eq!(open(&[(3, "wait"), (2, "got"), (1, "wait"), (4, "got")]), None);
        assert_eq!(open(&[(3, "wait"), (2, "got"), (1, "wait")]), Some(3));
    }
}
