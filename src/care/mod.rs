//! A store's upkeep: whether runs are sound, and which of them go. Changes no line of theirs.

pub mod doctor;
pub mod prune;
