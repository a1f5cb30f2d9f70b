//! Lines of syslog, in its old form and its new one.

use std::sync::LazyLock;

use regex::Regex;

use super::clock::Clock;
use super::{Said, level_of_number};

static SYSLOG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let old = r"(?P<old>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|\d{4}-\d\d-\d\dT\S+) (?P<host>\S+) (?P<app>[\w./-]+)(?:\[(?P<pid>\d+)\])?: ";
    let new = r"1 (?P<time>\S+) (?P<host2>\S+) (?P<app2>\S+) (?P<pid2>\S+) (?P<id>\S+) (?:-|(?:\[[^\]]*\])+) ?";
    Regex::new(&format!(r"^(?:<(?P<pri>\d{{1,3}})>)?(?:{new}|{old})")).ok()
});

/// syslog's two forms, RFC 3164 and 5424.
pub(super) fn read(line: &str, clock: &Clock) -> Option<Said> {
    let is_candidate = line.starts_with('<') || line.as_bytes().first().is_some_and(u8::is_ascii_uppercase);
    let captures = SYSLOG.as_ref().filter(|_| is_candidate)?.captures(line)?;
    let text = |names: [&str; 2]| {
        let caught = names.iter().find_map(|name| captures.name(name))?.as_str();
        (caught != "-").then(|| caught.to_owned())
    };
    let severity = captures.name("pri").and_then(|pri| pri.as_str().parse::<usize>().ok());
    let number = severity.and_then(|pri| [60_u16, 55, 50, 40, 30, 25, 20, 10].get(pri % 8).copied());
    let mut said = Said {
        ts: text(["time", "old"]).and_then(|text| clock.read(&text)),
        level: number.map(level_of_number),
        logger: text(["app", "app2"]),
        pid: text(["pid", "pid2"]).and_then(|pid| pid.parse().ok()),
        host: text(["host", "host2"]),
        msg: line[captures.get(0)?.end()..].trim_start_matches('\u{feff}').to_owned(),
        ..Said::default()
    };
    if let Some(host) = said.host.clone() {
        said.extra.insert("host".into(), host.into());
    }
    said.ts.is_some().then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let old = "<34>Oct 11 22:14:15 mymachine su[123]: 'su root' failed";
        let new = "<165>1 2003-10-11T22:14:15.003Z mymachine app 77 ID47 [a b=\"c\"] An event";
        let clock = Clock { zone: chrono::FixedOffset::east_opt(0), near: 1_800_000_000_000_000_000 };
        for (line, expected) in
            [(old, (Some(50), "su", 123, "'su root' failed")), (new, (Some(25), "app", 77, "An event"))]
        {
            let said = read(line, &clock).expect("a line of syslog");
            let level = said.level.as_ref().map(|level| level.number);
            assert_eq!(
                (level, said.logger.as_deref().unwrap_or(""), said.pid.unwrap_or(0), said.msg.as_str()),
                expected
            );
        }
    }
}
