//! `logq collect`: indexes what has been recorded, once or as it grows. No command needs it: readers read what the
//! index lacks themselves. It makes them fast on large runs.
