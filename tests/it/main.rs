//! The tests of the whole: real programs under the real binary. One binary, so that it links once.

mod bad_input;
mod bad_records;
mod bad_runs;
mod cli_diagnose;
mod cli_diff;
mod cli_doctor;
mod cli_dump;
mod cli_errors;
mod cli_export;
mod cli_reference;
mod cli_report;
mod cli_run;
mod cli_search;
mod cli_serve;
mod cli_stats;
mod cli_terminal;
mod cli_timeline;
mod clocks;
mod faults;
mod findings;
mod foreign;
mod freshness;
mod fuzzed;
mod growing;
mod handler;
mod handmade;
mod harness;
mod hostile;
mod indexed_timeline;
mod layers;
mod packed;
mod rotation;
mod samples;
mod seeds;
mod tailing;

// Made-up services, as the benchmarks have them.
#[path = "../../benches/causality/story.rs"]
mod story;
#[path = "../../benches/causality/words.rs"]
mod words;
#[path = "../../benches/causality/world.rs"]
mod world;
