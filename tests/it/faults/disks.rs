//! What happens to files: gone, cut, changed, no room for them.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use super::RUN;
use super::world::World;
use crate::harness::Said;

pub(super) fn index_removed(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    world.write(2500);
    world.wait_a_moment();
    match fs::remove_dir_all(world.run.index_path()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            // The collector has just made another file in it.
            let _ = fs::remove_dir_all(world.run.index_path());
        }
        _ => {}
    }
    world.write(2500);
    world.wait_a_moment();
    drop(collector);
}

/// All of the run goes while it is collected: the collector goes on, and collects what begins anew under the same name.
pub(super) fn run_removed(world: &mut World) {
    let mut collector = world.start(&["collect", "-F", "--run", RUN]);
    world.write(2500);
    world.wait_a_moment();
    let mut tries = 0;
    while fs::remove_dir_all(world.run.path()).is_err() && world.run.path().exists() {
        tries += 1;
        assert!(tries < 1000, "the collector makes files faster than they can be removed");
    }
    world.begin();
    world.wait_a_moment();
    assert_eq!(collector.0.try_wait().expect("asked"), None, "the collector gave up");
    collector.0.kill().expect("killed");
    let mut said = String::new();
    std::io::Read::read_to_string(&mut collector.0.stderr.take().expect("its stderr"), &mut said).expect("read");
    assert!(!said.contains("panicked"), "{said}");
}

pub(super) fn disk_full(world: &mut World) {
    let lines = world.random.u64(3000..20_000);
    world.write(lines);
    let blocks = world.random.u32(1..400);
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" collect");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_logq")]).current_dir(world.case.path()).stdin(Stdio::null());
    let said = Said::of(command.output().expect("sh runs"));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    match said.code {
        Some(0) => {}
        Some(3) => assert!(said.err.contains("File too large"), "{}", said.err),
        _ => panic!("{said:?}"),
    }
}

pub(super) fn index_changed(world: &mut World) {
    world.write(200);
    world.collect();
    let files = world.index_files();
    let path = files[world.random.usize(..files.len())].clone();
    if !world.change(&path) {
        return;
    }
    for question in
        [&["search", "taken", "-n", "3"][..], &["search", "--count", "id>5"], &["search", "--top", "logger"]]
    {
        let said = world.case.logq(question);
        // A key whose name has changed is not known: that is bad usage.
        assert!(!said.err.contains("panicked") && matches!(said.code, Some(0..=2)), "{}: {said:?}", path.display());
    }
    let said = world.collect();
    assert!(!said.err.contains("panicked") && said.code == Some(0), "{}: {said:?}", path.display());
}

pub(super) fn spool_changed(world: &mut World) {
    world.write(500);
    if world.random.bool() {
        world.collect();
    }
    let place = world.random.usize(..3);
    let part = world.part(place);
    world.change(&part);
    for question in [&["search", "taken", "-n", "3"][..], &["search", "--count"], &["threads"], &["collect"]] {
        let said = world.case.logq(question);
        assert!(!said.err.contains("panicked") && matches!(said.code, Some(0 | 1)), "{question:?}: {said:?}");
    }
    *world = World::after(world);
}

pub(super) fn spool_removed(world: &mut World) {
    world.write(6000);
    let collector = world.start(&["collect"]);
    world.wait_a_moment();
    let part = world.part(world.random.clone().usize(..3));
    if world.random.bool() {
        fs::remove_file(&part).expect("removed");
    } else {
        let file = File::options().write(true).open(&part).expect("opened");
        let kept = fs::read(&part).expect("read").iter().take(100_000).rposition(|byte| *byte == b'\n');
        file.set_len(kept.map_or(0, |at| at as u64 + 1)).expect("cut");
    }
    drop(collector);
    // Nobody goes on in a file that was cut: whatever the program writes from now on is another run's.
    *world = World::after(world);
}
