//! The grammar: texts and the queries that they are, errors and where they point.

use proptest::prelude::*;

use crate::query::{Pattern, Query, parse};
use crate::record::mutated;
use crate::record::time::parse_rfc3339;

fn now() -> i64 {
    parse_rfc3339("2026-11-22T10:00:00Z").expect("a time")
}

/// What the text is read as. Debug shows the tree, in short.
fn tree(query: &Query) -> String {
    let many =
        |name: &str, queries: &[Query]| format!("{name}[{}]", queries.iter().map(tree).collect::<Vec<_>>().join(", "));
    match query {
        Query::All => "all".to_owned(),
        Query::And(queries) => many("and", queries),
        Query::Or(queries) => match queries.as_slice() {
            [Query::Is { pattern, .. }, ..] if *query == Query::bare(pattern.clone()) => pattern_tree(pattern),
            _ => many("or", queries),
        },
        Query::Not(query) => format!("not {}", tree(query)),
        Query::Is { field, pattern } => format!("{field} is {}", pattern_tree(pattern)),
        Query::Compare { field, op, bound } => format!("{field} {op:?} {bound:?}"),
        Query::Exists(field) => format!("{field} exists"),
        Query::Matches { field, regex } => format!("{field} ~ {}", regex.as_str()),
    }
}

fn pattern_tree(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Words { text } => format!("<{text}>"),
        Pattern::Glob { text } => format!("glob<{text}>"),
    }
}

fn check(text: &str, expected: &str) {
    match parse(text, now()) {
        Ok(parsed) => {
            assert_eq!(tree(&parsed.query), expected, "{text}");
            let printed = parsed.query.to_string();
            let again = parse(&printed, now()).unwrap_or_else(|error| panic!("{printed}: {error}"));
            assert_eq!(again.query, parsed.query, "{text} is printed as {printed}");
        }
        Err(error) => panic!("{text}: {error}\n{}", error.pointing(text)),
    }
}

/// Message, the query with its carets, hints.
fn check_error(text: &str, expected: &str) {
    let said = match parse(text, now()) {
        Ok(parsed) => format!("no error: {}", tree(&parsed.query)),
        Err(error) => {
            let mut said = vec![error.message.clone(), error.pointing(text)];
            said.extend(error.hints);
            said.join("\n")
        }
    };
    assert_eq!(said, expected, "{text}");
}

#[test]
fn words_and_phrases() {
    check("", "all");
    check("  \n ", "all");
    check("*", "all");
    check("*:*", "all");
    check("timeout", "<timeout>");
    check("Überfällig 数据", "and[<Überfällig>, <数据>]");
    check("\"out of stock\"", "<out of stock>");
    check("'out of stock'", "<out of stock>");
    check(r#""say \"hi\" to C:\temp \\ it's""#, r#"<say "hi" to C:\temp \ it's>"#);
    check("don't", "<don't>");
    check("order*", "glob<order*>");
    check(r"order\*", "<order*>");
    check(r"wh\?t*", r"glob<wh\?t*>");
    check("\"order*\"", "<order*>");
    check("foo-bar", "<foo-bar>");
    check("a->b items[0]", "and[<a->b>, <items[0]>]");
    check("<lambda> ~/logs", "and[<<lambda>>, <~/logs>]");
    check("http://x/y?z", "glob<http://x/y?z>");
    check("17:15:03", "<17:15:03>");
}

#[test]
fn connectives() {
    check("a b", "and[<a>, <b>]");
    check("a AND b AND c", "and[<a>, <b>, <c>]");
    check("a b OR c d", "or[and[<a>, <b>], and[<c>, <d>]]");
    check("a (b OR c)", "and[<a>, or[<b>, <c>]]");
    check("(a OR b) OR c", "or[or[<a>, <b>], <c>]");
    check("a (b c)", "and[<a>, and[<b>, <c>]]");
    check("((a))", "<a>");
    check("NOT a b", "and[not <a>, <b>]");
    check("NOT (a b)", "not and[<a>, <b>]");
    check("NOT NOT a", "not not <a>");
    check("-a +b -(c OR d)", "and[not <a>, <b>, not or[<c>, <d>]]");
    check("a OR -b", "or[<a>, not <b>]");
    check("not and or", "and[<not>, <and>, <or>]");
    check("NOTE ORder AND\"x\"", "and[<NOTE>, <ORder>, <x>]");
    check("\"AND\"", "<AND>");
    check("f(x)", "and[<f>, <x>]");
    check("a\"b c\"", "and[<a>, <b c>]");
}

#[test]
fn fields_and_values() {
    check("logger:shop.*", "logger is glob<shop.*>");
    check("logger:\"\"", "logger is <>");
    check("order_id:8812", "order_id is <8812>");
    check("exc.type:ValueError", "exc.type is <ValueError>");
    check("msg:\"out of stock\"", "msg is <out of stock>");
    check("url:http://x/y", "url is <http://x/y>");
    check("obj:queue:2", "obj is <queue:2>");
    check("t:-5", "t is <-5>");
    check("func:<lambda>", "func is <<lambda>>");
    check("(name_of:<lambda>)", "name_of is <<lambda>>");
    check("user:*", "user exists");
    check("user=x user==x user!=x", "and[user is <x>, user is <x>, not user is <x>]");
    check("status = 500", "status is <500>");
    check("level: ERROR", "level is <ERROR>");
    check("-level:debug", "not level is <debug>");
    check("levelname:warn threadName:w-1", "and[level is <warn>, thread is <w-1>]");
    check("level:aud*", "level is glob<aud*>");
    check("level:35", "level is <35>");
    check("\"my key\":x \"order_id\": 8812", "and[my key is <x>, order_id is <8812>]");
    check("extra.msg:x", "msg is <x>");
    assert_ne!(parse("extra.msg:x", 0), parse("msg:x", 0));
    check("extra.extra.a:x", "extra.a is <x>");
    check("user:(ann bob \"c d\")", "or[user is <ann>, user is <bob>, user is <c d>]");
    check("user:(ann OR bob, cy*)", "or[user is <ann>, user is <bob>, user is glob<cy*>]");
    check("user:IN [a b] user: IN[c]", "and[or[user is <a>, user is <b>], user is <c>]");
    check("user:IN (a b)", "or[user is <a>, user is <b>]");
    check("user:IN", "user is <IN>");
    check("user!=(a b)", "not or[user is <a>, user is <b>]");
}

#[test]
fn ranges_and_comparisons() {
    check("ms:[100 TO *]", "ms AtLeast Int(100)");
    check("ms:{1 TO 5.5}", "and[ms More Int(1), ms Less Float(5.5)]");
    check("ms:[1 TO 5}", "and[ms AtLeast Int(1), ms Less Int(5)]");
    check("ms:[* TO *]", "ms exists");
    check("ms: [ -5  TO  \"5\" ]", "and[ms AtLeast Int(-5), ms AtMost Text(\"5\")]");
    check("ms>=1 ms>2 ms<3 ms<=4", "and[ms AtLeast Int(1), ms More Int(2), ms Less Int(3), ms AtMost Int(4)]");
    check("ms=>1 ms=<2", "and[ms AtLeast Int(1), ms AtMost Int(2)]");
    check("ms:>5 ms:>= 6 ms > 7", "and[ms More Int(5), ms AtLeast Int(6), ms More Int(7)]");
    check("ms>5.0", "ms More Float(5.0)");
    check("pid>18446744073709551616", "pid More Float(1.8446744073709552e19)");
    check("logger>=Shop", "logger AtLeast Text(\"shop\")");
    check("version>1.2.3", "version More Text(\"1.2.3\")");
    check("level>=warning", "level AtLeast Level(30)");
    check("level:[info TO 45}", "and[level AtLeast Level(20), level Less Level(45)]");
    check("NOT ms:[1 TO 5] x", "and[not and[ms AtLeast Int(1), ms AtMost Int(5)], <x>]");
}

#[test]
fn expressions() {
    check(r#"msg~"order \d+""#, r"msg ~ order \d+");
    check(r#"msg~"say \"hi\" \\d""#, r#"msg ~ say "hi" \\d"#);
    check(r"msg~order\s(no|id)\d+", r"msg ~ order\s(no|id)\d+");
    check(r"(msg~^a(b)$)", "msg ~ ^a(b)$");
    check(r#"url~'^"x' a!~b msg =~ c"#, r#"and[url ~ ^"x, not a ~ b, msg ~ c]"#);
    check("level~^ERR", "level ~ ^ERR");
}

#[test]
fn times() {
    let ts = |text: &str| parse_rfc3339(text).expect("a time");
    let at = ts("2026-11-22T17:15:03Z");
    check("ts>=2026-11-22T17:15:03Z", &format!("ts AtLeast Time({at})"));
    check("ts<=2026-11-22T17:15:03Z", &format!("ts Less Time({})", at + 1_000_000_000));
    check("ts>2026-11-22T17:15:03Z", &format!("ts AtLeast Time({})", at + 1_000_000_000));
    check("ts>2026-11-22T17:15:03.000000000Z", &format!("ts More Time({at})"));
    check("time:2026-11-22T17:15:03Z", &format!("and[ts AtLeast Time({at}), ts Less Time({})]", at + 1_000_000_000));
    check("ts>=-5m", &format!("ts AtLeast Time({})", now() - 300_000_000_000));
    check(
        "ts:[-1h TO now]",
        &format!("and[ts AtLeast Time({}), ts AtMost Time({})]", now() - 3_600_000_000_000, now()),
    );
    check("ts>=2026-11-22 17:15:03Z x", &format!("and[ts AtLeast Time({at}), <x>]"));
    check("ts:[\"2026-11-22 17:15:03Z\" TO *]", &format!("ts AtLeast Time({at})"));
    check("ts:[2026-11-22 17:15:03Z TO *]", &format!("ts AtLeast Time({at})"));
    assert_eq!(parse("ts>=2026-11-22 17", 0).map(|parsed| tree(&parsed.query).contains("<17>")), Ok(true));
}

#[test]
fn record_ids() {
    check("1.t3@17", "and[process is <1>, lane is <t3>, seq is <17>]");
    check("x 4242-k3f9xz/a1@2", "and[<x>, and[proc is <4242-k3f9xz>, lane is <a1>, seq is <2>]]");
    check("t3@17", "and[lane is <t3>, seq is <17>]");
    check("\"t3@17\" q3@17", "and[<t3@17>, <q3@17>]");
}

#[test]
fn fields_are_named_with_their_places() {
    let parsed = parse("x user:(a b) (\"my key\">5 OR ms:[1 TO 2])", 0).expect("a query");
    let named: Vec<_> = parsed.fields.iter().map(|named| (named.field.name(), named.at.clone())).collect();
    assert_eq!(named, [("user", 2..6), ("my key", 14..22), ("ms", 28..30)]);
}

#[test]
fn what_does_not_close() {
    check_error(
        "a \"b c",
        "this quote is never closed\na \"b c\n  ^\nto search for the character itself, write `\\\"`",
    );
    check_error("a (b", "this parenthesis is never closed\na (b\n  ^");
    check_error("a) b", "this parenthesis was never opened\na) b\n ^");
    check_error(")", "this parenthesis was never opened\n)\n^");
    check_error("a ()", "there is nothing in these parentheses\na ()\n  ^^");
    check_error("(", "the query ends too early\n(\n ^");
    check_error("u:(a b", "this bracket is never closed\nu:(a b\n  ^");
    check_error("u:()", "there is nothing in these brackets\nu:()\n  ^^");
    check_error(
        "u:(a AND b)",
        "the values in brackets are alternatives\nu:(a AND b)\n     ^\nwrite `u:a AND u:b`, or `-u:a`",
    );
    check_error(
        "ms:[1 5]",
        "this range is not whole\nms:[1 5]\n   ^^^\nwrite `ms:[FROM TO TO]`, like `ms:[1 TO 5]` or `ms:{1 TO *]`",
    );
    check_error(
        "ms:[1 TO 5",
        "this range is not whole\nms:[1 TO 5\n   ^^^^^^^\nwrite `ms:[FROM TO TO]`, like `ms:[1 TO 5]` or `ms:{1 TO *]`",
    );
    check_error("ms:[TO 5]", "an end of this range is missing\nms:[TO 5]\n    ^\nan open end is written `*`");
}

#[test]
fn what_misses_a_side() {
    let itself = |word: &str| format!("to search for the word itself, write `\"{word}\"` or `{}`", word.to_lowercase());
    check_error("AND a", &format!("there is nothing for this `AND` on its left\nAND a\n^^^\n{}", itself("AND")));
    check_error("a OR", &format!("there is nothing for this `OR` on its right\na OR\n  ^^\n{}", itself("OR")));
    check_error(
        "a OR OR b",
        &format!("there is nothing for this `OR` on its left\na OR OR b\n     ^^\n{}", itself("OR")),
    );
    check_error("a NOT ", &format!("there is nothing for this `NOT` on its right\na NOT \n  ^^^\n{}", itself("NOT")));
    check_error(
        "a level:",
        "`level` has no value\na level:\n        ^\n`level:*` finds the records that have any; to search for the text itself, put it in quotes",
    );
    check_error("\"\":x", "a field needs a name\n\"\":x\n^^");
}

#[test]
fn values_that_do_not_fit() {
    check_error("a pid:abc", "`pid` is a number, and `abc` is none\na pid:abc\n      ^^^");
    check_error("line>=1x", "`line` is a number, and `1x` is none\nline>=1x\n      ^^");
    check_error(
        "pid:4*",
        "`pid` is a number: it has no `*` or `?`\npid:4*\n    ^^\na range is written `pid:[FROM TO TO]` or `pid>=FROM`",
    );
    check_error(
        "level:eror",
        "no level is called `eror`\nlevel:eror\n      ^^^^\ndid you mean `ERROR`?\nlevels are DEBUG, INFO, WARNING, ERROR, CRITICAL, their usual other spellings, and numbers like 35; `level:name*` finds a level of the program's own",
    );
    check_error(
        "msg>a",
        "`msg` is text: it has no order\nmsg>a\n    ^\nwords are found with `msg:word`, patterns with `msg~regex`",
    );
    check_error(
        "ts>=soon",
        "`soon` is no time\nts>=soon\n    ^^^^\nwrite a time as `2026-11-22T17:15:03.12Z`, `2026-11-22 17:15:03.12` (local), `2026-11-22`, `17:15:03` (today) or `-5m`",
    );
    check_error("ts:-5m", "`-5m` is a moment, which hardly any record meets\nts:-5m\n   ^^^\nwrite `ts>=-5m`");
    check_error("ts~x", "`ts` is a time: expressions search text\nts~x\n   ^");
    check_error("a ->", "`>` holds no word to search for\na ->\n   ^\n`msg~\">\"` searches for any characters");
    check_error("\"\"", "there is no word to search for\n\"\"\n^^\n`msg~\"^$\"` searches for any characters");
    check_error("s:\"+\"", "`+` holds no word to search for\ns:\"+\"\n  ^^^\n`s~\"\\+\"` searches for any characters");
    check_error("é msg~\"a(\"", "not a regular expression: unclosed group\né msg~\"a(\"\n      ^^^^");
    check_error("m~\\w{900}", "this regular expression becomes too large\nm~\\w{900}\n  ^^^^^^^");
}

#[test]
fn what_is_too_much_is_refused() {
    let message = |text: &str| parse(text, 0).map(|parsed| tree(&parsed.query)).map_err(|error| error.message);
    let deep = |count: usize| format!("{}a{}", "(".repeat(count), ")".repeat(count));
    assert_eq!(message(&deep(100)), Ok("<a>".to_owned()));
    let too_deep = Err("parentheses and negations nest more than 100 deep".to_owned());
    assert_eq!(message(&deep(10_000)), too_deep);
    assert_eq!(message(&"(".repeat(10_000)), too_deep);
    assert_eq!(message(&format!("{}a", "NOT ".repeat(10_000))), too_deep);
    assert_eq!(message(&format!("{}a", "-".repeat(10_000))), too_deep);
    assert_eq!(message(&"a~b ".repeat(51)), Err("more than 50 regular expressions".to_owned()));
    assert_eq!(message(&"a ".repeat(40_000)), Err("the query is 80000 bytes long; the most is 65536".to_owned()));
}

/// Texts made of what the grammar knows, so that many of them are queries.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-c é]{1,4}",
        1 => Just("AND ".to_owned()),
        1 => Just(" OR ".to_owned()),
        1 => Just(" NOT ".to_owned()),
        1 => Just(" TO ".to_owned()),
        3 => "(level|ms|ts|user|msg|logger|extra\\.msg|\"k k\")(:|~|>=|<|!=|=~)",
        2 => "(ERROR|warn|5|-5|1\\.5|2026-11-22|17:15|-5m|now|\"x \\\\\" y\"|a\\*b|\\?|\\\\\\*|1\\.t3@17)",
        2 => "[\\[\\]{}()\"'*?\\\\:~<>=!+,@. -]",
        1 => " (IN )?[\\[({](a|1) (TO )?(b|2)[\\])}]",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// A query that is printed and read again is the same; an error says where it is.
fn check_any(text: &str) {
    match parse(text, now()) {
        Ok(parsed) => {
            let printed = parsed.query.to_string();
            let again = parse(&printed, now());
            assert!(again.is_ok(), "{} is printed as {}: {:?}", text, printed, again);
            assert_eq!(again.map(|again| again.query), Ok(parsed.query), "printed as {}", printed);
        }
        Err(error) => {
            assert!(error.at.start <= error.at.end && error.at.end <= text.len(), "{:?}", error);
            assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
            error.pointing(text);
        }
    }
}

#[test]
fn changed_queries_are_queries_or_errors_with_their_places() {
    let queries: [&[u8]; 6] = [
        br#"timeout level:ERROR AND NOT (logger:shop.* OR msg~"order \d+")"#,
        br#"order_id:[8800 TO 8900} extra.http.status>=500 -user:*"#,
        br#"ts>=-5m ts<2026-11-22T17:15:03Z "two words" msg:a\*b?c*"#,
        br#"level:>=warn AND (ms:{1 TO *] OR took!=1.5e3)"#,
        br#"id:(8812 OR "x y" OR /z/) ev IN [wait got]"#,
        "überfällig* OR \u{202e}k:\"é\"".as_bytes(),
    ];
    mutated::texts(&queries, |text| {
        check_any(text);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_a_query_or_an_error_with_its_place(text in prop_oneof!["(?s).{0,40}", pieces()]) {
        check_any(&text);
    }
}
