//! Bytes that nobody has thought of: real lines and texts, changed at random, for whatever reads what somebody else wrote. A
//! second of them in `make test`, ten minutes for each reader in `make soak`.

use std::time::{Duration, Instant};

const USUALLY: Duration = Duration::from_secs(1);
const SOAKING: Duration = Duration::from_secs(600);

/// How many bytes a changed text has at most.
const LONGEST: usize = 4096;

/// Shows `check` one changed text after the other. Where it panics the text is printed.
pub(crate) fn each(corpus: &[impl AsRef<[u8]>], mut check: impl FnMut(&[u8])) {
    let soak = std::env::var_os("LOGQ_SOAK").is_some();
    let mut random = fastrand::Rng::with_seed(if soak { fastrand::u64(..) } else { 7 });
    let (begun, mut texts) = (Instant::now(), 0_u64);
    while begun.elapsed() < if soak { SOAKING } else { USUALLY } {
        for _ in 0..256 {
            let told = Told(changed(corpus, &mut random));
            check(&told.0);
            texts += 1;
        }
    }
    println!("{texts} texts in {} s", begun.elapsed().as_secs());
}

/// Shows `check` those changed texts that still are text.
pub(crate) fn texts(corpus: &[impl AsRef<[u8]>], mut check: impl FnMut(&str)) {
    each(corpus, |text| {
        if let Ok(text) = std::str::from_utf8(text) {
            check(text);
        }
    });
}

struct Told(Vec<u8>);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was: b\"{}\"", self.0.escape_ascii());
        }
    }
}

/// One of the texts after a few changes; now and then nothing but noise.
fn changed(corpus: &[impl AsRef<[u8]>], random: &mut fastrand::Rng) -> Vec<u8> {
    if random.u8(..) == 0 {
        return (0..random.usize(..64)).map(|_| random.u8(..)).collect();
    }
    let mut text = corpus[random.usize(..corpus.len())].as_ref().to_vec();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=text.len());
        let end = random.usize(at..=text.len().min(at + 24));
        match random.u8(..8) {
            0 => text.truncate(at),
            1 => drop(text.splice(at..end, [])),
            2 => text.insert(at, random.u8(..)),
            3 if at < text.len() => text[at] ^= 1 << random.u8(..8),
            // What stands elsewhere, in this text or in another one, stands here too.
            4 | 5 => {
                let other = corpus[random.usize(..corpus.len())].as_ref();
                let from = random.usize(..=other.len());
                let until = random.usize(from..=other.len().min(from + 40));
                drop(text.splice(at..end, other[from..until].iter().copied()));
            }
            _ => {
                let word = ODD[random.usize(..ODD.len())].as_bytes();
                drop(text.splice(at..end, word.iter().copied()));
            }
        }
        text.truncate(LONGEST);
    }
    text
}

/// What often stands where programs go wrong.
const ODD: [&str; 40] = [
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "\\u0000",
    "\0",
    "\x1b[31m",
    "\u{202e}",
    "é",
    "\u{ffff}",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[",
    "{}",
    "[]",
    ",",
    ",,",
    ":",
    "null",
    "true",
    "-",
    "-0",
    "00",
    "0.5",
    "1e999",
    "-1e-999",
    "18446744073709551616",
    "9223372036854775808",
    "-9223372036854775809",
    " ",
    "\t",
    "\n",
    "\"ts\":",
    "\"ev\":\"exc\"",
    "\"again\":true",
    "t0@0",
    "t18446744073709551615@1",
    "1969-12-31T23:59:59.999999999Z",
];
