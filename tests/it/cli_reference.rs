//! That the reference of commands says what the program's help says, and that completions and manual pages are made of it.

use std::path::Path;

use crate::harness::Case;

#[test]
fn the_reference_is_what_the_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli-reference.md");
    let made = logq::cli::reference::markdown();
    if std::env::var_os("LOGQ_UPDATE").is_some() {
        std::fs::write(&path, &made).expect("the reference is written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/cli-reference.md is old: LOGQ_UPDATE=1 cargo test --test it cli_reference writes it");
}

#[test]
fn shells_are_told_of_commands_and_options() {
    let case = Case::new();
    for shell in ["bash", "zsh", "fish"] {
        let said = case.logq(&["completions", shell]).ended(0);
        assert!(said.out.contains("timeline") && said.out.contains("with-causes"), "{shell}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let case = Case::new();
    case.logq(&["man", "-o", "man"]).ended(0);
    let page = std::fs::read_to_string(case.path().join("man/logq-why.1")).expect("a page");
    assert!(page.contains(".TH") && page.contains("forward"));
    assert!(case.path().join("man/logq.1").exists());
    assert!(case.logq(&["man", "run"]).ended(0).out.contains("timeout"));
    assert!(case.logq(&["man", "nonsense"]).ended(2).err.contains("timeline"));
}
