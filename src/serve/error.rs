//! Why a question got no answer, as a status and as JSON: what was wrong, and what there is instead.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::investigation::{BadWord, InvestigationError, TooMany};
use crate::query::QueryError;
use crate::record::id::BadName;
use crate::spool::SpoolError;
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Investigation(#[from] InvestigationError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Word(#[from] BadWord),
    #[error(transparent)]
    Name(#[from] BadName),
    #[error("step: {0}")]
    Steps(#[from] TooMany),
    #[error("{0}")]
    Question(String),
    #[error("{1}")]
    Refused(StatusCode, &'static str),
    #[error("nothing is at this address; /api/openapi.json says what there is")]
    NoSuchAddress,
    #[error("{0} listen already")]
    Full(usize),
    #[error("the answer could not be worked out: {0}")]
    Broken(String),
}

impl ServeError {
    fn status(&self) -> StatusCode {
        match self {
            ServeError::Query(_)
            | ServeError::Word(_)
            | ServeError::Name(_)
            | ServeError::Steps(_)
            | ServeError::Question(_)
            | ServeError::Investigation(InvestigationError::Query(_)) => StatusCode::BAD_REQUEST,
            ServeError::Investigation(InvestigationError::NotFound { .. })
            | ServeError::Spool(SpoolError::NoRun { .. } | SpoolError::BadName { .. }) => StatusCode::NOT_FOUND,
            ServeError::NoSuchAddress => StatusCode::NOT_FOUND,
            ServeError::Refused(status, _) => *status,
            ServeError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn there_is(&self) -> &[String] {
        match self {
            ServeError::Investigation(InvestigationError::NotFound { there_is, .. }) => there_is,
            ServeError::Query(error) | ServeError::Investigation(InvestigationError::Query(error)) => &error.hints,
            _ => &[],
        }
    }
}

impl IntoResponse for ServeError {
    fn into_response(self) -> Response {
        let body = json!({"error": self.to_string(), "there_is": self.there_is()});
        (self.status(), Json(body)).into_response()
    }
}
