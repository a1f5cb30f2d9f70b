//! `docs/cli-reference.md`: every command with its options, made of the same words as `--help`. A test holds the file to it.

use clap::{Arg, Command, CommandFactory};

use super::Cli;

/// The whole reference.
pub fn markdown() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = String::from(
        "# Commands and options\n\nMade from the program's own help; a test holds this file to it \
         (`LOGQ_UPDATE=1 cargo test --test it cli_reference` writes it anew).\n",
    );
    text.push_str("\n## Before or after every command\n\n");
    table(root.get_arguments().filter(|argument| argument.is_global_set()), &mut text);
    let listed = |command: &&Command| !command.is_hide_set() && command.get_name() != "help";
    for command in root.get_subcommands().filter(listed) {
        section(command, &mut text);
    }
    text.push_str("\n## Exit codes\n\n| code | means |\n| --- | --- |\n");
    for (code, means) in [
        ("0", "found; nothing wrong"),
        ("1", "nothing found; `diagnose`: faults that are certain or likely; `diff`: differences; `doctor`: damage"),
        ("2", "bad usage, or a query that cannot be read"),
        ("3", "the store or a file could not be read"),
    ] {
        text.push_str(&format!("| {code} | {means} |\n"));
    }
    text.push_str("\n`logq run` ends as its program did: 128 + N after signal N, 124 at its time limit, 127 where it was not found, 126 where it cannot be run.\n");
    text
}

fn section(command: &Command, text: &mut String) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!(
        "\n## logq {}\n\n{}\n\n```\n{}\n```\n\n",
        command.get_name(),
        escaped(&about),
        usage(command)
    ));
    let shown = |argument: &&Arg| !argument.is_hide_set() && argument.get_id() != "help" && !argument.is_global_set();
    table(command.get_arguments().filter(shown), text);
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>, text: &mut String) {
    let mut arguments = arguments.peekable();
    if arguments.peek().is_none() {
        return;
    }
    text.push_str("| option | meaning |\n| --- | --- |\n");
    for argument in arguments {
        text.push_str(&format!("| {} | {} |\n", name(argument), meaning(argument)));
    }
}

fn usage(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    usage.trim_start_matches("Usage: ").to_owned()
}

/// `-n`, `--limit N`.
fn name(argument: &Arg) -> String {
    let values =
        argument.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let takes = argument.get_action().takes_values();
    if argument.is_positional() {
        return format!("`{}`", if values.is_empty() { argument.get_id().to_string() } else { values });
    }
    let short = argument.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let long = argument.get_long().unwrap_or_default();
    let value = if takes && !values.is_empty() { format!(" {values}") } else { String::new() };
    format!("{short}`--{long}{value}`")
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut said = escaped(&help);
    let possible: Vec<String> =
        argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if argument.get_action().takes_values() && !possible.is_empty() {
        said.push_str(&format!(" ({})", possible.join(", ")));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        said.push_str(&format!(" [default: {}]", defaults.join(" ")));
    }
    if let Some(variable) = argument.get_env() {
        said.push_str(&format!(" [also `{}`]", variable.to_string_lossy()));
    }
    said
}

/// Text in a cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
