//! `logq serve`: who is answered, that every answer is the command line's own, and that what is written arrives. What its
//! pages look like is tested in a browser (`tests/browser/`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::handmade::{RUN, Spool, shop};
use crate::harness::{Case, Running, assert_has, wait_until};

/// A server of the case's store.
struct Server {
    _running: Running,
    port: u16,
    token: String,
}

struct Answer {
    status: u16,
    /// Status line and headers, in small letters.
    head: String,
    body: String,
}

impl Server {
    fn of(case: &Case) -> Server {
        let mut running = case.start(&["serve"]);
        let mut url = String::new();
        BufReader::new(running.0.stdout.take().expect("its stdout")).read_line(&mut url).expect("a URL");
        let rest = url.trim().strip_prefix("http://127.0.0.1:").expect("the loopback address");
        let (port, token) = rest.split_once("/#token=").expect("a token");
        Server { _running: running, port: port.parse().expect("a port"), token: token.to_owned() }
    }

    /// Sends a request as it stands; `{port}` and `{token}` in it are the server's.
    fn send(&self, request: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
        let request = request.replace("{port}", &self.port.to_string()).replace("{token}", &self.token);
        stream.write_all(format!("{}\r\n\r\n", request.replace('\n', "\r\n")).as_bytes()).expect("sent");
        BufReader::new(stream)
    }

    /// Listens to `/api/follow` with these words; what is written once it has answered is told.
    fn follow(&self, words: &str) -> Events {
        let mut events = Events(self.send(&format!(
            "GET /api/follow{words} HTTP/1.1\nHost: 127.0.0.1:{{port}}\nAuthorization: Bearer {{token}}"
        )));
        assert!(events.next("HTTP/1.1").contains("200"));
        events
    }

    fn raw(&self, request: &str) -> Answer {
        let mut bytes = Vec::new();
        self.send(&format!("{request}\nConnection: close")).read_to_end(&mut bytes).expect("an answer");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn get(&self, path: &str) -> Answer {
        self.raw(&format!("GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}\nAuthorization: Bearer {{token}}"))
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).expect("JSON")
    }
}

/// What follows a run. A server that has nothing to say says so every 15 seconds; a test does not listen to that for ever.
struct Events(BufReader<TcpStream>);

impl Events {
    /// The next line that begins so.
    #[track_caller]
    fn next(&mut self, wanted: &str) -> String {
        let mut silences = 0;
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).expect("a line in time") > 0, "the stream ended before {wanted}");
            if line.starts_with(wanted) {
                return line;
            }
            silences += u32::from(line.starts_with(':'));
            assert!(silences < 4, "a minute without {wanted}");
        }
    }
}

/// Every file below a folder, and what is in it.
fn files(dir: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => drop(found.insert(path.display().to_string(), fs::read(&path).expect("a file"))),
        }
    }
}

#[test]
fn only_this_machine_with_the_token_is_answered_and_only_to_read() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let server = Server::of(&case);
    let here = "Host: 127.0.0.1:{port}";
    let known = "Authorization: Bearer {token}";
    let requests: &[(u16, String)] = &[
        (200, format!("GET /api/runs HTTP/1.1\n{here}\n{known}")),
        (200, format!("HEAD /api/runs HTTP/1.1\n{here}\n{known}")),
        (200, format!("GET / HTTP/1.1\n{here}")),
        (200, format!("GET /run/{RUN} HTTP/1.1\n{here}")),
        (200, format!("GET /api/runs?token={{token}} HTTP/1.1\n{here}")),
        (200, format!("GET /api/runs HTTP/1.1\nHost: localhost:{{port}}\nOrigin: http://localhost:{{port}}\n{known}")),
        (401, format!("GET /api/runs HTTP/1.1\n{here}")),
        (401, format!("GET /api/runs?token= HTTP/1.1\n{here}")),
        (401, format!("GET /api/runs HTTP/1.1\n{here}\nAuthorization: Bearer {{token}}0")),
        (401, format!("GET /api/runs HTTP/1.1\n{here}\nCookie: token={{token}}; logq-{{port}}={{token}}")),
        (401, format!("GET /api/runs?token=0123456789abcdef0123456789abcdef HTTP/1.1\n{here}\n{known}")),
        (401, format!("GET /api/nothing HTTP/1.1\n{here}")),
        (404, format!("GET /api/nothing HTTP/1.1\n{here}\n{known}")),
        (404, format!("GET /nothing HTTP/1.1\n{here}")),
        (421, "GET / HTTP/1.1\nHost: evil.example".to_owned()),
        (421, format!("GET /api/runs HTTP/1.1\nHost: evil.example:{{port}}\n{known}")),
        (421, format!("GET /api/runs HTTP/1.1\nHost: 127.0.0.1:{{port}}.evil.example\n{known}")),
        (421, format!("GET /api/runs HTTP/1.0\n{known}")),
        (403, format!("GET /api/runs HTTP/1.1\n{here}\nOrigin: http://evil.example\n{known}")),
        (403, format!("GET /api/runs HTTP/1.1\n{here}\nOrigin: null\n{known}")),
        (405, format!("POST /api/runs HTTP/1.1\n{here}\n{known}\nContent-Length: 0")),
        (405, format!("DELETE /api/runs HTTP/1.1\n{here}\n{known}")),
        (405, format!("OPTIONS /api/runs HTTP/1.1\n{here}\nOrigin: http://localhost:{{port}}")),
    ];
    for (status, request) in requests {
        let answer = server.raw(request);
        assert_eq!(answer.status, *status, "{request}\n{}", answer.body);
        assert_has(&answer.head, &["content-security-policy: ", "nosniff", "no-store", "same-origin", "no-referrer"]);
        assert!(!answer.head.contains("access-control-allow"), "{}", answer.head);
        // A browser would send a cookie to whatever else listens at this address.
        assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        if *status != 200 || !request.contains("{token}") {
            assert!(!answer.body.contains(RUN) && !answer.body.contains(&server.token), "{}", answer.body);
        }
        if *status != 200 && !request.starts_with("HEAD") {
            let said: Value = serde_json::from_str(&answer.body).expect("what the document of the API calls an Error");
            assert!(said["error"].is_string() && said["there_is"].is_array(), "{said}");
        }
    }
    let page = server.get("/");
    assert_has(&page.head, &["frame-ancestors 'none'"]);
    assert_has(&page.body, &["default-src 'none'", "script-src 'sha256-", "connect-src 'self'"]);
}

#[test]
fn nothing_but_the_runs_is_reachable_and_nothing_is_changed() {
    let case = Case::new();
    shop(&Spool::new(&case));
    // It looks like a run, but it is none of the store's.
    fs::create_dir_all(case.path().join("outside/spool")).expect("a folder");
    case.write("outside/spool/4242-aaaaaa.1.jsonl", "{\"msg\":\"secret\"}\n");
    let mut before = BTreeMap::new();
    files(case.path(), &mut before);
    let server = Server::of(&case);
    for run in
        ["..%2f..%2foutside", "%2e%2e%2f%2e%2e%2foutside", "..", "%00", "..%5c..%5coutside", "/etc/passwd", "%ff"]
    {
        for path in [format!("/api/runs/{run}/picture"), format!("/api/runs/{run}/diagnose")] {
            let answer = server.get(&path);
            assert!(matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
            assert!(!answer.body.contains("secret"), "{path}");
        }
        // A page is the same for every name.
        let page = server.get(&format!("/run/{run}"));
        assert!(page.status == 404 || page.body == server.get(&format!("/run/{RUN}")).body, "{run}");
    }
    for path in ["/../outside/spool/4242-aaaaaa.1.jsonl", "/..%2f.logq", "/api/search?run=..%2f..%2foutside&q=secret"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    for path in ["/", "/api/runs", "/api/search", &format!("/run/{RUN}"), "/api/runs/newest/picture"] {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    let mut after = BTreeMap::new();
    files(case.path(), &mut after);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "a file was changed");
}

#[test]
fn each_answer_is_the_command_lines_own() {
    let case = Case::new();
    let spool = Spool::new(&case);
    shop(&spool);
    spool.raw("4242-aaaaaa.1.jsonl", b"{half a line\n");
    let server = Server::of(&case);
    let found = server.json("/api/search?q=order_id:8812&level=ERROR&thread=2,3");
    let own = case.json(&["search", "order_id:8812", "--level", "ERROR", "--thread", "2,3"]);
    assert_eq!(found["records"], json!(own));
    assert_eq!(found["runs"], json!([RUN, RUN]));
    assert!(found["missing"].to_string().contains('1'), "the line that is none is told: {}", found["missing"]);
    let few = server.json("/api/search?limit=2");
    assert_eq!((few["records"].as_array().map(Vec::len), &few["more"]), (Some(2), &json!(true)));
    assert_eq!(server.json("/api/count?q=order*")["count"], case.json(&["search", "order*", "--count"])[0]["count"]);
    let top = server.json("/api/top?field=level&run=all");
    assert_eq!(top["values"], json!(case.json(&["search", "--top", "level", "--run", "all"])));
    let steps = server.json("/api/histogram?step=10ms&since=17:15:03&until=2027-01-01");
    let own = ["search", "--histogram=10ms", "--since", "17:15:03", "--until", "2027-01-01"];
    assert_eq!(steps["steps"], json!(case.json(&own)));
    assert_eq!(server.json("/api/runs/newest/threads?process=1")["lanes"], json!(case.json(&["threads"])));
    assert_eq!(json!([server.json("/api/runs/newest/diagnose")]), json!(case.json(&["diagnose"])));
    let why = case.logq(&["why", "1.t2@3", "--format", "json"]).ended(0);
    let why: Value = serde_json::from_str(&why.out).expect("a document");
    assert_eq!(server.json(&format!("/api/runs/{RUN}/why?id=1.t2@3")), why);
    let mut runs = server.json("/api/runs");
    wait_until("the run is read", || {
        runs = server.json("/api/runs");
        runs["runs"][0]["unread"].is_null()
    });
    let own = &case.json(&["runs"])[0];
    for (key, value) in own.as_object().expect("a run") {
        assert_eq!(&runs["runs"][0][key], value, "{key}");
    }
}

#[test]
fn a_question_that_means_nothing_is_told_what_was_wrong() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let server = Server::of(&case);
    for (path, status, said) in [
        ("/api/search?q=orderid:8812", 400, "order_id"),
        ("/api/search?q=(", 400, "error"),
        ("/api/search?level=LOUD", 400, "there is DEBUG"),
        ("/api/search?since=soon", 400, "is no time"),
        ("/api/search?thread=nobody", 404, "worker-1"),
        ("/api/search?colour=red", 400, "colour"),
        ("/api/search?limit=many", 400, "limit"),
        ("/api/histogram?step=1fortnight", 400, "no step"),
        ("/api/histogram?step=1ns", 400, "the most is"),
        ("/api/top", 400, "field"),
        ("/api/runs/newest/why", 400, "id"),
        ("/api/runs/newest/why?id=1.t2@99", 404, "1.t2@4"),
        ("/api/runs/2019/diagnose", 404, RUN),
        ("/api/follow?run=2019", 404, RUN),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(said), "{path}: {}", answer.body);
    }
}

#[test]
fn the_document_of_the_api_is_true() {
    let case = Case::new();
    shop(&Spool::new(&case));
    let server = Server::of(&case);
    let document = server.json("/api/openapi.json");
    let examples = json!({
        "q": "order", "run": "all", "process": "1", "thread": "2", "task": "*", "level": "ERROR", "since": "-5m",
        "until": "17:20", "limit": "3", "id": "1.t2@3", "field": "level", "step": "1s",
    });
    let paths = document["paths"].as_object().expect("paths");
    for (path, item) in paths.iter().filter(|(path, _)| *path != "/api/follow") {
        let address = path.replace("{run}", RUN);
        let named = item["get"]["parameters"].as_array().into_iter().flatten();
        let parameters = named.map(|parameter| {
            let reference = parameter["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            reference.map_or(parameter, |pointer| document.pointer(pointer).expect("a parameter that is there"))
        });
        let words = parameters.filter(|parameter| parameter["in"] == "query").map(|parameter| {
            let name = parameter["name"].as_str().expect("a name");
            (name, examples[name].as_str().expect("an example"))
        });
        let required = item["get"]["parameters"].to_string();
        for (name, example) in words {
            let rest = match required.contains("/id\"") && name != "id" {
                true => "&id=1.t2@3",
                false if required.contains("/field\"") && name != "field" => "&field=level",
                false => "",
            };
            let answer = server.get(&format!("{address}?{name}={example}{rest}"));
            // No task is there to be found.
            assert!(answer.status == 200 || (answer.status == 404 && name == "task"), "{path} {name}: {}", answer.body);
        }
    }
    assert_eq!(server.get("/api/nothing").status, 404);
}

#[test]
fn who_follows_gets_what_is_written_and_goes_over_to_the_next_run() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = shop(&spool);
    let server = Server::of(&case);
    let mut events = server.follow("?q=order&level=ERROR");
    spool.lines(
        "4242-aaaaaa",
        &[writer.log("t2", 5, "INFO", "order 1 comes in"), writer.log("t2", 6, "ERROR", "order 2 fails")],
    );
    let told = events.next("data:");
    assert_has(&told, &[&format!("\"run\":\"{RUN}\""), "order 2 fails", "\"id\":\"1.t2@6\""]);
    let later = Spool::of_run(&case, "20261122-181503-k3f9");
    let mut writer = shop(&later);
    later.lines("4242-aaaaaa", &[writer.log("t2", 5, "ERROR", "order 3 fails")]);
    assert_has(&events.next("data:"), &["20261122-181503-k3f9", "order 3 fails"]);
}

#[test]
fn a_picture_is_sent_again_when_the_run_has_grown() {
    let case = Case::new();
    let spool = Spool::new(&case);
    let mut writer = shop(&spool);
    let server = Server::of(&case);
    let path = format!("/api/runs/{RUN}/picture");
    let tag =
        |answer: &Answer| answer.head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").to_owned();
    let first = server.get(&path);
    assert!(first.status == 200 && first.body.contains("out of stock"));
    let known = format!(
        "GET {path} HTTP/1.1\nHost: 127.0.0.1:{{port}}\nAuthorization: Bearer {{token}}\nIf-None-Match: {}",
        tag(&first)
    );
    let same = server.raw(&known);
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    spool.lines("4242-aaaaaa", &[writer.log("t2", 5, "INFO", "stock comes in")]);
    let grown = server.raw(&known);
    assert!(grown.status == 200 && grown.body.contains("stock comes in") && tag(&grown) != tag(&first));
}

#[test]
fn an_empty_store_is_served_and_its_first_run_followed() {
    let case = Case::new();
    fs::create_dir_all(case.store().join("runs")).expect("a store");
    let server = Server::of(&case);
    assert_eq!(server.json("/api/runs"), json!({"runs": [], "all": 0}));
    assert_eq!(server.get("/").status, 200);
    let mut events = server.follow("");
    shop(&Spool::new(&case));
    while !events.next("data:").contains("the shop opens") {}
}
