//! The table that a bench prints: each job, what it cost here and at a peer, and whether the budget is met.

use std::time::Duration;

/// What one job cost, wall clock and processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spent {
    pub wall: Duration,
    pub cpu: Duration,
}

impl Spent {
    /// The middle one by wall clock.
    pub fn median(all: &[Spent]) -> Option<Spent> {
        let mut sorted = all.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// What the ratio of a row has to be at least; column "first" of the budgets.
pub type Budget = Option<f64>;

pub fn head() {
    println!(
        "  {:38} {:>11} {:22} {:>11} {:>8} {:>8} {:>7}  met",
        "job", "ours", "peer", "theirs", "faster", "by CPU", "budget"
    );
}

/// A job that a peer did, too.
pub fn compare(job: &str, ours: Spent, peer: &str, theirs: Option<Spent>, budget: Budget) {
    let Some(theirs) = theirs else {
        println!("  {job:38} {:>11} {peer:22} {:>11}", milliseconds(ours.wall), "not there");
        return;
    };
    let (ratio, by_cpu) = (share(theirs.wall, ours.wall), share(theirs.cpu, ours.cpu));
    println!(
        "  {job:38} {:>11} {peer:22} {:>11} {ratio:>7.2}x {by_cpu:>7.2}x {:>7}  {}",
        milliseconds(ours.wall),
        milliseconds(theirs.wall),
        budget.map_or_else(|| "-".to_owned(), |budget| format!("{budget:.2}x")),
        budget.map_or("", |budget| verdict(ratio >= budget)),
    );
}

/// A figure of our own with its bound.
pub fn bound(job: &str, figure: f64, unit: &str, most: f64) {
    let shown = format!("{figure:.3}{unit}");
    println!("  {job:38} {shown:>11} {:61} {:>7}  {}", "", format!("{most}{unit}"), verdict(figure <= most));
}

fn share(theirs: Duration, ours: Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9)
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "yes" } else { "NO" }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
