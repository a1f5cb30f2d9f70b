//! Where random tests begin: `make test` always at 0, so that it says the same of the same code; a soak each time at another
//! place, so that it sees what none has seen; LOGQ_SEED=N at what failed. Shared by the tests inside and those of the binary.

use std::ops::Range;
use std::time::UNIX_EPOCH;

/// So many seeds usually, so many in a soak, or the one that is asked for.
pub fn seeds(usually: u64, soaking: u64) -> Range<u64> {
    let given = std::env::var("LOGQ_SEED").ok();
    let first = match given.map(|seed| seed.parse::<u64>().expect("LOGQ_SEED is a number")) {
        Some(only) => return only..only + 1,
        None if std::env::var_os("LOGQ_SOAK").is_none() => return 0..usually,
        // In microseconds: one soak does not come where the last one was.
        None => UNIX_EPOCH.elapsed().map_or(0, |since| since.as_micros() as u64),
    };
    println!("seeds from {first} on");
    first..first + soaking
}
