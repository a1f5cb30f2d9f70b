//! Questions asked inside this process, of a run that is open, as the engines are asked inside theirs: without starting a
//! program and opening files, which `logq` does anew for each.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use logq::investigation::{self, RunChoice, SearchedRun, Selection};
use logq::query;
use logq::record::Field;
use logq::store::Found;
use logq::view::json;

use crate::table::Spent;

/// How often the engines are asked a question, and we.
pub const ROUNDS: usize = 5;

/// What is asked: a query, and what of the records that match it.
pub enum Inside {
    Count(&'static str),
    Top(&'static str, &'static str),
    /// By the second.
    Histogram(&'static str),
    /// All of their lines.
    Lines(&'static str),
}

impl Inside {
    fn query(&self) -> &'static str {
        let (Inside::Count(query) | Inside::Top(query, _) | Inside::Histogram(query) | Inside::Lines(query)) = self;
        query
    }

    /// The median of some rounds, and how many are found.
    pub fn ask(&self, store: &Path, rounds: usize) -> Result<(Spent, u64), Box<dyn Error>> {
        let selection = Selection {
            dir: Some(store.to_owned()),
            run: RunChoice::Named("bench".to_owned()),
            ..Selection::default()
        };
        let runs = investigation::open_search(&selection, &query::parse(self.query(), 0)?, &|_, _| false)?;
        let (mut spent, mut found) = (Vec::new(), 0);
        for _ in 0..rounds {
            let (wall, cpu) = (Instant::now(), processor()?);
            found = self.answer(&runs)?;
            spent.push(Spent { wall: wall.elapsed(), cpu: processor()?.saturating_sub(cpu) });
        }
        Ok((Spent::median(&spent).ok_or("nothing was measured")?, found))
    }

    fn answer(&self, runs: &[SearchedRun]) -> Result<u64, Box<dyn Error>> {
        Ok(match self {
            Inside::Count(_) => investigation::count(runs)?,
            Inside::Top(_, field) => {
                investigation::top(runs, &Field::named(field))?.iter().map(|(_, count)| count).sum()
            }
            Inside::Histogram(_) => match investigation::span(runs)? {
                Some((first, last)) => {
                    let buckets = investigation::steps(first, last, Some(1_000_000_000))?;
                    investigation::histogram(runs, &buckets)?.iter().sum()
                }
                None => 0,
            },
            Inside::Lines(_) => {
                let mut lines = Vec::new();
                let write = |found: &Found<'_>, out: &mut Vec<u8>| {
                    // Writing into memory cannot fail.
                    let _ = match found {
                        Found::Line(id, line) => json::write_identified(id, line, out),
                        Found::Record(record, line) => json::write_record(record, line, out),
                    };
                };
                for run in runs {
                    run.reader.write(&run.reader.locate(&run.filter)?, &write, &mut |bytes| {
                        lines.extend_from_slice(bytes);
                        ControlFlow::Continue(())
                    });
                }
                lines.iter().filter(|byte| **byte == b'\n').count() as u64
            }
        })
    }
}

/// What all threads of this process have spent of the processor.
fn processor() -> Result<Duration, Box<dyn Error>> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(now.tv_sec)?, u32::try_from(now.tv_nsec)?))
}
