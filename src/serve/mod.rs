//! `logq serve`: the pages and answers of a store for a browser on this machine, as it grows.
//!
//! It reads and never writes. It listens on the loopback address alone, and answers only who knows the token in the URL that
//! it prints (`guard`). A question is put in the words of the command line (`question`), answered from disk (`answers`), and
//! a run that was read is kept until it has grown (`cases`).

mod answers;
mod cases;
mod error;
mod follow;
mod guard;
mod picture;
mod question;
mod routes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::spool::StoreDir;
use cases::Cases;
use guard::Guard;
pub use picture::packed;

/// Serves the store until the process is interrupted. `ready` gets the URL to open.
///
/// # Errors
/// When nothing can listen on that port of the loopback address; 0 takes a free one.
pub fn serve(store: StoreDir, port: u16, ready: impl FnOnce(&str)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let address = listener.local_addr()?;
        let guard = Guard::new(address.port())?;
        let url = format!("http://{address}/?token={}", guard.token());
        let router = routes::router(Cases::of(store), guard);
        ready(&url);
        let interrupted = async {
            // Without a handler for it the signal ends the process, which is as good.
            let _ = tokio::signal::ctrl_c().await;
        };
        tokio::select! {
            served = async { axum::serve(listener, router).await } => served,
            () = interrupted => Ok(()),
        }
    })
}
