//! A store's upkeep: what may go, and that it goes. Reads and removes whole runs; knows nothing of what is in them.

pub mod prune;
