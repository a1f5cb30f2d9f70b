//! An answer that is longer than the screen goes through a pager, as git's does: LOGQ_PAGER or PAGER says which one; an empty
//! one, `cat` or `--no-pager` none. What fits on the screen is just printed.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;

static IS_WANTED: AtomicBool = AtomicBool::new(true);

/// No pager from here on (`--no-pager`).
pub fn refuse() {
    IS_WANTED.store(false, Ordering::Relaxed);
}

/// Standard output, held until it is known whether it fits on a screen of so many rows.
pub struct Paged {
    rows: usize,
    state: State,
}

enum State {
    /// What has been written so far, and of how many lines that is.
    Held(Vec<u8>, usize),
    Screen,
    Pager(Pager),
}

struct Pager {
    process: Child,
    stdin: ChildStdin,
    /// Ctrl-C ends logq again.
    is_gone: Arc<AtomicBool>,
}

impl Paged {
    pub fn new(rows: usize) -> Paged {
        let state = if IS_WANTED.load(Ordering::Relaxed) { State::Held(Vec::new(), 0) } else { State::Screen };
        Paged { rows, state }
    }

    /// Shows what was held, from here on on the screen or in a pager.
    fn go_on(&mut self, state: State) -> io::Result<()> {
        let State::Held(held, _) = std::mem::replace(&mut self.state, state) else { return Ok(()) };
        self.write_all(&held)
    }

    /// Ends the answer: what is held is shown, and whoever reads in a pager is waited for.
    fn end(&mut self) -> io::Result<()> {
        if matches!(self.state, State::Held(..)) {
            self.go_on(State::Screen)?;
        }
        if let State::Pager(Pager { mut process, stdin, is_gone }) = std::mem::replace(&mut self.state, State::Screen) {
            drop(stdin);
            let ended = process.wait();
            is_gone.store(true, Ordering::Relaxed);
            ended?;
        }
        io::stdout().flush()
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Screen => return io::stdout().write(bytes),
            State::Pager(pager) => {
                let written = pager.stdin.write(bytes);
                if written.is_err() {
                    pager.is_gone.store(true, Ordering::Relaxed);
                }
                return written;
            }
            State::Held(held, lines) => {
                held.extend_from_slice(bytes);
                *lines += bytes.iter().filter(|byte| **byte == b'\n').count();
                // One row is the prompt's.
                if *lines < self.rows {
                    return Ok(bytes.len());
                }
            }
        }
        let state = Pager::start().map_or(State::Screen, State::Pager);
        self.go_on(state)?;
        Ok(bytes.len())
    }

    /// Whoever flushes has said everything.
    fn flush(&mut self) -> io::Result<()> {
        self.end()
    }
}

impl Drop for Paged {
    fn drop(&mut self) {
        // An answer that broke off; the terminal that cannot be written to cannot be told so either.
        let _ = self.end();
    }
}

impl Pager {
    /// `None` where none is wanted or it cannot be started.
    fn start() -> Option<Pager> {
        let named = ["LOGQ_PAGER", "PAGER"].iter().find_map(|name| std::env::var(name).ok());
        let mut command = command(&named.unwrap_or_else(|| "less".to_owned()))?;
        // As git does: what fits is not held, styles are shown, the screen is not cleared.
        for (name, usual) in [("LESS", "FRX"), ("LV", "-c")] {
            if std::env::var_os(name).is_none() {
                command.env(name, usual);
            }
        }
        let mut process = command.stdin(Stdio::piped()).spawn().ok()?;
        let stdin = process.stdin.take()?;
        // Ctrl-C is for the pager: ended before it, logq would leave it and the shell at one terminal.
        let is_gone = Arc::new(AtomicBool::new(false));
        let _ = signal_hook::flag::register_conditional_default(SIGINT, Arc::clone(&is_gone));
        Some(Pager { process, stdin, is_gone })
    }
}

/// The command that a line names; one that only a shell understands is left to it.
fn command(line: &str) -> Option<Command> {
    let mut words = line.split_whitespace();
    let program = words.next().filter(|program| *program != "cat" || words.clone().next().is_some())?;
    if line.contains(|sign| "|&;<>()$`\\\"'*?[#~=%{}!".contains(sign)) {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", line]);
        return Some(shell);
    }
    let mut command = Command::new(program);
    command.args(words);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_is_a_command_a_line_for_the_shell_or_none() {
        let words = |line: &str| command(line).map(|command| format!("{command:?}"));
        assert_eq!(words("less -S").as_deref(), Some(r#""less" "-S""#));
        assert_eq!(words("col -b | less").as_deref(), Some(r#""/bin/sh" "-c" "col -b | less""#));
        assert_eq!((words(""), words("cat"), words("  ")), (None, None, None));
    }
}
