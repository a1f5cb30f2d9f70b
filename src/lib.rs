//! logq: the flight recorder and causal debugger for concurrent Python.
//!
//! This is the map of the house. Modules stand in layer order: each imports only from those above it
//! in its own column. The two columns meet in `investigation`.
//!
//! ```text
//! I/O column     record ← query ← spool ← intake, store ← collect
//! pure column    record ← causality ← diagnose, diff ← view
//! joined by      investigation
//! on top         launch, serve, care, then cli above everything
//! ```
//!
//! `tests/it/layers.rs` fails on an upward import or a circle. The library serves the binary and the
//! tests; it is no public API.

pub mod care;
pub mod causality;
pub mod cli;
pub mod collect;
pub mod diagnose;
pub mod diff;
pub mod intake;
pub mod investigation;
pub mod launch;
pub mod query;
pub mod record;
pub mod serve;
pub mod spool;
pub mod store;
pub mod view;

#[cfg(test)]
#[path = "../tests/it/seeds.rs"]
mod seeds;
