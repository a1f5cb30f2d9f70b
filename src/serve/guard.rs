//! Who is answered: a browser on this machine that knows the token, asking this very server, to read.
//!
//! Other pages in the same browser can send requests here, and a name of theirs can be made to mean the loopback address. So
//! Host must be ours, Origin too where there is one, and without the token nothing of the store is told. The token comes in the
//! fragment of the URL that was printed, which is sent to nobody; the page keeps it and sends it with each of its questions. It is no
//! cookie: browsers send those to every port of a host, so to whatever else listens on this machine.

use std::fmt::Write as _;
use std::io;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::error::ServeError;

/// What must be known, and where one must ask.
#[derive(Debug, Clone)]
pub struct Guard {
    port: u16,
    token: String,
}

/// The port that URLs leave out.
const HTTP: &str = "80";
const SAME_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Guard {
    /// A guard with a new token of 128 random bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(port: u16) -> io::Result<Guard> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(io::Error::from)?;
        let token = bytes.iter().fold(String::new(), |mut token, byte| {
            // Writing into a String cannot fail.
            let _ = write!(token, "{byte:02x}");
            token
        });
        Ok(Guard { port, token })
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether a host is this server. The port of its scheme a browser leaves out.
    fn is_here(&self, host: &str) -> bool {
        let (name, port) = host.split_once(':').unwrap_or((host, HTTP));
        ["127.0.0.1", "localhost"].contains(&name) && port == self.port.to_string()
    }

    fn is_token(&self, word: &str) -> bool {
        // Of digests: how long it takes tells nothing about the token.
        Sha256::digest(word) == Sha256::digest(&self.token)
    }

    /// Why a request is not answered, whoever sent it.
    fn refuses(&self, request: &Request) -> Option<ServeError> {
        let said = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
        if !said(HOST).is_some_and(|host| self.is_here(host)) {
            let why = "this server answers on the loopback address only";
            return Some(ServeError::Refused(StatusCode::MISDIRECTED_REQUEST, why));
        }
        let from = said(ORIGIN).map(|origin| origin.strip_prefix("http://").unwrap_or(""));
        if from.is_some_and(|host| !self.is_here(host)) {
            return Some(ServeError::Refused(StatusCode::FORBIDDEN, "asked by a page of another site"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some(ServeError::Refused(StatusCode::METHOD_NOT_ALLOWED, "this server only reads"));
        }
        None
    }

    /// Whether a request has the token, in a header or in its URL; where both say one, each must be right.
    fn is_known(&self, request: &Request) -> bool {
        let header = request.headers().get(AUTHORIZATION);
        let bearer =
            header.map(|value| value.to_str().ok().and_then(|word| word.strip_prefix("Bearer ")).unwrap_or(""));
        let query = request.uri().query().unwrap_or("");
        let said = query.split('&').filter_map(|pair| pair.strip_prefix("token="));
        let words: Vec<&str> = bearer.into_iter().chain(said).collect();
        !words.is_empty() && words.iter().all(|word| self.is_token(word))
    }
}

/// Lets through what may be answered, and says to browsers what they may do with the answer.
pub async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = match guard.refuses(&request) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static("default-src 'none'"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(SAME_ORIGIN, HeaderValue::from_static("same-origin"));
    response
}

/// Lets through who knows the token.
pub async fn know(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if guard.is_known(&request) {
        return next.run(request).await;
    }
    let why = "open the URL that `logq serve` printed: its token is missing here or another one";
    ServeError::Refused(StatusCode::UNAUTHORIZED, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(port: u16) -> Guard {
        Guard { port, token: "abc".to_owned() }
    }

    fn asked(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).expect("a request")
    }

    fn status_at(port: u16, method: &str, headers: &[(&str, &str)]) -> Option<StatusCode> {
        guard(port).refuses(&asked(method, "/api/runs", headers)).map(|refusal| refusal.into_response().status())
    }

    #[test]
    fn only_this_machine_and_this_site_may_ask_and_only_to_read() {
        let status = |method, headers: &[(&str, &str)]| status_at(4000, method, headers);
        assert_eq!(status("GET", &[("host", "127.0.0.1:4000")]), None);
        assert_eq!(status("HEAD", &[("host", "localhost:4000"), ("origin", "http://localhost:4000")]), None);
        assert_eq!(status("GET", &[]), Some(StatusCode::MISDIRECTED_REQUEST));
        for host in ["evil.example:4000", "127.0.0.1", "127.0.0.1:4001", "127.0.0.1:4000.evil.example", "127.0.0.1:80"]
        {
            assert_eq!(status("GET", &[("host", host)]), Some(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
        for origin in ["http://evil.example", "https://localhost:4000", "null", "http://localhost:4001"] {
            let found = status("GET", &[("host", "localhost:4000"), ("origin", origin)]);
            assert_eq!(found, Some(StatusCode::FORBIDDEN), "{origin}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            assert_eq!(status(method, &[("host", "localhost:4000")]), Some(StatusCode::METHOD_NOT_ALLOWED), "{method}");
        }
    }

    #[test]
    fn at_port_80_a_browser_names_the_host_alone() {
        assert_eq!(status_at(80, "GET", &[("host", "127.0.0.1"), ("origin", "http://127.0.0.1")]), None);
        assert_eq!(status_at(80, "GET", &[("host", "localhost:80")]), None);
        assert_eq!(status_at(80, "GET", &[("host", "localhost:4000")]), Some(StatusCode::MISDIRECTED_REQUEST));
        assert_eq!(status_at(80, "GET", &[("host", "evil.example")]), Some(StatusCode::MISDIRECTED_REQUEST));
    }

    #[test]
    fn the_token_is_known_by_header_or_url_and_never_by_cookie() {
        let known = |uri, headers: &[(&str, &str)]| guard(4000).is_known(&asked("GET", uri, headers));
        let bearer = [("authorization", "Bearer abc")];
        assert!(known("/api/runs", &bearer));
        assert!(known("/api/runs?limit=1&token=abc", &[]));
        assert!(known("/api/runs?token=abc", &bearer));
        for (uri, header) in [
            ("/api/runs", ("authorization", "Bearer ")),
            ("/api/runs", ("authorization", "Bearer abcd")),
            ("/api/runs", ("authorization", "abc")),
            ("/api/runs", ("cookie", "logq-4000=abc; token=abc")),
            ("/api/runs?token=", ("cookie", "token=abc")),
            ("/api/runs?token=abcd", bearer[0]),
            ("/api/runs?token=abc", ("authorization", "Bearer abcd")),
        ] {
            assert!(!known(uri, &[header]), "{uri} {header:?}");
        }
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let [one, other] = [Guard::new(1), Guard::new(1)].map(|guard| guard.expect("a guard").token);
        assert!(one.len() == 32 && one != other);
    }
}
