//! What happens to collectors: killed, several at once, read meanwhile, the machine reset under them.

use std::fs::{self, File};
use std::time::Instant;

use super::RUN;
use super::world::World;

pub(super) fn killed_catching_up(world: &mut World) {
    let lines = world.some_lines();
    world.write(lines);
    let collector = world.start(&["collect"]);
    world.wait_a_moment();
    drop(collector);
}

/// Kills it between the first file of a new segment and the commit that names it.
pub(super) fn killed_in_a_commit(world: &mut World) {
    loop {
        let lines = world.some_lines();
        world.write(lines);
        let before = world.index_files();
        let mut collector = world.start(&["collect"]);
        let is_over = loop {
            if collector.0.try_wait().expect("asked").is_some() {
                break true;
            }
            if world.index_files().iter().any(|path| !before.contains(path)) {
                break false;
            }
        };
        let length = world.usual.mul_f64(0.3 * world.random.f64());
        let begun = Instant::now();
        while !is_over && begun.elapsed() < length {
            std::thread::yield_now();
        }
        // One that was quicker than we are was not hit.
        if collector.0.try_wait().expect("asked").is_none() {
            return;
        }
        world.check_answer("a commit that was over too soon");
    }
}

pub(super) fn killed_following(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    for _ in 0..world.random.u32(1..6) {
        world.write(200);
        world.wait_a_moment();
    }
    drop(collector);
}

pub(super) fn two_collectors(world: &mut World) {
    world.write(4000);
    let running = [world.start(&["collect"]), world.start(&["collect"])];
    for mut collector in running {
        let mut said = String::new();
        let mut err = collector.0.stderr.take().expect("its stderr");
        std::io::Read::read_to_string(&mut err, &mut said).expect("read");
        let ended = collector.0.wait().expect("ended");
        let is_told = ended.code() == Some(3) && said.contains("is being written by");
        assert!(ended.success() || is_told, "{ended}: {said}");
    }
}

pub(super) fn read_while_written(world: &mut World) {
    let collector = world.start(&["collect", "-F", "--run", RUN]);
    for _ in 0..15 {
        world.write(300);
        let before = world.seqs.iter().sum::<u64>();
        let count = world.count();
        assert_eq!(count, before, "the program does not write while a reader counts");
    }
    drop(collector);
}

pub(super) fn machine_reset(world: &mut World) {
    killed_catching_up(world);
    // What a commit names was synced before it.
    let committed = fs::read_to_string(world.run.index_path().join("meta.json")).unwrap_or_default().replace('-', "");
    for path in world.index_files() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if stem.len() == 32 && !committed.contains(&stem) {
            match world.random.u32(..3) {
                0 => fs::remove_file(&path).expect("removed"),
                1 => {
                    let file = File::options().write(true).open(&path).expect("opened");
                    let len = file.metadata().expect("a length").len();
                    file.set_len(world.random.u64(..=len)).expect("cut");
                }
                _ => {}
            }
        }
    }
    // A program does not sync what it logs. After a reset it is another process that writes.
    let place = world.random.usize(..3);
    let file = File::options().write(true).open(world.part(place)).expect("opened");
    let len = file.metadata().expect("a length").len();
    file.set_len(len - world.random.u64(..len.min(3000))).expect("cut");
    *world = World::after(world);
}
