//! Model to shape and text. Everything here writes into a `Write` and does no I/O of its own.

pub mod chain;
pub mod clock;
pub mod diagnosis;
pub mod diagnosis_json;
pub mod diff;
pub mod diff_json;
pub mod diff_words;
pub mod events;
pub mod failure;
pub mod influence;
pub mod json;
pub mod looks;
pub mod names;
pub mod printable;
pub mod records;
pub mod runs;
pub mod snapshot;
pub mod stats;
pub mod style;
pub mod threads;
pub mod timeline;
pub mod timeline_frame;
pub mod timeline_gutter;
pub mod timeline_json;
pub mod timeline_text;
pub mod verdict;
