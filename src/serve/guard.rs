//! Who is answered: a browser on this machine that knows the token, asking this very server, to read.
//!
//! Other pages in the same browser can send requests here, and a name of theirs can be made to mean the loopback address. So
//! Host must be ours, Origin too where there is one, and without the token nothing is told. The token comes in the URL that
//! was printed, goes into a cookie of this port, and out of the address bar. Programs may put it into each URL of the API, or into
//! a header.

use std::fmt::Write as _;
use std::io;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderName, HeaderValue, LOCATION, ORIGIN,
    REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// What must be known, and where one must ask.
#[derive(Debug, Clone)]
pub struct Guard {
    port: u16,
    token: String,
}

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

    fn is_here(&self, host: &str) -> bool {
        ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{}", self.port))
    }

    fn is_token(&self, word: &str) -> bool {
        // Of digests: how long it takes tells nothing about the token.
        Sha256::digest(word) == Sha256::digest(&self.token)
    }

    fn cookie(&self) -> String {
        format!("logq-{}", self.port)
    }

    /// Why a request is not answered.
    fn refuses(&self, request: &Request) -> Option<(StatusCode, &'static str)> {
        let said = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or(""));
        if !said(HOST).is_some_and(|host| self.is_here(host)) {
            return Some((StatusCode::MISDIRECTED_REQUEST, "this server answers on the loopback address only"));
        }
        let from = said(ORIGIN).map(|origin| origin.strip_prefix("http://").unwrap_or(""));
        if from.is_some_and(|host| !self.is_here(host)) {
            return Some((StatusCode::FORBIDDEN, "asked by a page of another site"));
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Some((StatusCode::METHOD_NOT_ALLOWED, "this server only reads"));
        }
        None
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
        bearer.is_some_and(|word| self.is_token(word))
            || pairs.any(|(name, word)| name == self.cookie() && self.is_token(word))
    }

    /// What is sent to whoever comes with the token in the URL: the cookie, and the same place without the token.
    fn welcome(&self, path: &str) -> Response {
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie(), self.token);
        let headers = [(SET_COOKIE, cookie), (LOCATION, path.to_owned())];
        (StatusCode::SEE_OTHER, headers).into_response()
    }
}

/// Lets through what may be answered, and says to browsers what they may do with the answer.
pub async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = if let Some(refusal) = guard.refuses(&request) {
        refusal.into_response()
    } else if let Some(word) = token_of(request.uri().query()) {
        let path = request.uri().path();
        match guard.is_token(word) {
            true if path.starts_with("/api/") => next.run(request).await,
            true => guard.welcome(path),
            false => (StatusCode::UNAUTHORIZED, WRONG).into_response(),
        }
    } else if guard.is_known(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::UNAUTHORIZED, WRONG).into_response()
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

const WRONG: &str = "open the URL that `logq serve` printed: its token is missing here or another one\n";

fn token_of(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard { port: 4000, token: "abc".to_owned() }
    }

    fn asked(method: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().method(method).uri("/api/runs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).expect("a request")
    }

    #[test]
    fn only_this_machine_and_this_site_may_ask_and_only_to_read() {
        let status =
            |method, headers: &[(&str, &str)]| guard().refuses(&asked(method, headers)).map(|(status, _)| status);
        assert_eq!(status("GET", &[("host", "127.0.0.1:4000")]), None);
        assert_eq!(status("HEAD", &[("host", "localhost:4000"), ("origin", "http://localhost:4000")]), None);
        assert_eq!(status("GET", &[]), Some(StatusCode::MISDIRECTED_REQUEST));
        for host in ["evil.example:4000", "127.0.0.1", "127.0.0.1:4001", "127.0.0.1:4000.evil.example"] {
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
    fn the_token_is_known_by_cookie_or_header() {
        let known = |name, value| guard().is_known(asked("GET", &[(name, value)]).headers());
        assert!(known("cookie", "logq-4000=abc"));
        assert!(known("cookie", "other=1; logq-4000=abc"));
        assert!(known("authorization", "Bearer abc"));
        assert!(!known("cookie", "logq-4001=abc"));
        assert!(!known("cookie", "logq-4000=abcd"));
        assert!(!known("authorization", "Bearer "));
        assert!(!guard().is_known(asked("GET", &[]).headers()));
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let [one, other] = [Guard::new(1), Guard::new(1)].map(|guard| guard.expect("a guard").token);
        assert!(one.len() == 32 && one != other);
    }
}
