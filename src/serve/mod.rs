//! `logq serve`: the pages and answers of a store for a browser on this machine, as it grows.
//!
//! It reads and never writes. It listens on the loopback address alone, and answers only who knows the token in the URL that
//! it prints (`guard`). A question is put in the words of the command line (`question`) and answered from disk (`answers`). What
//! was last drawn of a run (`cases`), and each run's verdict in a line (`lines`), are kept until the run has grown.

mod answers;
mod cases;
mod error;
mod follow;
mod guard;
mod lines;
mod picture;
mod question;
mod routes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::spool::StoreDir;
use cases::Cases;
use guard::Guard;
use lines::Lines;
pub use picture::packed;

/// Serves the store until the process is interrupted. `ready` gets the URL to open.
///
/// # Errors
/// When nothing can listen on that port of the loopback address; 0 takes a free one.
pub fn serve(store: StoreDir, port: u16, ready: impl FnOnce(&str)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let address = listener.local_addr()?;
        let guard = Guard::new(address.port())?;
        let url = format!("http://{address}/#token={}", guard.token());
        let router = routes::router(Cases::of(store, Lines::told_by(answers::run_line)), guard);
        ready(&url);
        axum::serve(listener, router).await
    };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without a handler for it the signal ends the process, which is as good.
            std::future::pending::<()>().await;
        }
    };
    run(runtime, served, interrupted)
}

/// Runs until the one or the other is over. Answers that are still being worked out are left behind: nobody gets them.
fn run(
    runtime: Runtime,
    served: impl Future<Output = io::Result<()>>,
    interrupted: impl Future<Output = ()>,
) -> io::Result<()> {
    let ended = runtime.block_on(async {
        tokio::select! {
            served = served => served,
            () = interrupted => Ok(()),
        }
    });
    runtime.shutdown_background();
    ended
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_interruption_waits_for_no_answer() {
        let (ended, end) = mpsc::channel();
        let (until, work) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
            let (begun, begins) = tokio::sync::oneshot::channel();
            let served = async {
                let answer = tokio::task::spawn_blocking(move || {
                    begun.send(()).expect("somebody waits");
                    work.recv()
                });
                answer.await.expect("no panic").map_err(io::Error::other)
            };
            let interrupted = async { begins.await.expect("it begins") };
            ended.send(run(runtime, served, interrupted)).expect("the test waits");
        });
        let said = end.recv_timeout(Duration::from_secs(60));
        drop(until);
        said.expect("it ends while the answer is worked out").expect("no error");
    }
}
