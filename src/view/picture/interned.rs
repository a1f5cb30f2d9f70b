//! Texts that occur again and again, kept once.

use rustc_hash::FxHashMap;

#[derive(Debug, Default)]
pub(super) struct Interned {
    texts: Vec<String>,
    places: FxHashMap<String, usize>,
}

impl Interned {
    pub(super) fn place(&mut self, text: &str) -> usize {
        if let Some(known) = self.places.get(text) {
            return *known;
        }
        let place = self.texts.len();
        self.texts.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}
