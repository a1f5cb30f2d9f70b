//! The runs of the store, read one at a time when somebody asks about one. The last picture is kept until its run has grown: a page
//! asks for it again and again. What is kept is the answer, not the run: a graph of millions of records is let go as soon as it has
//! told what was asked.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;

use super::error::ServeError;
use super::lines::Lines;
use super::picture::packed;
use crate::investigation::{Investigation, RunChoice, newest_run};
use crate::spool::{RunDir, SpoolError, StoreDir, is_alive};
use crate::view::picture::Room;

/// A page draws so many records, of so much text; the picture says what it leaves out.
const ROOM: Room = Room { records: 1_000_000, text: 120 << 20 };

/// The store, and what was lately read of it.
pub struct Cases {
    pub store: StoreDir,
    /// Each run's verdict in a line.
    pub lines: Lines,
    /// Runs that somebody asks about are read one at a time: several large ones would need the memory of all.
    turn: Mutex<()>,
    picture: Mutex<Option<Drawn>>,
}

/// The picture of a run in one of its states.
struct Drawn {
    run: RunDir,
    state: u64,
    picture: Bytes,
}

impl Cases {
    /// The runs of that store, each with a line.
    pub fn of(store: StoreDir, lines: Lines) -> Cases {
        Cases { store, lines, turn: Mutex::default(), picture: Mutex::default() }
    }

    /// The run of that name (or the beginning of one), or `newest`.
    ///
    /// # Errors
    /// When there is none, or several fit.
    pub fn run(&self, name: &str) -> Result<RunDir, ServeError> {
        let choice = match name {
            "newest" => RunChoice::Newest,
            name => RunChoice::Named(name.to_owned()),
        };
        Ok(newest_run(&self.store, &choice)?)
    }

    /// What `of` says about a run, read as it is now.
    ///
    /// # Errors
    /// When it cannot be read, and whatever `of` says.
    pub fn ask<T>(
        &self,
        run: &RunDir,
        of: impl FnOnce(&Investigation) -> Result<T, ServeError>,
    ) -> Result<T, ServeError> {
        let _turn = locked(&self.turn);
        of(&Investigation::open(run.clone())?)
    }

    /// The packed picture of a run in this [`state`] of it, which may have changed again since.
    ///
    /// # Errors
    /// When the run cannot be read.
    pub fn picture(&self, run: &RunDir, state: u64) -> Result<Bytes, ServeError> {
        // Held all the time: whoever asks for the same picture meanwhile gets this one.
        let mut last = locked(&self.picture);
        if let Some(drawn) = last.as_ref().filter(|drawn| drawn.run == *run && drawn.state == state) {
            return Ok(drawn.picture.clone());
        }
        *last = None;
        let picture = Bytes::from(self.ask(run, |case| Ok(packed(case, ROOM)?))?);
        *last = Some(Drawn { run: run.clone(), state, picture: picture.clone() });
        Ok(picture)
    }
}

/// What is kept is only ever replaced as a whole: a thread that broke off left it as it was.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that changes when the run does: with the sizes of its files, and with who lives.
///
/// # Errors
/// When its directory cannot be read.
pub fn state(run: &RunDir) -> Result<u64, SpoolError> {
    let mut hasher = DefaultHasher::new();
    run.name().hash(&mut hasher);
    let mut spool = run.spool();
    for process in spool.list()?.processes {
        is_alive(spool.dir(), &process.proc).hash(&mut hasher);
        for part in process.parts {
            part.id.hash(&mut hasher);
            part.len.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}
