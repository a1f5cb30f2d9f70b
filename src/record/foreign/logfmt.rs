//! logfmt: `ts=2026-11-22T17:15:03Z level=info msg="the shop opens" order_id=8812`.

use std::collections::HashSet;

use serde_json::Value;

/// The pairs of a line; `None` where it is not made of pairs. A word without a value is a truth.
pub(super) fn read(line: &str) -> Option<Vec<(&str, Value)>> {
    let mut pairs: Vec<(&str, Value)> = Vec::new();
    let mut names: HashSet<&str> = HashSet::new();
    let mut valued = 0;
    walk(line, |key, text| {
        valued += usize::from(text.is_some());
        // Of several with one name the first counts.
        if names.insert(key) {
            pairs.push((key, text.map_or(Value::Bool(true), value)));
        }
    })?;
    is_enough(valued, pairs.len()).then_some(pairs)
}

/// Whether a line is made of pairs.
pub(super) fn is_one(line: &str) -> bool {
    let (mut valued, mut all) = (0, 0);
    let walked = walk(line, |_, text| {
        valued += usize::from(text.is_some());
        all += 1;
    });
    // Of words that are repeated only the first counts.
    walked.is_some() && (is_enough(valued, all) || read(line).is_some())
}

/// One pair among words is a sentence that mentions a setting.
fn is_enough(valued: usize, all: usize) -> bool {
    valued >= 2 && valued * 2 >= all
}

/// Gives each key of a line and what stands behind its mark; `None` where something else is met.
fn walk<'a>(line: &'a str, mut each: impl FnMut(&'a str, Option<&'a str>)) -> Option<()> {
    let mut rest = line.trim();
    while !rest.is_empty() {
        let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-@/".contains(byte);
        let end = rest.bytes().position(|byte| !is_key(&byte)).unwrap_or(rest.len());
        let (key, behind) = rest.split_at_checked(end).filter(|(key, _)| !key.is_empty())?;
        let text = match behind.strip_prefix('=') {
            Some(behind) => Some(&behind[..value_end(behind)?]),
            None => None,
        };
        each(key, text);
        let after = &behind[text.map_or(0, |text| text.len() + 1)..];
        rest = after.trim_start();
        // What stands behind a key or a value is set off from it.
        (after.is_empty() || rest.len() < after.len()).then_some(())?;
    }
    Some(())
}

/// Where a value ends, with its quotes.
fn value_end(text: &str) -> Option<usize> {
    if !text.starts_with('"') {
        return Some(text.find(char::is_whitespace).unwrap_or(text.len()));
    }
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', &bytes[at..])?;
        match bytes[at] {
            b'"' => return Some(at + 1),
            // With what it stands before.
            _ => at += 2,
        }
        (at <= bytes.len()).then_some(())?;
    }
}

fn value(text: &str) -> Value {
    let Some(quoted) = text.strip_prefix('"') else { return typed(text) };
    let plain = quoted.strip_suffix('"').unwrap_or(quoted);
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(plain.to_owned()))
}

/// Whole numbers and truth values as such; anything else is a text, as a version or an address with dots is.
pub(super) fn typed(text: &str) -> Value {
    let is_plain = !text.starts_with('0') || text == "0" || text.starts_with("0.");
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if is_plain && text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-') => {
            match text.parse::<serde_json::Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text.to_owned()),
            }
        }
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pairs_are_read_and_sentences_are_not() {
        let line = r#"ts=2026-11-22T17:15:03Z msg="a \"b\"\nc" n=12 ok=true ip=10.0.0.1 raw zero=007 e="#;
        let expected = json!({"ts": "2026-11-22T17:15:03Z", "msg": "a \"b\"\nc", "n": 12, "ok": true, "ip": "10.0.0.1",
                              "raw": true, "zero": "007", "e": ""});
        let object = read(line).map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect());
        assert_eq!(object.map(Value::Object), Some(expected));
        for line in ["", "the shop opens", "set debug=true in the settings", "a=1", "x=\"open", "a=1 b=\"2\"c"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[a-z=\" \\\\0-9é.]{0,40}|.{0,40}") {
            let _ = read(&line);
        }
    }
}
