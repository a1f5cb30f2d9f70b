//! Pages: their parts (`page/`, plain modules that a browser could load one by one) put together. The page of a run that is
//! written to a file has the packed picture in it and needs nothing else; served, it is the same for every run, and asks for it.
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

/// What all pages begin with, and look like.
const HEAD: &str = include_str!("page/head.html");
const STYLE: &str = include_str!("page/page.css");

/// A module of a page: its name and its text.
type Module = (&'static str, &'static str);

/// A page: its body, what it looks like beside what all pages look like, and its modules, each after those that it
/// imports from.
struct Page {
    html: &'static str,
    style: &'static str,
    modules: &'static [Module],
}

/// The modules that begin the page of a run: one has the picture, the other asks for it.
const STILL: Module = ("still.js", include_str!("page/still.js"));
const LIVE: Module = ("live.js", include_str!("page/live.js"));

/// How pages ask the server that gave them.
const ASKING: Module = ("asking.js", include_str!("page/asking.js"));

const RUN: Page = Page {
    html: include_str!("page/page.html"),
    style: "",
    modules: &[
        ("data.js", include_str!("page/data.js")),
        ("element.js", include_str!("page/element.js")),
        ("time.js", include_str!("page/time.js")),
        ("rows.js", include_str!("page/rows.js")),
        ("causes.js", include_str!("page/causes.js")),
        ("again.js", include_str!("page/again.js")),
        ("find.js", include_str!("page/find.js")),
        ("theme.js", include_str!("page/theme.js")),
        ("marks.js", include_str!("page/marks.js")),
        ("strokes.js", include_str!("page/strokes.js")),
        ("shapes.js", include_str!("page/shapes.js")),
        ("legend.js", include_str!("page/legend.js")),
        ("bars.js", include_str!("page/bars.js")),
        ("overview.js", include_str!("page/overview.js")),
        ("paint.js", include_str!("page/paint.js")),
        ("circle.js", include_str!("page/circle.js")),
        ("verdict.js", include_str!("page/verdict.js")),
        ("record.js", include_str!("page/record.js")),
        ("hands.js", include_str!("page/hands.js")),
        ("main.js", include_str!("page/main.js")),
    ],
};

const STORE: Page = Page {
    html: include_str!("page/store.html"),
    style: include_str!("page/store.css"),
    modules: &[
        ("element.js", include_str!("page/element.js")),
        ("theme.js", include_str!("page/theme.js")),
        ASKING,
        ("store.js", include_str!("page/store.js")),
    ],
};

/// Where the picture of a run comes from.
pub enum Source<'a> {
    /// It is in the page, which then needs nothing else; compressed, unless an old browser is to open it.
    Within { picture: &'a [u8], compress: bool },
    /// The server that gave the page has it; which run it is stands in the page's address.
    Asked,
}

/// A picture of fewer bytes is not compressed: an old browser, too, can open its page.
const SMALL: usize = 256 * 1024;

/// Writes the page of a run.
///
/// # Errors
/// What `out` answers.
pub fn write(title: &str, source: &Source, out: &mut dyn Write) -> io::Result<()> {
    RUN.write(title, Some(source), out)
}

/// Writes the page of a store: its runs, and searching them. It asks the server that gave it.
///
/// # Errors
/// What `out` answers.
pub fn write_store(out: &mut dyn Write) -> io::Result<()> {
    STORE.write("logq", None, out)
}

impl Page {
    fn write(&self, title: &str, source: Option<&Source>, out: &mut dyn Write) -> io::Result<()> {
        let begins: &[Module] = match source {
            None => &[],
            Some(Source::Asked) => &[ASKING, LIVE],
            Some(Source::Within { .. }) => &[STILL],
        };
        let (style, script) = (format!("{STYLE}{}", self.style), self.script(begins));
        let asks = if matches!(source, Some(Source::Within { .. })) { "" } else { "; connect-src 'self'" };
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'{asks}; base-uri 'none'; form-action 'none'",
            STANDARD.encode(Sha256::digest(&script)),
            STANDARD.encode(Sha256::digest(&style)),
        );
        let frame = format!("{HEAD}{}", self.html);
        let mut rest = frame.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            out.write_all(before.as_bytes())?;
            let (name, after) = after.split_once("}}").unwrap_or((after, ""));
            match (name, source) {
                ("policy", _) => out.write_all(policy.as_bytes())?,
                ("title", _) => out.write_all(escaped(title).as_bytes())?,
                ("style", _) => out.write_all(style.as_bytes())?,
                ("source", Some(source)) => source.write(out)?,
                ("script", _) => out.write_all(script.as_bytes())?,
                _ => {}
            }
            rest = after;
        }
        out.write_all(rest.as_bytes())
    }

    /// The modules as one: what they import and export of each other has one scope.
    fn script(&self, begins: &[Module]) -> String {
        let mut script = String::from("\n");
        for (name, text) in self.modules.iter().chain(begins) {
            script.push_str(&format!("// ---- {name}\n"));
            for line in text.lines().filter(|line| !line.starts_with("import ")) {
                script.push_str(line.strip_prefix("export ").unwrap_or(line));
                script.push('\n');
            }
        }
        script
    }
}

impl Source<'_> {
    /// The rest of the element that may hold the picture: attributes, `>`, content.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (picture, compress) = match self {
            Source::Asked => return write!(out, ">"),
            Source::Within { picture, compress } => (picture, *compress && picture.len() >= SMALL),
        };
        write!(out, "data-coding=\"{}\">", if compress { "gzip" } else { "plain" })?;
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
        let pages: [(&Page, &[Module]); 3] = [(&RUN, &[STILL]), (&RUN, &[ASKING, LIVE]), (&STORE, &[])];
        for (page, begins) in pages {
            let mut by: HashMap<&str, &str> = HashMap::new();
            for (module, text) in page.modules.iter().chain(begins) {
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
            assert!(by.len() > 5);
        }
    }

    #[test]
    fn no_module_makes_html_of_text_and_none_ends_the_script() {
        for (module, text) in RUN.modules.iter().chain(STORE.modules).chain(&[STILL, LIVE, ASKING]) {
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
        let source = Source::Within { picture: b"picture", compress: true };
        write("</title><script>alert(1)</script>", &source, &mut page).expect("a page");
        let page = String::from_utf8(page).expect("text");
        assert!(page.contains("<title>&lt;/title&gt;&lt;script&gt;alert(1)") && !page.contains("<script>alert"));
        assert!(page.contains("default-src 'none'") && !page.contains("connect-src") && !page.contains("{{"));
    }

    #[test]
    fn a_page_that_asks_may_ask_its_own_server_and_nobody_else() {
        for write in [|out: &mut Vec<u8>| write("run", &Source::Asked, out), |out: &mut Vec<u8>| write_store(out)] {
            let mut page = Vec::new();
            write(&mut page).expect("a page");
            let page = String::from_utf8(page).expect("text");
            assert!(page.contains("connect-src 'self';") && !page.contains("{{"));
        }
    }
}
