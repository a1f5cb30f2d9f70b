//! A store's upkeep: whether runs are sound, how they are kept, and which of them go. Changes no line of theirs.

pub mod doctor;
pub mod pack;
pub mod prune;
mod writers;
