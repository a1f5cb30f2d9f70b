//! Other systems' field names → ours: one alias table, for queries and for foreign logs alike.
//!
//! Names come from Python's LogRecord, python-json-logger, structlog, loguru, ECS, the OpenTelemetry log data model,
//! Bunyan, pino and the loggers of Go and Rust.

/// Alias, then our name. Where a line has several names of one thing, the first in this table counts.
const ALIASES: &[(&str, &str)] = &[
    ("@timestamp", "ts"),
    ("timestamp", "ts"),
    ("time", "ts"),
    ("asctime", "ts"),
    ("datetime", "ts"),
    ("date", "ts"),
    ("created", "ts"),
    ("timeunixnano", "ts"),
    ("observed_timestamp", "ts"),
    ("observedtimeunixnano", "ts"),
    ("log.level", "level"),
    ("levelname", "level"),
    ("severity_text", "level"),
    ("severitytext", "level"),
    ("severity", "level"),
    ("loglevel", "level"),
    ("lvl", "level"),
    ("log.logger", "logger"),
    ("logger_name", "logger"),
    ("loggername", "logger"),
    ("name", "logger"),
    ("message", "msg"),
    ("event", "msg"),
    ("body", "msg"),
    ("short_message", "msg"),
    ("fields.message", "msg"),
    ("textpayload", "msg"),
    ("thread.name", "thread"),
    ("threadname", "thread"),
    ("thread_name", "thread"),
    ("process.thread.name", "thread"),
    ("thread.id", "tid"),
    ("thread_id", "tid"),
    ("threadid", "tid"),
    ("process.thread.id", "tid"),
    ("process.pid", "pid"),
    ("process.id", "pid"),
    ("process_id", "pid"),
    ("task.name", "task"),
    ("taskname", "task"),
    ("code.file.path", "file"),
    ("code.filepath", "file"),
    ("pathname", "file"),
    ("log.origin.file.name", "file"),
    ("src.file", "file"),
    ("file.path", "file"),
    ("file.name", "file"),
    ("filename", "file"),
    ("code.line.number", "line"),
    ("code.lineno", "line"),
    ("lineno", "line"),
    ("log.origin.file.line", "line"),
    ("src.line", "line"),
    ("code.function.name", "func"),
    ("code.function", "func"),
    ("funcname", "func"),
    ("func_name", "func"),
    ("log.origin.function", "func"),
    ("src.func", "func"),
    ("error.type", "exc.type"),
    ("exception.type", "exc.type"),
    ("err.type", "exc.type"),
    ("err.name", "exc.type"),
    ("error.message", "exc.msg"),
    ("exception.message", "exc.msg"),
    ("err.message", "exc.msg"),
    ("stack_info", "stack"),
];

/// Names of what a record keeps in another form: not fields to be asked for, but taken apart when a foreign line is read.
const TAKEN_APART: &[(&str, &str)] = &[
    ("levelno", "levelno"),
    ("severity_number", "severity"),
    ("severitynumber", "severity"),
    ("syslog.severity", "syslog"),
    ("process", "process"),
    ("processname", "process"),
    ("process_name", "process"),
    ("process.name", "process"),
    ("hostname", "host"),
    ("host.name", "host"),
    ("host", "host"),
    ("exc_info", "trace"),
    ("exception", "trace"),
    ("error.stack_trace", "trace"),
    ("exception.stacktrace", "trace"),
    ("stack_trace", "trace"),
    ("stacktrace", "trace"),
    ("traceback", "trace"),
    ("err.stack", "trace"),
    ("error.stack", "trace"),
];

/// Our name for a field, whatever system's name is given; a name that nobody knows stays as it is.
pub fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, own)| own)
}

/// Every alias, for suggestions.
pub fn aliases() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(alias, _)| *alias)
}

/// The names under which the parts of a foreign line are known, ours among them, in lower case, each with our name and its
/// rank: of several names of one thing the lowest counts.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static str, usize)> {
    const OWN: &[(&str, &str)] = &[
        ("ts", "ts"),
        ("level", "level"),
        ("logger", "logger"),
        ("tpl", "tpl"),
        ("thread", "thread"),
        ("tid", "tid"),
        ("task", "task"),
        ("file", "file"),
        ("line", "line"),
        ("func", "func"),
        ("function", "func"),
        ("pid", "pid"),
        ("exc", "trace"),
        ("stack", "stack"),
    ];
    // Where a line has both, `message` is what `msg` became.
    OWN.iter()
        .chain(ALIASES)
        .chain(TAKEN_APART)
        .chain(&[("msg", "msg")])
        .enumerate()
        .map(|(rank, (alias, own))| (*alias, *own, rank))
}
