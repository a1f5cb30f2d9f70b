//! Questions to an index that may be damaged. The engine trusts its files: bytes that were changed on disk can make it stop
//! in the middle of an answer. That is an error like any other, not the end of the process.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// A question is being asked: should it fail, whoever asked says so.
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
}

/// The answer; `Err` with what went wrong where there is none.
pub(super) fn ask<T, E: ToString>(question: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    caught(question)?.map_err(|error| error.to_string())
}

/// What a function gives; `Err` where it panics.
pub(super) fn caught<T>(question: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |about| {
            if !IS_ASKED.get() {
                former(about);
            }
        }));
    });
    let before = IS_ASKED.replace(true);
    // What the question had begun to make is dropped with it, and the reader is not asked again.
    let answer = panic::catch_unwind(AssertUnwindSafe(question));
    IS_ASKED.set(before);
    answer.map_err(|why| {
        match why.downcast_ref::<String>().map(String::as_str).or(why.downcast_ref::<&str>().copied()) {
            Some(why) => format!("the index is damaged: {why}"),
            None => "the index is damaged".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        let answer = ask(|| -> Result<u8, String> { [1_u8; 0].first().copied().ok_or_else(|| panic!("no {}", 7)) });
        assert_eq!(answer, Err("the index is damaged: no 7".to_owned()));
        assert_eq!(ask(|| Ok::<_, String>(7)), Ok(7));
        assert_eq!(ask(|| Err::<u8, _>("bad")), Err("bad".to_owned()));
    }
}
