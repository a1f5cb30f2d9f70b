//! The import rule of the house: every folder of `src/` imports only from the layers below it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and what it may import. A module that is missing here has no place in the house yet.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("query", &["record"]),
    ("spool", &["record", "query"]),
    ("intake", &["record", "spool"]),
    ("store", &["record", "query", "spool"]),
    ("collect", &["record", "query", "spool", "intake", "store"]),
    ("causality", &["record"]),
    ("diagnose", &["record", "causality"]),
    ("diff", &["record", "causality"]),
    ("view", &["record", "causality", "diagnose", "diff"]),
    ("investigation", &["record", "query", "spool", "store", "causality", "diagnose", "diff"]),
    ("care", &["record", "query", "spool", "intake", "store", "collect"]),
    ("launch", &["record", "query", "spool", "store", "causality", "diagnose", "investigation", "view"]),
    ("serve", &["record", "query", "spool", "store", "causality", "diagnose", "investigation", "view"]),
    (
        "cli",
        &[
            "record",
            "query",
            "spool",
            "intake",
            "store",
            "collect",
            "causality",
            "diagnose",
            "diff",
            "view",
            "investigation",
            "care",
            "launch",
            "serve",
        ],
    ),
];

/// Crates that only one place of the house may know.
const ONLY_IN: &[(&str, &str)] = &[
    ("clap", "src/cli/"),
    ("tantivy", "src/store/local/"),
    ("notify", "src/collect/"),
    ("axum", "src/serve/"),
    ("tokio", "src/serve/"),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of `src/`: its path from the root of the repository, and its text without comments.
fn house() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    sources(&root.join("src"), &mut paths);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a readable source");
        let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        (name, code.collect::<Vec<_>>().join("\n"))
    };
    paths.into_iter().map(read).collect()
}

/// The module of a file: `src/query/parse.rs` and `src/query.rs` are both `query`.
fn module_of(name: &str) -> &str {
    let inside = name.strip_prefix("src/").expect("a source");
    inside.split('/').next().expect("a name").trim_end_matches(".rs")
}

/// The modules that a text names after `crate::`, also inside `crate::{a, b}`.
fn imports(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let list = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
        let names = list.map_or_else(|| vec![rest], |list| list.split(',').collect());
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.push(name);
        }
    }
    found
}

#[test]
fn nobody_imports_upward() {
    let rules: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (name, code) in house() {
        let module = module_of(&name);
        if ["main", "lib"].contains(&module) {
            continue;
        }
        let Some(allowed) = rules.get(module) else {
            wrong.push(format!("{name}: `{module}` has no place in the house (MAY_IMPORT)"));
            continue;
        };
        for import in imports(&code) {
            if rules.contains_key(import.as_str()) && import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rule_itself_has_no_circle() {
    let mut below: Vec<&str> = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        for import in *allowed {
            assert!(below.contains(import), "{module} may import {import}, which does not stand before it");
        }
        below.push(module);
    }
}

#[test]
fn what_shapes_a_program_is_known_in_one_place() {
    let mut wrong = Vec::new();
    for (name, code) in house() {
        for (library, place) in ONLY_IN {
            let named = code.contains(&format!("{library}::")) || code.contains(&format!("use {library};"));
            if named && !name.starts_with(place) {
                wrong.push(format!("{name} knows {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut silent = Vec::new();
    for name in house().into_keys() {
        let text = fs::read_to_string(root.join(&name)).expect("a readable source");
        if !text.starts_with("//!") {
            silent.push(name);
        }
    }
    assert!(silent.is_empty(), "no opening paragraph: {}", silent.join(", "));
}

#[test]
fn nothing_is_called_utils() {
    let vague = ["utils", "util", "common", "helpers", "helper", "misc"];
    let named: Vec<String> =
        house().into_keys().filter(|name| name.split(['/', '.']).any(|part| vague.contains(&part))).collect();
    assert!(named.is_empty(), "{}", named.join(", "));
}
