//! logfmt: `ts=2026-11-22T17:15:03Z level=info msg="the shop opens" order_id=8812`.

use serde_json::{Map, Value};

/// The pairs of a line; `None` where it is not made of pairs. A word without a value is a truth.
pub(super) fn read(line: &str) -> Option<Map<String, Value>> {
    let mut pairs = Map::new();
    let mut rest = line.trim();
    let mut valued = 0;
    while !rest.is_empty() {
        let end =
            rest.find(|letter: char| letter == '=' || letter.is_whitespace() || letter == '"').unwrap_or(rest.len());
        let key = &rest[..end];
        let is_key =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@/".contains(&byte));
        if !is_key {
            return None;
        }
        rest = &rest[end..];
        let value = if let Some(behind) = rest.strip_prefix('=') {
            valued += 1;
            let (value, after) = value(behind)?;
            rest = after;
            value
        } else {
            Value::Bool(true)
        };
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return None;
        }
        rest = rest.trim_start();
        pairs.entry(key).or_insert(value);
    }
    // One pair among words is a sentence that mentions a setting.
    (valued >= 2 && valued * 2 >= pairs.len()).then_some(pairs)
}

/// A value, and what follows it.
fn value(text: &str) -> Option<(Value, &str)> {
    if !text.starts_with('"') {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Some((typed(&text[..end]), &text[end..]));
    }
    let mut is_escaped = false;
    let end = text[1..].find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })? + 1;
    let quoted = &text[..=end];
    let value = serde_json::from_str(quoted).unwrap_or_else(|_| Value::String(quoted[1..end].to_owned()));
    Some((value, &text[end + 1..]))
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
        assert_eq!(read(line).map(Value::Object), Some(expected));
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
