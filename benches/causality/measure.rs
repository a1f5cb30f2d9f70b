//! Whole processes, measured from outside: how long one took and how much memory it had at most.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub wall: Duration,
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// The most memory that it had, bytes.
    pub memory: u64,
}

/// Runs a command to its end, whatever it answers.
pub fn run(program: &Path, arguments: &[&str]) -> io::Result<Cost> {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    wait(&command.spawn()?, begun)
}

/// Runs a command to its end, and gives what it printed.
#[allow(dead_code, reason = "not every bench has peers that print")]
pub fn run_and_read(command: &mut Command) -> io::Result<(Cost, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let mut text = Vec::new();
    child.stdout.take().map_or(Ok(0), |mut stdout| stdout.read_to_end(&mut text))?;
    Ok((wait(&child, begun)?, String::from_utf8_lossy(&text).into_owned()))
}

fn wait(child: &Child, begun: Instant) -> io::Result<Cost> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: zeroes are a valid `rusage`, and both pointers are to places that live until the call returns.
    let (waited, used) = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        (libc::wait4(pid, &raw mut status, 0, &raw mut used), used)
    };
    if waited != pid {
        return Err(io::Error::last_os_error());
    }
    if !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) > 1 {
        return Err(io::Error::other(format!("process {pid} failed: {status}")));
    }
    let seconds =
        |time: libc::timeval| Duration::from_micros(u64::try_from(time.tv_sec * 1_000_000 + time.tv_usec).unwrap_or(0));
    // Linux counts in KiB.
    let memory = u64::try_from(used.ru_maxrss).unwrap_or(0) * 1024;
    Ok(Cost { wall: begun.elapsed(), cpu: seconds(used.ru_utime) + seconds(used.ru_stime), memory })
}

/// The middle one by wall time, and the most memory of any.
#[allow(dead_code, reason = "the bench of the store has its own")]
pub fn median(costs: &[Cost]) -> Option<Cost> {
    let mut sorted = costs.to_vec();
    sorted.sort_by_key(|cost| cost.wall);
    let memory = sorted.iter().map(|cost| cost.memory).max()?;
    sorted.get(sorted.len() / 2).map(|middle| Cost { memory, ..*middle })
}

/// The most memory that a running process has had, in bytes; `None` where the system does not say.
#[allow(dead_code, reason = "not every bench has processes that go on")]
pub fn most_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
