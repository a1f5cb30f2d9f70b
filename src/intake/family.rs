//! One log under one name and the files that it has been: the one at its path now, those that were renamed away, copies of one
//! that was cut. Finds out which is which; reads nothing of their lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::discover::{open_regular, siblings};
use super::identity::{Node, Print, head, node};
use super::source::Source;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Family {
    pub path: PathBuf,
    /// Files beside it that were there before it was first read, and were not asked for.
    ignored: Vec<(Node, Print)>,
    /// It has been looked at before.
    begun: bool,
    next_rank: u64,
}

impl Family {
    pub fn new(path: &Path, older: &[PathBuf]) -> Family {
        let mut family = Family { path: path.to_owned(), next_rank: older.len() as u64, ..Family::default() };
        for sibling in siblings(path).into_iter().filter(|sibling| !older.contains(sibling)) {
            if let Ok((_, node, head)) = open(&sibling) {
                family.ignored.push((node, Print::of_head(&head)));
            }
        }
        family
    }

    /// Looks where the files of this family are now.
    pub fn look(
        &mut self,
        family: usize,
        older: &[PathBuf],
        sources: &mut BTreeMap<u32, Source>,
        number: &mut dyn FnMut() -> u32,
    ) {
        let there = open(&self.path).ok();
        let mut cut: Vec<u32> = Vec::new();
        for (number, source) in of_family(sources, family) {
            source.in_place = false;
            if !source.is_retired() && source.is_open() && source.was_cut() {
                cut.push(*number);
            }
        }
        let mut is_new = false;
        if let Some((file, node, head)) = there {
            let known = sources.iter_mut().find(|(number, source)| source.is(node, &head) && !cut.contains(number));
            match known {
                Some((number, source)) => {
                    source.found_at(&self.path, file);
                    // One that was noted by an earlier collector is looked at now that it is open.
                    if source.was_cut() {
                        cut.push(*number);
                        is_new = true;
                    }
                }
                None => is_new = true,
            }
        }
        let lost = of_family(sources, family).any(|(_, source)| !source.is_retired() && !source.is_open());
        if is_new
            || lost
            || !cut.is_empty()
            || !self.begun
            || of_family(sources, family).any(|(_, source)| !source.in_place)
        {
            self.look_beside(family, older, &cut, sources, number);
        }
        for number in &cut {
            sources.get_mut(number).filter(|source| !source.is_retired()).into_iter().for_each(Source::end);
        }
        if is_new && let Ok((file, ..)) = open(&self.path) {
            self.add(family, &self.path.clone(), file, None, sources, number);
        }
        self.begun = true;
    }

    /// Files beside it: one that we know under a new name, a copy of one that was cut, one that came and went in between.
    fn look_beside(
        &mut self,
        family: usize,
        older: &[PathBuf],
        cut: &[u32],
        sources: &mut BTreeMap<u32, Source>,
        number: &mut dyn FnMut() -> u32,
    ) {
        let mut beside: Vec<PathBuf> = siblings(&self.path);
        if !self.begun {
            beside.retain(|path| older.contains(path));
        }
        // The oldest first: so they were written.
        beside.sort_by_cached_key(|path| std::fs::metadata(path).and_then(|about| about.modified()).ok());
        for path in beside {
            let Ok((file, node, head)) = open(&path) else { continue };
            if let Some(source) = sources.values_mut().find(|source| source.is(node, &head)) {
                if source.family == family {
                    source.found_at(&path, file);
                }
                continue;
            }
            if self.ignored.iter().any(|(known, print)| *known == node && print.is_beginning_of(&head)) {
                continue;
            }
            let unpacked = super::discover::unpacked_head(&file, &head);
            // Of several that begin so, copies of each other, the one that was read furthest.
            let alike = of_family(sources, family).filter(|(_, source)| source.begins_as(&unpacked));
            let original = alike.max_by_key(|(_, source)| source.position()).map(|(number, _)| *number);
            let lost = |number: &u32| {
                cut.contains(number)
                    || sources.get(number).is_some_and(|source| source.is_retired() || !source.is_open())
            };
            match original {
                Some(original) if lost(&original) => {
                    self.add(family, &path, file, Some(original), sources, number);
                    sources.get_mut(&original).into_iter().for_each(Source::retire);
                }
                // A copy of what is still there and still read.
                Some(_) => {}
                None => self.add(family, &path, file, None, sources, number),
            }
        }
    }

    fn add(
        &mut self,
        family: usize,
        path: &Path,
        file: File,
        original: Option<u32>,
        sources: &mut BTreeMap<u32, Source>,
        number: &mut dyn FnMut() -> u32,
    ) {
        let fresh = number();
        let Ok(source) = Source::new(path, file, fresh, family, self.next_rank) else { return };
        self.next_rank += 1;
        let source = match original.and_then(|original| sources.get(&original)) {
            Some(original) => source.continued(original),
            None => source,
        };
        sources.insert(fresh, source);
    }
}

fn of_family(sources: &mut BTreeMap<u32, Source>, family: usize) -> impl Iterator<Item = (&u32, &mut Source)> {
    sources.iter_mut().filter(move |(_, source)| source.family == family)
}

fn open(path: &Path) -> io::Result<(File, Node, Vec<u8>)> {
    let file = open_regular(path)?;
    let about = file.metadata()?;
    let head = head(&file)?;
    Ok((file, node(&about), head))
}
