//! A run as one page that needs nothing else: its parts (`page/`, plain modules that a browser could load one by one) put
//! together, with the packed picture between them.
//!
//! The picture is base64 and everything that the program said is inside it, so that no text of a program is ever HTML. The
//! page's policy lets nothing run but the one script and the one style sheet whose hashes stand in it, and nothing be loaded.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The modules of the page, each after those that it imports from.
const MODULES: &[(&str, &str)] = &[
    ("data.js", include_str!("page/data.js")),
    ("time.js", include_str!("page/time.js")),
    ("rows.js", include_str!("page/rows.js")),
    ("causes.js", include_str!("page/causes.js")),
    ("find.js", include_str!("page/find.js")),
    ("theme.js", include_str!("page/theme.js")),
    ("marks.js", include_str!("page/marks.js")),
    ("strokes.js", include_str!("page/strokes.js")),
    ("shapes.js", include_str!("page/shapes.js")),
    ("bars.js", include_str!("page/bars.js")),
    ("overview.js", include_str!("page/overview.js")),
    ("paint.js", include_str!("page/paint.js")),
    ("circle.js", include_str!("page/circle.js")),
    ("verdict.js", include_str!("page/verdict.js")),
    ("record.js", include_str!("page/record.js")),
    ("hands.js", include_str!("page/hands.js")),
    ("main.js", include_str!("page/main.js")),
];

/// A picture of fewer bytes is not compressed: an old browser, too, can open its page.
const SMALL: usize = 256 * 1024;

/// Writes the page of a packed picture.
pub fn write(title: &str, picture: &[u8], compress: bool, out: &mut dyn Write) -> io::Result<()> {
    let script = script();
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(&script)),
        STANDARD.encode(Sha256::digest(STYLE)),
    );
    let compress = compress && picture.len() >= SMALL;
    let mut rest = HTML;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "policy" => out.write_all(policy.as_bytes())?,
            "title" => out.write_all(escaped(title).as_bytes())?,
            "style" => out.write_all(STYLE.as_bytes())?,
            "coding" => out.write_all(if compress { b"gzip" } else { b"plain" })?,
            "picture" => write_picture(picture, compress, out)?,
            "script" => out.write_all(script.as_bytes())?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

fn write_picture(picture: &[u8], compress: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut coded = EncoderWriter::new(out, &STANDARD);
    if compress {
        let mut packed = GzEncoder::new(&mut coded, Compression::default());
        packed.write_all(picture)?;
        packed.finish()?;
    } else {
        coded.write_all(picture)?;
    }
    coded.finish().map(|_| ())
}

/// The modules as one: what they import and export of each other has one scope.
fn script() -> String {
    let mut script = String::from("\n");
    for (name, text) in MODULES {
        script.push_str(&format!("// ---- {name}\n"));
        for line in text.lines().filter(|line| !line.starts_with("import ")) {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_modules_name_nothing_twice() {
        let mut by: HashMap<&str, &str> = HashMap::new();
        for (module, text) in MODULES {
            for line in text.lines() {
                let line = line.strip_prefix("export ").unwrap_or(line);
                let line = line.strip_prefix("async ").unwrap_or(line);
                let words = ["function ", "const ", "let ", "class "];
                let Some(rest) = words.iter().find_map(|word| line.strip_prefix(word)) else { continue };
                let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                if let Some(other) = by.insert(name, module) {
                    assert!(name.is_empty(), "{name} is in {other} and in {module}");
                }
            }
        }
        assert!(by.len() > 20);
    }

    #[test]
    fn no_module_makes_html_of_text_and_none_ends_the_script() {
        for (module, text) in MODULES {
            for forbidden in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "</script", "<!--"]
            {
                assert!(!text.contains(forbidden), "{module} has {forbidden}");
            }
        }
    }

    #[test]
    fn a_title_is_text() {
        let mut page = Vec::new();
        write("</title><script>alert(1)</script>", b"picture", true, &mut page).expect("a page");
        let page = String::from_utf8(page).expect("text");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
        assert!(page.contains("default-src 'none'") && !page.contains("{{"));
    }
}
