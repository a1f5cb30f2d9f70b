//! One log under one name and the files that it has been: the one at its path now, those that were renamed away, copies of one
//! that was cut. Finds out which is which; reads nothing of their lines.
//!
//! Where a file cannot be looked at (no rights, too many open files, its directory not mounted) nothing is concluded: what is
//! known stays as it is until it can be.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::discover::{is_older, open_regular, unpacked_head};
use super::identity::{Node, Print, head, node};
use super::known::Known;
use super::source::{Copied, Loss, Source, holds};
use super::unpack::Packing;

/// How often a directory is listed again for a file that is nowhere.
const MOST_LISTINGS: usize = 3;

/// Whether a file beside a log was looked at for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Enough,
    /// While it was looked at something happened that changes what it is.
    TooEarly,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Family {
    pub path: PathBuf,
    /// Files beside it that were there before it was first read, and were not asked for.
    ignored: Vec<(Node, Print)>,
    /// It has been looked at before.
    begun: bool,
    next_rank: u64,
    /// Why it could not be looked at.
    #[serde(skip)]
    pub trouble: Option<String>,
}

impl Family {
    pub fn new(path: &Path, older: &[PathBuf], known: &mut Known) -> Family {
        let mut family = Family { path: path.to_owned(), next_rank: older.len() as u64, ..Family::default() };
        for sibling in known.older(path).unwrap_or_default() {
            if let (false, Ok((_, node, head))) = (older.contains(&sibling.path), open(&sibling.path)) {
                family.ignored.extend((!head.is_empty()).then(|| (node, Print::of_head(&head))));
            }
        }
        family
    }

    /// Looks where the files of this family are now. `older`: those of its older parts that were asked for.
    pub fn look(&mut self, family: usize, older: &[PathBuf], known: &mut Known) {
        let looked = self.look_all(family, older, known);
        self.trouble = looked.err().map(|error| error.to_string());
    }

    fn look_all(&mut self, family: usize, older: &[PathBuf], known: &mut Known) -> io::Result<()> {
        let there = present(open(&self.path))?;
        if there.is_none() && self.path.parent().is_some_and(|dir| !dir.is_dir()) {
            return Err(io::Error::new(ErrorKind::NotFound, "its directory is not there"));
        }
        let mut cut = Vec::new();
        for number in known.numbers(family) {
            let Some(source) = known.get(number) else { continue };
            source.in_place = false;
            if !source.is_retired() && source.is_open() && source.was_cut() {
                cut.push(number);
            }
        }
        let path = self.path.clone();
        let new = there.and_then(|there| recognise(&path, there, known, &mut cut));
        self.look_beside(family, older, new.as_ref(), &mut cut, known)?;
        for _ in 0..MOST_LISTINGS {
            if !known.of(family).any(|(_, source)| source.is_missing()) {
                break;
            }
            // It may have been renamed since its directory was listed.
            known.forget_listing(&self.path);
            self.look_beside(family, older, new.as_ref(), &mut cut, known)?;
        }
        for number in cut {
            known
                .get(number)
                .filter(|source| !source.is_retired())
                .into_iter()
                .for_each(|source| source.end(Loss::Cut));
        }
        if let Some(file) = new {
            self.add(family, &path, file, None, known)?;
        }
        for number in known.numbers(family) {
            known
                .get(number)
                .filter(|source| source.is_missing())
                .into_iter()
                .for_each(|source| source.end(Loss::Gone));
        }
        self.begun = true;
        Ok(())
    }

    /// Files beside it: one that we know under a new name, a copy of one that was cut, one that came and went in between.
    fn look_beside(
        &mut self,
        family: usize,
        older: &[PathBuf],
        new: Option<&File>,
        cut: &mut Vec<u32>,
        known: &mut Known,
    ) -> io::Result<()> {
        let missing = known.of(family).filter(|(_, source)| source.is_missing());
        let missing: Vec<(Node, PathBuf)> =
            missing.map(|(_, source)| (source.node(), source.path().to_owned())).collect();
        let mut paths = Vec::new();
        for (node, path) in missing {
            // It may be called anything now; or a link led to it.
            paths.extend(known.beside(&self.path, node)?);
            paths.push(path);
        }
        for entry in known.older(&self.path)? {
            let held = known.held(entry.node).filter(|number| !cut.contains(number));
            match held.and_then(|number| known.get(number)) {
                Some(source) if source.family == family => source.moved_to(&entry.path),
                Some(_) => {}
                None if self.begun || older.contains(&entry.path) => paths.push(entry.path),
                None => {}
            }
        }
        for path in paths {
            while let Some(there) = present(open(&path))? {
                if self.look_at_older(family, &path, there, new, cut, known)? == Looked::Enough {
                    break;
                }
            }
        }
        Ok(())
    }

    fn look_at_older(
        &mut self,
        family: usize,
        path: &Path,
        there: Found,
        new: Option<&File>,
        cut: &mut Vec<u32>,
        known: &mut Known,
    ) -> io::Result<Looked> {
        if known
            .same(there.1, &there.2)
            .is_some_and(|number| known.sources.get(&number).is_some_and(|source| source.family != family))
        {
            return Ok(Looked::Enough);
        }
        let (node, head) = (there.1, there.2.clone());
        let Some(file) = recognise(path, there, known, cut) else { return Ok(Looked::Enough) };
        let is_ignored = self.ignored.iter().any(|(known, print)| *known == node && print.is_beginning_of(&head));
        if is_ignored || !is_older(path, &self.path) {
            return Ok(Looked::Enough);
        }
        let is_packed = Packing::of(&head).is_some();
        let beginning = unpacked_head(&file, &head);
        if is_packed && beginning.is_empty() {
            // Nothing of it can be read yet.
            return Ok(Looked::Enough);
        }
        // What is still there has all that a copy of it has, be that finished or not; and is still read.
        if new.is_some_and(|new| holds(new, &file, &beginning, is_packed)) {
            return Ok(Looked::Enough);
        }
        let cut_before = cut.len();
        for (number, source) in known.of(family).filter(|(_, source)| source.is_open() && !source.is_retired()) {
            if cut.contains(&number) {
                continue;
            }
            if source.holds(&file, &beginning, is_packed) {
                return Ok(Looked::Enough);
            }
            if source.was_cut() {
                cut.push(number);
            }
        }
        if cut.len() > cut_before {
            // It was cut only a moment ago: then its copy was not finished when it was looked at.
            return Ok(Looked::TooEarly);
        }
        let is_lost = |number: u32, source: &Source| !source.is_open() || source.is_retired() || cut.contains(&number);
        // Of several that begin so, copies of each other, the one that was read furthest.
        let copied = |(number, source): (u32, &Source)| {
            Some((source.is_copied_in(&file, &beginning, is_packed)?, source.position(), number))
        };
        let lost = known.of(family).filter(|(number, source)| is_lost(*number, source));
        match lost.filter_map(copied).max() {
            // All that is in it was given out, and of what came behind that nothing more is there.
            Some((Copied { is_whole: false, len, .. }, position, _)) if len <= position => {}
            Some((copied, _, original)) => {
                self.add(family, path, file, Some((original, copied)), known)?;
                known.get(original).into_iter().for_each(|source| source.hand_over(copied));
            }
            None => self.add(family, path, file, None, known)?,
        }
        Ok(Looked::Enough)
    }

    fn add(
        &mut self,
        family: usize,
        path: &Path,
        file: File,
        original: Option<(u32, Copied)>,
        known: &mut Known,
    ) -> io::Result<()> {
        // Of an empty file there is nothing to know it by: it is one once something is in it.
        if file.metadata()?.len() == 0 {
            return Ok(());
        }
        let fresh = known.take_number();
        let source = Source::new(path, file, fresh, family, self.next_rank)?;
        self.next_rank += 1;
        let source = match original.and_then(|(number, copied)| Some((known.sources.get(&number)?, copied))) {
            Some((original, copied)) => source.continued(original, copied),
            None => source,
        };
        known.insert(fresh, source);
        Ok(())
    }
}

/// Tells which file lies there: one that is known, or a new one, which is given back.
fn recognise(path: &Path, there: Found, known: &mut Known, cut: &mut Vec<u32>) -> Option<File> {
    let (file, node, head) = there;
    let same = known.same(node, &head).filter(|number| !cut.contains(number));
    let Some((number, source)) = same.and_then(|number| Some((number, known.get(number)?))) else { return Some(file) };
    let was_open = source.is_open();
    source.found_at(path, file);
    // One that was noted by an earlier collector was not looked at yet: its node may be another file's now.
    if was_open || !source.was_cut() {
        return None;
    }
    cut.push(number);
    open(path).ok().map(|(file, ..)| file)
}

type Found = (File, Node, Vec<u8>);

fn open(path: &Path) -> io::Result<Found> {
    let file = open_regular(path)?;
    let about = file.metadata()?;
    let head = head(&file)?;
    Ok((file, node(&about), head))
}

/// What is there, or that nothing is; an error where that cannot be told.
fn present(found: io::Result<Found>) -> io::Result<Option<Found>> {
    match found {
        Ok(found) => Ok(Some(found)),
        // Something else than a file, too, is no log.
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
