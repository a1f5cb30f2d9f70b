//! What is known while files are looked for: the sources by log and by node, and what lies in their directories, each listed once.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::discover::bases;
use super::identity::{Node, node};
use super::source::Source;

/// A regular file in a directory.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub path: PathBuf,
    pub node: Node,
    pub modified: Option<SystemTime>,
}

#[derive(Debug, Default)]
struct Listing {
    /// By the path of the log of which they are older parts by name, the oldest first: so they were written.
    older: HashMap<PathBuf, Vec<Entry>>,
    of_node: HashMap<Node, Entry>,
}

pub(super) struct Known<'a> {
    pub sources: &'a mut BTreeMap<u32, Source>,
    next_number: &'a mut dyn FnMut() -> u32,
    of_family: HashMap<usize, Vec<u32>>,
    of_node: HashMap<Node, Vec<u32>>,
    listings: HashMap<PathBuf, Listing>,
}

impl<'a> Known<'a> {
    pub fn new(sources: &'a mut BTreeMap<u32, Source>, next_number: &'a mut dyn FnMut() -> u32) -> Known<'a> {
        let (mut of_family, mut of_node): (HashMap<usize, Vec<u32>>, HashMap<Node, Vec<u32>>) = Default::default();
        for (number, source) in sources.iter() {
            of_family.entry(source.family).or_default().push(*number);
            of_node.entry(source.node()).or_default().push(*number);
        }
        Known { sources, next_number, of_family, of_node, listings: HashMap::new() }
    }

    /// The numbers of a log's files.
    pub fn numbers(&self, family: usize) -> Vec<u32> {
        self.of_family.get(&family).cloned().unwrap_or_default()
    }

    /// The sources of a log.
    pub fn of(&self, family: usize) -> impl Iterator<Item = (u32, &Source)> {
        let numbers = self.of_family.get(&family).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.sources.get(number)?)))
    }

    pub fn get(&mut self, number: u32) -> Option<&mut Source> {
        self.sources.get_mut(&number)
    }

    /// The source that has this node and is held open: while it is, no other file has the node.
    pub fn held(&self, node: Node) -> Option<u32> {
        self.find(node, Source::is_open)
    }

    /// The source that is this file, by its node and its beginning.
    pub fn same(&self, node: Node, head: &[u8]) -> Option<u32> {
        self.find(node, |source| source.is(node, head))
    }

    fn find(&self, node: Node, is_it: impl Fn(&Source) -> bool) -> Option<u32> {
        let numbers = self.of_node.get(&node)?;
        numbers.iter().copied().find(|number| self.sources.get(number).is_some_and(&is_it))
    }

    /// A number that no file had.
    pub fn take_number(&mut self) -> u32 {
        (self.next_number)()
    }

    pub fn insert(&mut self, number: u32, source: Source) {
        self.of_family.entry(source.family).or_default().push(number);
        self.of_node.entry(source.node()).or_default().push(number);
        self.sources.insert(number, source);
    }

    /// The files beside a log that are older parts of it by name.
    pub fn older(&mut self, log: &Path) -> io::Result<Vec<Entry>> {
        Ok(self.listing(log)?.older.get(log).cloned().unwrap_or_default())
    }

    /// The file beside a log that has this node, whatever it is called.
    pub fn beside(&mut self, log: &Path, node: Node) -> io::Result<Option<PathBuf>> {
        Ok(self.listing(log)?.of_node.get(&node).map(|entry| entry.path.clone()))
    }

    /// What was listed may have changed.
    pub fn forget_listing(&mut self, log: &Path) {
        self.listings.remove(log.parent().unwrap_or(Path::new("/")));
    }

    fn listing(&mut self, log: &Path) -> io::Result<&Listing> {
        let dir = log.parent().unwrap_or(Path::new("/"));
        if !self.listings.contains_key(dir) {
            self.listings.insert(dir.to_owned(), list(dir)?);
        }
        self.listings.get(dir).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn list(dir: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        if !about.is_file() {
            continue;
        }
        let entry = Entry { path: entry.path(), node: node(&about), modified: about.modified().ok() };
        for base in bases(&entry.path) {
            listing.older.entry(base).or_default().push(entry.clone());
        }
        listing.of_node.insert(entry.node, entry);
    }
    for older in listing.older.values_mut() {
        older.sort_by_key(|entry| entry.modified);
    }
    Ok(listing)
}
