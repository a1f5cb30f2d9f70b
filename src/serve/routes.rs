//! Paths → answers. What reads files runs on threads that may block; a panic there is an answer, too, and a status of 500.

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
use tokio_stream::wrappers::ReceiverStream;

use super::answers;
use super::cases::{self, Cases};
use super::error::ServeError;
use super::follow;
use super::guard::{self, Guard};
use super::question::Question;
use crate::view::page::{self, Source};

type Asked = Result<Query<Question>, QueryRejection>;
type Shared = State<Arc<Cases>>;

/// What the API is, for people and for programs that make clients of it.
pub const OPENAPI: &str = include_str!("openapi.json");

/// Every path there is, behind the guard.
pub fn router(cases: Cases, guard: Guard) -> Router {
    Router::new()
        .route("/", get(store_page))
        .route("/run/{run}", get(run_page))
        .route("/api/openapi.json", get(openapi))
        .route("/api/runs", get(runs))
        .route("/api/runs/{run}/threads", get(threads))
        .route("/api/runs/{run}/diagnose", get(diagnose))
        .route("/api/runs/{run}/why", get(why))
        .route("/api/runs/{run}/picture", get(picture))
        .route("/api/search", get(search))
        .route("/api/count", get(count))
        .route("/api/top", get(top))
        .route("/api/histogram", get(histogram))
        .route("/api/follow", get(listen))
        .layer(axum::middleware::from_fn_with_state(guard, guard::watch))
        .with_state(Arc::new(cases))
}

/// Runs what blocks where it may.
async fn answer<T: Send + 'static>(
    cases: Arc<Cases>,
    asked: Asked,
    of: impl FnOnce(&Arc<Cases>, &Question, i64) -> Result<T, ServeError> + Send + 'static,
) -> Result<T, ServeError> {
    let Query(question) = asked.map_err(|rejection| ServeError::Question(rejection.body_text()))?;
    let now = Utc::now().timestamp_nanos_opt().unwrap_or(0);
    let done = tokio::task::spawn_blocking(move || of(&cases, &question, now)).await;
    done.unwrap_or_else(|error| Err(ServeError::Broken(error.to_string())))
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

async fn runs(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, |cases, question, _| answers::runs(cases, question)).await?))
}

async fn threads(State(cases): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, move |cases, question, now| answers::threads(cases, &run, question, now)).await?))
}

async fn diagnose(State(cases): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, move |cases, _, _| answers::diagnose(cases, &run)).await?))
}

async fn why(State(cases): Shared, Path(run): Path<String>, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, move |cases, question, now| answers::why(cases, &run, question, now)).await?))
}

async fn search(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(as_json(answer(cases, asked, |cases, question, now| answers::search(cases, question, now)).await?))
}

async fn count(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, |cases, question, now| answers::count(cases, question, now)).await?))
}

async fn top(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, |cases, question, now| answers::top(cases, question, now)).await?))
}

async fn histogram(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    Ok(json(&answer(cases, asked, |cases, question, now| answers::histogram(cases, question, now)).await?))
}

async fn listen(State(cases): Shared, asked: Asked) -> Result<Response, ServeError> {
    let events = answer(cases, asked, follow::listen).await?;
    Ok(Sse::new(ReceiverStream::new(events)).keep_alive(KeepAlive::default()).into_response())
}

/// The packed picture of a run. Whoever has it as it is now is told so.
async fn picture(
    State(cases): Shared,
    Path(run): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ServeError> {
    let had = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let found = answer(cases, asked, move |cases, _, _| {
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

async fn run_page(State(cases): Shared, Path(run): Path<String>) -> Result<Response, ServeError> {
    let run = answer(cases, Ok(Query(Question::default())), move |cases, _, _| cases.run(&run)).await?;
    let title = format!("run {}", run.name());
    let from = format!("/api/runs/{}/picture", run.name());
    Ok(of_page(|out| page::write(&title, &Source::At(&from), out)))
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
