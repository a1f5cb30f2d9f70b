//! Paths → answers. What reads files runs on threads that may block, few at a time; a panic there is an answer, too, and a status of
//! 500. Pages are the same for everybody and tell nothing: what they show they ask for, with the token.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;

use super::answers;
use super::cases::{self, Cases};
use super::error::ServeError;
use super::follow;
use super::guard::{self, Guard};
use super::question::Question;
use crate::view::page::{self, Source};

type Asked = Result<Query<Question>, QueryRejection>;
type Shared = State<Arc<Desk>>;

/// What the API is, for people and for programs that make clients of it.
pub const OPENAPI: &str = include_str!("openapi.json");

/// So many questions are worked on at once; the others wait, and those that nobody waits for any more are dropped.
const AT_ONCE: usize = 4;

/// Where questions are answered.
struct Desk {
    cases: Arc<Cases>,
    places: Arc<Semaphore>,
}

/// Every path there is, behind the guard.
pub fn router(cases: Cases, guard: Guard) -> Router {
    let desk = Desk { cases: Arc::new(cases), places: Arc::new(Semaphore::new(AT_ONCE)) };
    let api = Router::new()
        .route("/openapi.json", get(openapi))
        .route("/runs", get(runs))
        .route("/runs/{run}/threads", get(threads))
        .route("/runs/{run}/diagnose", get(diagnose))
        .route("/runs/{run}/why", get(why))
        .route("/runs/{run}/picture", get(picture))
        .route("/search", get(search))
        .route("/count", get(count))
        .route("/top", get(top))
        .route("/histogram", get(histogram))
        .route("/follow", get(listen))
        .fallback(nothing)
        .layer(axum::middleware::from_fn_with_state(guard.clone(), guard::know));
    Router::new()
        .route("/", get(store_page))
        .route("/run/{run}", get(run_page))
        .nest("/api", api)
        .fallback(nothing)
        .layer(axum::middleware::from_fn_with_state(guard, guard::watch))
        .with_state(Arc::new(desk))
}

async fn nothing() -> ServeError {
    ServeError::NoSuchAddress
}

impl Desk {
    /// Runs what blocks where it may.
    async fn answer<T: Send + 'static>(
        &self,
        asked: Asked,
        of: impl FnOnce(&Arc<Cases>, &Question, i64) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError> {
        let Query(question) = asked.map_err(|rejection| ServeError::Question(rejection.body_text()))?;
        let now = Utc::now().timestamp_nanos_opt().unwrap_or(0);
        let broken = |error: &dyn std::error::Error| ServeError::Broken(error.to_string());
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|error| broken(&error))?;
        let cases = Arc::clone(&self.cases);
        let done = tokio::task::spawn_blocking(move || {
            // Work that has begun goes on when nobody waits for it any more, so the place is the work's.
            let _place = place;
            of(&cases, &question, now)
        });
        done.await.unwrap_or_else(|error| Err(broken(&error)))
    }
}

fn json(value: &Value) -> Response {
    as_json(value.to_string())
}

fn as_json(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

async fn openapi() -> Response {
    as_json(OPENAPI.to_owned())
}

async fn runs(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, |cases, question, _| answers::runs(cases, question)).await?))
}

async fn threads(State(desk): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, move |cases, question, now| answers::threads(cases, &run, question, now)).await?))
}

async fn diagnose(State(desk): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, move |cases, _, _| answers::diagnose(cases, &run)).await?))
}

async fn why(State(desk): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, move |cases, question, now| answers::why(cases, &run, question, now)).await?))
}

async fn search(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(as_json(desk.answer(asked, |cases, question, now| answers::search(cases, question, now)).await?))
}

async fn count(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, |cases, question, now| answers::count(cases, question, now)).await?))
}

async fn top(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, |cases, question, now| answers::top(cases, question, now)).await?))
}

async fn histogram(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&desk.answer(asked, |cases, question, now| answers::histogram(cases, question, now)).await?))
}

async fn listen(State(desk): Shared, asked: Asked) -> Result<Response, ServeError> {
    let events = desk.answer(asked, follow::listen).await?;
    Ok(Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::default()).into_response())
}

/// The packed picture of a run. Whoever has it as it is now is told so.
async fn picture(
    State(desk): Shared,
    Path(run): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ServeError> {
    let had = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let found = desk.answer(asked, move |cases, _, _| {
        let run = cases.run(&run)?;
        let state = cases::state(&run)?;
        let tag = format!("\"{state:x}\"");
        if had.as_deref() == Some(tag.as_str()) {
            return Ok((tag, None));
        }
        let picture = cases.picture(&run, state)?;
        Ok((tag, Some(picture)))
    });
    let (tag, bytes) = found.await?;
    let tag = [(ETAG, tag)];
    Ok(match bytes {
        None => (StatusCode::NOT_MODIFIED, tag).into_response(),
        Some(bytes) => (tag, [(CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
    })
}

async fn store_page() -> Response {
    of_page(|out| page::write_store(out))
}

async fn run_page() -> Response {
    of_page(|out| page::write("logq", &Source::Asked, out))
}

fn of_page(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Response {
    let mut text = Vec::new();
    if let Err(error) = write(&mut text) {
        return ServeError::Broken(error.to_string()).into_response();
    }
    let mut response = Html(text).into_response();
    // The page has its own policy in it; this one is for what a page cannot say of itself.
    let policy = HeaderValue::from_static("frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::super::lines::Lines;
    use super::*;
    use crate::spool::StoreDir;

    #[test]
    fn few_questions_are_worked_on_at_once_and_those_that_were_given_up_never() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = StoreDir::create(folder.path()).expect("a store");
        let desk = Arc::new(Desk {
            cases: Arc::new(Cases::of(store, Lines::told_by(|_| Value::Null))),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let (begun, begins) = mpsc::channel();
        let working = Arc::new(AtomicUsize::new(0));
        let ask = |number: usize| {
            let (desk, begun, working) = (Arc::clone(&desk), begun.clone(), Arc::clone(&working));
            runtime.spawn(async move {
                let work = move |_: &Arc<Cases>, _: &Question, _: i64| {
                    assert!(working.fetch_add(1, Ordering::SeqCst) < AT_ONCE);
                    let (until, end) = mpsc::channel::<()>();
                    begun.send((number, until)).expect("the test listens");
                    // It works until the test drops the other end.
                    let _ = end.recv();
                    working.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                desk.answer(Ok(Query(Question::default())), work).await
            })
        };
        let answers: Vec<_> = (0..4 * AT_ONCE).map(ask).collect();
        let first: Vec<_> = begins.iter().take(AT_ONCE).collect();
        let mut waiting: Vec<usize> =
            (0..answers.len()).filter(|n| first.iter().all(|(other, _)| other != n)).collect();
        let kept = waiting.pop();
        waiting.iter().for_each(|n| answers[*n].abort());
        drop((first, begun));
        let later: Vec<usize> = begins.iter().map(|(number, _)| number).collect();
        assert_eq!(Some(later), kept.map(|kept| vec![kept]));
        let all = answers.into_iter().filter_map(|answer| runtime.block_on(answer).ok());
        assert_eq!(all.filter(Result::is_ok).count(), AT_ONCE + 1);
    }
}
