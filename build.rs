//! Puts the Python package into the binary: a table of its files and a hash of their names and contents.
//!
//! `logq run` unpacks them (`src/launch/package.rs`). Only sources are taken, never what an interpreter or an
//! editor left beside them, so that two builds of one commit carry the same bytes.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the package is: in the repository, and in the source archive of a wheel.
const PACKAGES: [&str; 2] = ["python-handler/src/logq", "src/logq"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let found = PACKAGES.map(|package| here.join(package)).into_iter().find(|root| root.is_dir());
    let root = found.ok_or("no Python package for the binary to carry in python-handler/src/logq")?;
    let mut files = Vec::new();
    gather(&root, &root, &mut files)
        .map_err(|error| format!("{}, which the binary carries: {error}", root.display()))?;
    files.sort();
    let table = PathBuf::from(env::var("OUT_DIR")?).join("python_package.rs");
    fs::write(table, rust_of(&root, &files)?)?;
    Ok(())
}

/// Adds the package's files below `folder` to `files`, as paths relative to `root` with `/` between.
fn gather(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    // The folder itself too: a new file changes no file that cargo knows.
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            gather(root, &path, files)?;
        } else if name.ends_with(".py") || name == "py.typed" {
            println!("cargo:rerun-if-changed={}", path.display());
            let relative = path.strip_prefix(root)?.to_str().ok_or("a path that is not UTF-8")?;
            files.push(relative.replace('\\', "/"));
        }
    }
    Ok(())
}

fn rust_of(root: &Path, files: &[String]) -> Result<String, Box<dyn Error>> {
    let mut hash = Fnv::new();
    let mut rust = String::from("pub(super) const FILES: &[(&str, &[u8])] = &[\n");
    for file in files {
        let path = root.join(file);
        let content = fs::read(&path)?;
        hash.add(file.as_bytes());
        hash.add(&content.len().to_le_bytes());
        hash.add(&content);
        writeln!(rust, "    ({file:?}, include_bytes!({:?})),", path.to_str().ok_or("a path that is not UTF-8")?)?;
    }
    writeln!(rust, "];\npub(super) const HASH: &str = \"{:016x}\";", hash.0)?;
    Ok(rust)
}

/// FNV-1a. The hash only names a folder; what is in it is compared byte by byte before it is used.
struct Fnv(u64);

impl Fnv {
    fn new() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
