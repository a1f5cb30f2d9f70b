//! Tracebacks as text, of Python, JavaScript and Java, taken apart into `{type, msg, stack, cause}`.

use serde_json::{Map, Value, json};

use super::without_colour;

/// What Python writes between an exception and the one that followed from it.
const LINKS: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

/// Frames and causes of one exception that are kept: a text may hold any number.
const MOST_FRAMES: usize = 500;
const MOST_CAUSES: usize = 16;

/// The first line of a Python traceback.
pub(super) const HEADING: &str = "Traceback (most recent call last):";

/// Whether a line, however indented, begins a traceback.
pub(super) fn begins(line: &str) -> bool {
    behind_heading(line).is_some()
}

fn behind_heading(line: &str) -> Option<&str> {
    let bare = line.trim_start_matches([' ', '|', '+', '-']);
    bare.strip_prefix("Exception Group ").unwrap_or(bare).strip_prefix(HEADING)
}

/// The exception that a text tells of; `None` where it is no traceback.
pub(super) fn parse(text: &str) -> Option<Value> {
    let text = without_colour(text);
    // In Python `at` is a name, and a line of code may begin with it.
    if !begins(text.trim_start()) && (text.contains("\n\tat ") || text.contains("\n    at ")) {
        return called_from(&text);
    }
    if !text.contains("File \"") {
        return None;
    }
    let mut told: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        if LINKS.contains(&line.trim()) {
            told.push(Vec::new());
        } else if let Some(last) = told.last_mut() {
            last.push(line);
        }
    }
    // The first one told is the first cause.
    let mut cause = None;
    for lines in told.iter().rev().take(MOST_CAUSES).rev() {
        let mut exception = python(lines)?;
        if let Some(cause) = cause.take() {
            exception.insert("cause".into(), Value::Object(cause));
        }
        cause = Some(exception);
    }
    cause.map(Value::Object)
}

fn python(lines: &[&str]) -> Option<Map<String, Value>> {
    let mut stack: Vec<Value> = Vec::new();
    let mut end: Vec<&str> = Vec::new();
    for line in lines {
        // Of the lines after the frames the first names the exception, all others go on with its message.
        if !end.is_empty() {
            end.push(line);
            continue;
        }
        if let Some(behind) = behind_heading(line) {
            // A second one that is not said to have followed: what came of the first is not known. And what stands behind
            // a heading has no place in an exception.
            if !stack.is_empty() || !behind.trim().is_empty() {
                return None;
            }
            continue;
        }
        let line = beside_the_drawing(line);
        // loguru marks the frame that caught it.
        let bare = line.trim_start_matches(['>', ' ', '\t']).trim_end();
        if let Some(frame) = frame(bare) {
            if stack.len() < MOST_FRAMES {
                stack.push(frame);
            }
        } else if line.starts_with([' ', '\t']) || bare.is_empty() {
            let says_nothing = bare.chars().all(|letter| "^~ ".contains(letter));
            match stack.last_mut() {
                _ if says_nothing => {}
                Some(frame) => add_code(frame, bare),
                None => return None,
            }
        } else {
            end.push(line);
        }
    }
    let end = end.join("\n");
    let (kind, msg) = type_and_message(&end);
    if kind.is_empty() && stack.is_empty() {
        return None;
    }
    let mut exception = Map::new();
    exception.insert("type".into(), kind.into());
    exception.insert("msg".into(), msg.into());
    exception.insert("stack".into(), stack.into());
    Some(exception)
}

/// A line of a group of exceptions without the line that is drawn at its side.
fn beside_the_drawing(line: &str) -> &str {
    match line.trim_start().strip_prefix('|') {
        Some(inside) => inside.strip_prefix(' ').unwrap_or(inside),
        None => line,
    }
}

fn add_code(frame: &mut Value, line: &str) {
    let code = match frame.get("code").and_then(Value::as_str) {
        Some(code) => format!("{code}\n{line}"),
        None => line.to_owned(),
    };
    if let Some(frame) = frame.as_object_mut() {
        frame.insert("code".into(), code.into());
    }
}

/// `File "shop.py", line 12, in sell`, of an error of syntax without the function. A line with anything else behind its
/// number is none, and stays as a line of code.
fn frame(line: &str) -> Option<Value> {
    let (file, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = rest[..digits].parse().ok()?;
    let function = match &rest[digits..] {
        "" => "",
        behind => behind.strip_prefix(", in ")?.trim_end(),
    };
    Some(json!({"file": file, "line": number, "func": function}))
}

/// `ValueError: no item 77` in its two parts.
pub(super) fn type_and_message(text: &str) -> (&str, &str) {
    let text = text.trim_end();
    match text.split_once(':') {
        Some((kind, msg)) if !kind.contains(char::is_whitespace) => (kind, msg.trim_start()),
        _ if !text.contains(char::is_whitespace) => (text, ""),
        _ => ("", text),
    }
}

/// JavaScript and Java write the innermost call first: `at sell (shop.js:12:5)`, `at shop.Orders.sell(Orders.java:12)`.
fn called_from(text: &str) -> Option<Value> {
    let mut told: Vec<(String, Vec<Value>)> = Vec::new();
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(call) = bare.strip_prefix("at ").filter(|_| bare.len() < line.len()) {
            let stack = &mut told.last_mut()?.1;
            if stack.len() < MOST_FRAMES {
                stack.push(call_frame(call));
            }
        } else if let Some(cause) = bare.strip_prefix("Caused by: ") {
            told.push((cause.to_owned(), Vec::new()));
        } else if told.is_empty() {
            told.push((bare.to_owned(), Vec::new()));
        } else if let (Some((head, _)), false) = (told.last_mut(), is_count(bare)) {
            head.push('\n');
            head.push_str(line);
        }
    }
    let mut cause: Option<Value> = None;
    for (head, mut stack) in told.into_iter().take(MOST_CAUSES).rev() {
        stack.reverse();
        let (kind, msg) = type_and_message(&head);
        let mut exception = json!({"type": kind, "msg": msg, "stack": stack});
        if let (Some(cause), Some(object)) = (cause.take(), exception.as_object_mut()) {
            object.insert("cause".into(), cause);
        }
        cause = Some(exception);
    }
    cause
}

/// `... 12 more`: calls that were told already.
fn is_count(line: &str) -> bool {
    let count = line.strip_prefix("... ").and_then(|rest| rest.trim_end().strip_suffix(" more"));
    count.is_some_and(|count| !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()))
}

fn call_frame(call: &str) -> Value {
    let (function, place) = match call.trim_end().strip_suffix(')').and_then(|call| call.rsplit_once('(')) {
        Some((function, place)) => (function.trim_end(), place),
        None => ("", call.trim_end()),
    };
    // `file:line:column` or `file:line`; a path may hold colons of its own.
    let mut parts: Vec<&str> = place.rsplitn(3, ':').collect();
    parts.reverse();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (file, line) = match parts[..] {
        [file, line, column] if is_number(line) && is_number(column) => (file.to_owned(), line.parse().unwrap_or(0)),
        [.., line] if parts.len() > 1 && is_number(line) => {
            (parts[..parts.len() - 1].join(":"), line.parse().unwrap_or(0))
        }
        _ => (place.to_owned(), 0_u64),
    };
    json!({"file": file, "line": line, "func": function})
}

/// structlog's `dict_tracebacks`: the exception, then what caused it.
pub(super) fn of_list(list: &[Value]) -> Option<Value> {
    let mut cause: Option<Value> = None;
    for told in list.iter().take(MOST_CAUSES).rev() {
        let told = told.as_object()?;
        let text = |key: &str| told.get(key).and_then(Value::as_str).unwrap_or_default();
        let frames = told.get("frames").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let stack: Vec<Value> = frames.iter().take(MOST_FRAMES).filter_map(listed_frame).collect();
        let kind = text("exc_type");
        if kind.is_empty() {
            return None;
        }
        let mut exception = json!({"type": kind, "msg": text("exc_value"), "stack": stack});
        if let (Some(cause), Some(object)) = (cause.take(), exception.as_object_mut()) {
            object.insert("cause".into(), cause);
        }
        cause = Some(exception);
    }
    cause
}

fn listed_frame(frame: &Value) -> Option<Value> {
    let text = |key: &str| frame.get(key).and_then(Value::as_str).unwrap_or_default();
    let line = frame.get("lineno").and_then(Value::as_u64).unwrap_or(0);
    let mut listed = json!({"file": text("filename"), "line": line, "func": text("name")});
    let code = text("line");
    if !code.is_empty() {
        listed.as_object_mut()?.insert("code".into(), code.into());
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_traceback_with_a_cause_is_taken_apart() {
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 3, in sell\n    stock[77]\n    ~~~~~^^^^\n\
                    KeyError: 77\n\nThe above exception was the direct cause of the following exception:\n\n\
                    Traceback (most recent call last):\n  File \"a.py\", line 9, in <module>\n    sell()\n\
                    shop.Error: no item:\n77\n";
        let exception = parse(text).expect("an exception");
        assert_eq!((&exception["type"], &exception["msg"]), (&json!("shop.Error"), &json!("no item:\n77")));
        assert_eq!(exception["stack"], json!([{"file": "a.py", "line": 9, "func": "<module>", "code": "sell()"}]));
        assert_eq!(exception["cause"]["type"], "KeyError");
        assert_eq!(exception["cause"]["stack"][0]["code"], "stock[77]");
    }

    #[test]
    fn of_what_stands_around_the_frames_nothing_is_lost() {
        // As pydantic tells it; a group; two of which none says that it followed from the other.
        let text = "Traceback (most recent call last):\n  File \"a.py\", line 3, in sell\n    Order(\n    ...<1 lines>...\n    )\n\
                    shop.Invalid: 1 error for Order\nid\n  Field required\n";
        let exception = parse(text).expect("an exception");
        assert_eq!(exception["msg"], "1 error for Order\nid\n  Field required");
        assert_eq!(exception["stack"][0]["code"], "Order(\n...<1 lines>...\n)");
        let text = "  + Exception Group Traceback (most recent call last):\n  |   File \"a.py\", line 3, in sell\n  |     work()\n\
                    \x20 | ExceptionGroup: two (2 sub-exceptions)\n  +-+---- 1 ----\n    | ValueError: 1\n    +----\n";
        let exception = parse(text).expect("an exception");
        assert_eq!((&exception["type"], &exception["stack"][0]["func"]), (&json!("ExceptionGroup"), &json!("sell")));
        assert!(exception["msg"].as_str().expect("a text").contains("| ValueError: 1"));
        let one = "Traceback (most recent call last):\n  File \"a.py\", line 3, in sell\n    x\nKeyError: 1\n";
        let exception = parse(&format!("{one}between\n{}", one.replace("KeyError", "OSError"))).expect("an exception");
        let msg = exception["msg"].as_str().expect("a text");
        assert!(msg.contains("between") && msg.contains("OSError: 1"), "{msg}");
    }

    #[test]
    fn what_only_begins_like_a_line_of_a_traceback_is_kept_whole() {
        let broken = "File \"a.py\", line 33, ixx {\"order\": 7}";
        let text = format!("{HEADING}\n  File \"a.py\", line 3, in sell\n  {broken}\nKeyError: 1\n");
        let exception = parse(&text).expect("an exception");
        assert_eq!(exception["stack"], json!([{"file": "a.py", "line": 3, "func": "sell", "code": broken}]));
        // Where no frame can take it all of the text stays a text.
        assert_eq!(parse(&format!("{HEADING}\n  {broken}\nKeyError: 1\n")), None);
        assert_eq!(
            parse(&format!("{HEADING} order 7 {HEADING}\n  File \"a.py\", line 3, in sell\nKeyError: 1\n")),
            None
        );
        let text = format!("{HEADING}\n  File \"a.py\", line 3\n    1 +\nSyntaxError: invalid syntax\n");
        let exception = parse(&text).expect("an exception");
        assert_eq!(exception["stack"], json!([{"file": "a.py", "line": 3, "func": "", "code": "1 +"}]));
        // A line of Python that begins as a call does elsewhere.
        let text = format!("{HEADING}\n  File \"a.py\", line 3, in sell\n    at = 1 / 0\nZeroDivisionError: by zero\n");
        let exception = parse(&text).expect("an exception");
        assert_eq!(
            (&exception["type"], &exception["stack"][0]["code"]),
            (&json!("ZeroDivisionError"), &json!("at = 1 / 0"))
        );
        let text = "a.B: no\n\tat a.B.c(B.java:1)\n\t... 12 more\n... order 7 and more";
        assert_eq!(parse(text).expect("an exception")["msg"], "no\n... order 7 and more");
    }

    #[test]
    fn calls_of_javascript_and_java_are_turned_round() {
        let text = "TypeError: no item 77\n    at sell (file:///shop.js:4:11)\n    at node:internal/main:5:3";
        let exception = parse(text).expect("an exception");
        assert_eq!(exception["type"], "TypeError");
        assert_eq!(exception["stack"][1], json!({"file": "file:///shop.js", "line": 4, "func": "sell"}));
        let text = "shop.Failed: no\n\tat shop.Orders.sell(Orders.java:12)\nCaused by: java.io.IOException\n\tat a.B.c(B.java:1)";
        let exception = parse(text).expect("an exception");
        assert_eq!(exception["stack"][0], json!({"file": "Orders.java", "line": 12, "func": "shop.Orders.sell"}));
        assert_eq!(exception["cause"]["type"], "java.io.IOException");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(File \"|\", line |Traceback|\n|\n    at |:|\\(|\\)|[a-z0-9 ]{0,4}){0,30}") {
            let _ = parse(&text);
        }
    }
}
