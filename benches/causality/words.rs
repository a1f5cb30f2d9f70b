//! What a made-up service logs: call sites with their templates, levels and keys, as services have them. Some messages are
//! formatted with a template, some by the program itself, some are always the same; ids, names, times and sizes vary as
//! they do there.

use crate::world::{At, World};

/// A call of a logging method.
struct Call {
    level: &'static str,
    logger: &'static str,
    /// `{order}`, `{customer}`… are filled in. What follows `=` in a placeholder is what the template has there.
    text: &'static str,
    how: How,
    /// How often, beside the others.
    weight: u32,
    extra: &'static str,
}

enum How {
    /// With a template and arguments.
    Template,
    /// Made by the program: an f-string.
    Made,
    /// With an exception as well.
    Failure,
}

const fn call(
    weight: u32,
    level: &'static str,
    logger: &'static str,
    how: How,
    text: &'static str,
    extra: &'static str,
) -> Call {
    Call { level, logger, text, how, weight, extra }
}

#[rustfmt::skip]
const CALLS: [Call; 20] = [
    call(120, "INFO", "shop.http", How::Template, "{method=%s} {path=%s} -> {status=%d} in {ms=%.1f} ms", r#""status":{status},"ms":{ms},"trace":"{trace}""#),
    call(90, "DEBUG", "shop.db", How::Template, "SELECT took {us=%d} us, {rows=%d} rows", r#""table":"{table}","rows":{rows}"#),
    call(80, "INFO", "shop.orders", How::Template, "processed order {order=%d} for {customer=%s}", r#""order_id":{order},"customer":"{customer}","amount":{amount}"#),
    call(60, "INFO", "shop.stock", How::Template, "reserved {rows=%d} of article {article=%s} in warehouse {place=%s}", r#""article":"{article}","warehouse":"{place}""#),
    call(50, "DEBUG", "shop.cache", How::Template, "miss for key {key=%s}, fetched in {us=%d} us", r#""key":"{key}""#),
    call(40, "DEBUG", "shop.cache", How::Template, "hit for key {key=%s}", r#""key":"{key}""#),
    call(40, "INFO", "shop.mail", How::Template, "queued confirmation {order=%d} to {mail=%s}", r#""order_id":{order}"#),
    call(40, "INFO", "shop.auth", How::Made, "user {customer} logged in from {address}", r#""user":{"name":"{customer}","ip":"{address}"}"#),
    call(30, "DEBUG", "urllib3.connectionpool", How::Template, "http://{host=%s}:8080 \"{method=%s} {path=%s} HTTP/1.1\" {status=%s} {rows=%s}", ""),
    call(30, "INFO", "shop.payments", How::Made, "payment {trace} of {amount} EUR accepted", r#""payment_id":"{trace}","amount":{amount}"#),
    call(25, "DEBUG", "asyncio", How::Made, "Using selector: EpollSelector", ""),
    call(25, "INFO", "shop.jobs", How::Made, "cleaning up expired sessions", ""),
    call(20, "INFO", "shop.jobs", How::Template, "{rows=%d} sessions expired, oldest {us=%d} s", ""),
    call(20, "DEBUG", "shop.worker", How::Template, "worker {place=%r} idle for {ms=%.3f} s", ""),
    call(12, "WARNING", "shop.http", How::Template, "slow answer from {host=%s} after {ms=%.0f} ms", r#""host":"{host}","ms":{ms}"#),
    call(10, "WARNING", "shop.stock", How::Template, "article {article=%s} below minimum: {rows=%d} left", r#""article":"{article}","left":{rows}"#),
    call(6, "WARNING", "shop.db", How::Made, "connection pool exhausted, waiting", ""),
    call(4, "ERROR", "shop.orders", How::Failure, "order {order=%d} failed", r#""order_id":{order},"customer":"{customer}""#),
    call(3, "ERROR", "shop.payments", How::Failure, "timeout while charging {customer=%s}", r#""customer":"{customer}","retry":true"#),
    call(1, "CRITICAL", "shop.main", How::Template, "giving up after {rows=%d} attempts", ""),
];

const FAILURE: &str = r#","exc":{"type":"LookupError","msg":"no such order","stack":[{"file":"/srv/shop/service.py","line":140,"func":"work","code":"handle(order)"},{"file":"/srv/shop/orders.py","line":77,"func":"handle","code":"row = db.fetch(order.id)"},{"file":"/srv/shop/db.py","line":31,"func":"fetch","code":"raise LookupError(\"no such order\")"}]}"#;

/// The keys of a log record of that lane.
pub fn log(world: &mut World, lane: At) -> String {
    let all: u32 = CALLS.iter().map(|call| call.weight).sum();
    let mut left = world.chance.u32(..all);
    let place = CALLS.iter().position(|call| {
        let is_it = left < call.weight;
        left = left.saturating_sub(call.weight);
        is_it
    });
    let (place, call) = place.map_or((0, &CALLS[0]), |place| (place, &CALLS[place]));
    let values = Values::new(&mut world.chance);
    let (message, template) = (values.fill(call.text), values.template(call.text));
    let template = match call.how {
        How::Made => String::new(),
        How::Template | How::Failure => format!(r#","tpl":"{}""#, escape(&template)),
    };
    let extra =
        if call.extra.is_empty() { String::new() } else { format!(r#","extra":{{{}}}"#, values.fill(call.extra)) };
    let called = world.called(lane);
    let task = if world.name(lane).starts_with('a') { format!(r#","task":"{called}""#) } else { String::new() };
    let thread = if task.is_empty() { called } else { "MainThread" };
    let exc = if matches!(call.how, How::Failure) { FAILURE } else { "" };
    let module = call.logger.rsplit('.').next().unwrap_or(call.logger);
    format!(
        r#""level":"{}","logger":"{}","file":"/srv/shop/{module}.py","line":{},"func":"handle_{}","thread":"{thread}","tid":5003{task},"msg":"{}"{template}{exc}{extra}"#,
        call.level,
        call.logger,
        20 + place * 13,
        place % 4,
        escape(&message),
    )
}

fn escape(text: &str) -> String {
    text.replace('"', "\\\"")
}

/// What is filled in.
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn new(chance: &mut fastrand::Rng) -> Values {
        let one = |chance: &mut fastrand::Rng, of: &[&str]| of[chance.usize(..of.len())].to_owned();
        let order = chance.u32(100_000..400_000);
        let path = match chance.u32(..3) {
            0 => format!("/api/v1/orders/{order}"),
            1 => "/api/v1/articles?page=2".to_owned(),
            _ => "/health".to_owned(),
        };
        let customer = format!("customer-{}", chance.u32(..5000));
        Values(vec![
            ("method", one(chance, &["GET", "GET", "GET", "POST", "PUT", "DELETE"])),
            ("status", one(chance, &["200", "200", "200", "200", "201", "204", "304", "404", "500"])),
            ("ms", format!("{}.{}", chance.u32(..400), chance.u32(1..10))),
            ("us", chance.u32(40..90_000).to_string()),
            ("rows", chance.u32(..60).to_string()),
            ("table", one(chance, &["orders", "customers", "articles", "sessions"])),
            ("amount", format!("{}.{:02}", chance.u32(1..300), chance.u32(1..100))),
            ("article", format!("A-{}-{}", chance.u32(1000..9999), one(chance, &["S", "M", "L", "XL"]))),
            ("place", one(chance, &["north", "south", "harbour", "airport"])),
            ("key", format!("user:{}:profile", chance.u32(..20_000))),
            ("mail", format!("{customer}@example.org")),
            ("address", format!("10.{}.{}.{}", chance.u8(..4), chance.u8(..), chance.u8(..))),
            ("host", format!("node-{}.internal", chance.u32(..40))),
            ("trace", format!("{:016x}{:016x}", chance.u64(..), chance.u64(..))),
            ("order", order.to_string()),
            ("path", path),
            ("customer", customer),
        ])
    }

    fn fill(&self, text: &str) -> String {
        self.replace(text, |value, _| value.to_owned())
    }

    fn template(&self, text: &str) -> String {
        self.replace(text, |_, placeholder| placeholder.to_owned())
    }

    fn replace(&self, text: &str, with: impl Fn(&str, &str) -> String) -> String {
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let end = rest[start..].find('}').map_or(rest.len(), |end| start + end);
            let (name, placeholder) = rest[start + 1..end].split_once('=').unwrap_or((&rest[start + 1..end], ""));
            match self.0.iter().find(|(own, _)| *own == name) {
                Some((_, value)) => {
                    out.push_str(&rest[..start]);
                    out.push_str(&with(value, placeholder));
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
                None => {
                    out.push_str(&rest[..=start]);
                    rest = &rest[start + 1..];
                }
            }
        }
        out.push_str(rest);
        out
    }
}
