//! `logq report`: that a page is written of any run, and what it says beside its picture. What it looks like is tested in a
//! browser (`tests/browser/`).

use crate::handmade::{Spool, shop};
use crate::harness::{Case, assert_has};

#[test]
fn a_page_is_one_file_that_loads_nothing() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let said = case.logq(&["report", "-o", "run.html"]).ended(0);
    assert!(said.err.contains("run.html") && said.out.is_empty(), "{}", said.err);
    let page = std::fs::read_to_string(case.path().join("run.html")).expect("a page");
    assert_has(&page, &["default-src 'none'", "script-src 'sha256-", "id=\"data\" type=\"text/plain\""]);
    let outside = ["src=\"http", "href=\"http", "url(http", "@import", "fetch("]
        .into_iter()
        .find(|outside| page.contains(outside));
    assert_eq!(outside, None);
}

#[test]
fn standard_output_takes_a_page_too() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let said = case.logq(&["report", "-o", "-"]).ended(0);
    assert!(said.out.starts_with("<!doctype html>") && said.out.trim_end().ends_with("</html>"));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let said = case.logq(&["report", "-o", "nowhere/run.html"]).ended(2);
    assert!(said.err.contains("nowhere/run.html"), "{}", said.err);
}
