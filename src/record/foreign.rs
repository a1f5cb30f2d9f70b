//! Other systems' field names → ours: one alias table, for queries and for foreign logs alike.
//!
//! Names come from Python's LogRecord, python-json-logger, structlog, ECS, the OpenTelemetry log data model,
//! Bunyan and pino.

/// Alias, then our name.
const ALIASES: &[(&str, &str)] = &[
    ("@timestamp", "ts"),
    ("asctime", "ts"),
    ("time", "ts"),
    ("timestamp", "ts"),
    ("log.level", "level"),
    ("levelname", "level"),
    ("severity", "level"),
    ("severity_text", "level"),
    ("severitytext", "level"),
    ("log.logger", "logger"),
    ("name", "logger"),
    ("logger_name", "logger"),
    ("event", "msg"),
    ("message", "msg"),
    ("body", "msg"),
    ("thread.name", "thread"),
    ("threadname", "thread"),
    ("thread_name", "thread"),
    ("thread.id", "tid"),
    ("process.thread.name", "thread"),
    ("process.thread.id", "tid"),
    ("process.pid", "pid"),
    ("process_id", "pid"),
    ("task.name", "task"),
    ("taskname", "task"),
    ("code.file.path", "file"),
    ("code.filepath", "file"),
    ("log.origin.file.name", "file"),
    ("pathname", "file"),
    ("code.line.number", "line"),
    ("code.lineno", "line"),
    ("lineno", "line"),
    ("log.origin.file.line", "line"),
    ("code.function", "func"),
    ("code.function.name", "func"),
    ("funcname", "func"),
    ("log.origin.function", "func"),
    ("error.type", "exc.type"),
    ("exception.type", "exc.type"),
    ("error.message", "exc.msg"),
    ("exception.message", "exc.msg"),
];

/// Our name for a field, whatever system's name is given; a name that nobody knows stays as it is.
pub fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, own)| own)
}

/// Every alias, for suggestions.
pub fn aliases() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(alias, _)| *alias)
}
