//! A file read on from where it was left, a little at a time, into blocks of lines that belong together.

use std::io;
use std::time::Duration;

use super::SETTLED;
use super::assemble::Block;
use super::covered::Along;
use super::identity::{Head, Print, Seen, head};
use super::source::{Source, modified};
use super::unpack::Unpacked;
use crate::spool::read_up_to;

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// How much of a file its form is told from.
const SAMPLE: usize = 64 * 1024;

/// A file that was last written so long ago is not in the middle of a line.
const FINISHED: Duration = Duration::from_secs(60);

/// What came of one step of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Read(u64),
    AtEnd,
}

impl Source {
    /// Reads on a little and gives what is whole. `settle`: lines that wait for more are given at the end of the file.
    pub fn step(&mut self, settle: bool, each: &mut dyn FnMut(Block)) -> Step {
        if self.is_ending && !self.retired {
            self.assembler.finish_all(each);
            self.retire();
        }
        match self.read_on(each) {
            Ok(0) => {
                self.settle(settle, each);
                Step::AtEnd
            }
            Ok(bytes) => {
                self.trouble = None;
                self.rested = false;
                Step::Read(bytes)
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                // A packed file may not be whole yet: once there is more of it, it is unpacked anew.
                self.unpacked = None;
                self.settle(settle, each);
                Step::AtEnd
            }
        }
    }

    fn read_on(&mut self, each: &mut dyn FnMut(Block)) -> io::Result<u64> {
        if self.retired || self.form.is_none() {
            return Ok(0);
        }
        let end = self.assembler.end();
        let along = self.covered.at(end);
        let most = CHUNK.min(usize::try_from(along.until() - end).unwrap_or(CHUNK));
        let Some((buffer, fresh)) = self.read_at(end, most)? else { return Ok(0) };
        self.note_time()?;
        self.look(&buffer[fresh..])?;
        self.last_news = std::time::Instant::now();
        self.anchor = Print::of_anchor(&buffer);
        let bytes = &buffer[fresh..];
        let end = end + bytes.len() as u64;
        if end > self.seen.end {
            self.seen = Seen { end, print: self.anchor };
        }
        match (along, &self.form) {
            (Along::Open { .. }, Some(form)) => self.assembler.add(bytes, form, each),
            _ => self.assembler.add_unparted(bytes),
        }
        if end == along.until() {
            self.pass(along, each);
        }
        Ok(bytes.len() as u64)
    }

    /// Ends what lies before a stretch that was written, or that stretch, as it ended then.
    fn pass(&mut self, along: Along, each: &mut dyn FnMut(Block)) {
        let known = match along {
            Along::Open { .. } => None,
            Along::Stretch { begin, .. } => self.covered.take(begin),
        };
        self.assembler.finish_all(&mut |block| match &known {
            Some((print, written)) if block.print() == *print => each(Block { written: written.clone(), ..block }),
            _ => each(block),
        });
    }

    /// The next bytes, behind the last ones that were read before: where the new ones begin. `None` at the end of the file, and
    /// where it does not go on as it was left.
    fn read_at(&mut self, end: u64, most: usize) -> io::Result<Option<(Vec<u8>, usize)>> {
        let Some(file) = &self.file else { return Ok(None) };
        let Some(packing) = self.packing else {
            // What was read last is read again, in one go with what is new: another text there is another file. Room is made for
            // what is there only: of thousands of files nearly all rest.
            let again = usize::try_from(self.anchor.len.min(end)).unwrap_or(0);
            let fresh = file.metadata()?.len().saturating_sub(end);
            let mut buffer = vec![0; again + most.min(usize::try_from(fresh).unwrap_or(most))];
            let got = read_up_to(file, &mut buffer, end - again as u64)?;
            buffer.truncate(got);
            // Before the first reading it may have become another file since it was opened.
            let is_other = || self.anchor.len == 0 && got > 0 && self.was_cut();
            self.is_suspect = !self.anchor.is_beginning_of(&buffer) || is_other();
            if self.head.is_short() && !self.is_suspect {
                let head = head(file)?;
                self.is_suspect = !self.head.is_beginning_of(&head);
                if !self.is_suspect {
                    self.head = Head::of(&head);
                }
            }
            return Ok((got > again && !self.is_suspect).then_some((buffer, again)));
        };
        if self.unpacked.is_none() {
            let len = file.metadata()?.len();
            if self.trouble.is_some() && self.packed_len == len {
                return Ok(None);
            }
            self.packed_len = len;
            let mut unpacked = Unpacked::open(file, packing)?;
            unpacked.skip(end)?;
            self.unpacked = Some(unpacked);
        }
        let mut buffer = vec![0; most];
        let got = self.unpacked.as_mut().map_or(Ok(0), |unpacked| unpacked.read(&mut buffer))?;
        buffer.truncate(got);
        Ok((got > 0).then_some((buffer, 0)))
    }

    /// A time without a year is of the last one before the file was written, which goes on with the file.
    fn note_time(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        self.modified = modified(&file.metadata()?).max(self.modified);
        if let Some(form) = &mut self.form {
            form.clock.near = self.modified;
        }
        Ok(())
    }

    /// Shows the form what is about to be read; one that has been read from before, its beginning.
    fn look(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(form) = self.form.as_mut().filter(|form| form.is_curious()) else { return Ok(()) };
        if !self.has_looked
            && self.assembler.end() > 0
            && let (Some(file), None) = (&self.file, self.packing)
        {
            let mut beginning = vec![0; SAMPLE.min(usize::try_from(self.assembler.end()).unwrap_or(SAMPLE))];
            let len = read_up_to(file, &mut beginning, 0)?;
            let whole = memchr::memrchr(b'\n', &beginning[..len]).map_or(0, |at| at + 1);
            form.look_at(&beginning[..whole]);
        }
        self.has_looked = true;
        // Half a line tells nothing, or something wrong.
        let sample = &bytes[..bytes.len().min(SAMPLE)];
        if let Some(end) = memchr::memrchr(b'\n', sample) {
            form.look_at(&[self.assembler.begun_line(), &sample[..=end]].concat());
        }
        Ok(())
    }

    /// At the end of the file: gives the lines that wait for more, where no more is to be expected.
    fn settle(&mut self, settle: bool, each: &mut dyn FnMut(Block)) {
        // What waits in one that a copy goes on with is read again there.
        if self.is_suspect || self.retired {
            return;
        }
        if self.assembler.has_lines() && (settle || self.last_news.elapsed() > SETTLED) {
            self.assembler.finish(each);
        }
        let is_unpacked = self.packing.is_some() && self.trouble.is_none();
        let is_finished = is_unpacked || (settle && self.is_long_finished());
        if self.assembler.unended() > 0 && is_finished && self.file.is_some() {
            self.assembler.finish_all(each);
        }
    }

    fn is_long_finished(&self) -> bool {
        let about = self.file.as_ref().and_then(|file| file.metadata().ok());
        let since = about.and_then(|about| about.modified().ok()?.elapsed().ok());
        since.is_some_and(|since| since > FINISHED)
    }
}
