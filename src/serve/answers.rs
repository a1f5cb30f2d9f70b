//! Questions → answers as JSON, the same as the command line prints. Everything here blocks: it reads files.

use serde_json::{Value, json};

use super::cases::Cases;
use super::error::ServeError;
use super::question::Question;
use crate::diagnose::Finding;
use crate::investigation::{self, Investigation, RunChoice, SearchedRun};
use crate::query;
use crate::record::{Field, RecordName, time};
use crate::spool::RunDir;
use crate::view::runs::RunLine;
use crate::view::threads::Overview;
use crate::view::{chain, diagnosis, diagnosis_json, failure, json as text};

const RUNS: usize = 50;
const RECORDS: usize = 200;
/// An answer of more would fill the memory of the browser that asked.
const MOST_RECORDS: usize = 20_000;
const VALUES: usize = 20;

/// The runs of the store, newest first, each with its verdict in a line.
pub fn runs(cases: &Cases, question: &Question) -> Result<Value, ServeError> {
    let mut runs = match investigation::choose_runs(&cases.store, &RunChoice::All) {
        Ok(runs) => runs,
        Err(investigation::InvestigationError::NotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let all = runs.len();
    runs.reverse();
    runs.truncate(question.limit(RUNS, 1000));
    Ok(json!({"runs": cases.lines.of(&runs), "all": all}))
}

/// A run in a line, with its verdict. One that cannot be read is listed as such: the others are still there.
pub fn run_line(run: &RunDir) -> Value {
    match Investigation::open(run.clone()) {
        Ok(case) => line_of(&case),
        Err(error) => json!({"run": run.name(), "unreadable": error.to_string()}),
    }
}

fn line_of(case: &Investigation) -> Value {
    let mut line = RunLine::of(&overview(case)).to_json();
    let findings = case.findings(None);
    let told = |finding: &Finding| {
        json!({
            "kind": finding.kind,
            "certainty": diagnosis::certainty(finding.certainty),
            "counts": finding.counts(),
            "summary": finding.summary,
        })
    };
    line["findings"] = findings.iter().map(told).collect();
    line["living"] = json!(case.alive.len());
    line
}

fn overview(case: &Investigation) -> Overview<'_> {
    Overview { run: case.run.name(), graph: &case.graph, alive: &case.alive, problems: &case.problems }
}

/// The processes, threads and tasks of a run.
pub fn threads(cases: &Cases, run: &str, question: &Question, now: i64) -> Result<Value, ServeError> {
    let selection = question.selection(cases.store.path().to_owned(), now)?;
    cases.ask(&cases.run(run)?, |case| {
        let overview = overview(case);
        let lanes = case.lanes(&selection.lanes)?;
        let lanes: Vec<Value> = lanes.into_iter().map(|lane| overview.lane_json(lane)).collect();
        let (counts, missing) = (overview.counts(), overview.missing());
        Ok(json!({"run": case.run.name(), "counts": counts, "missing": missing, "lanes": lanes}))
    })
}

/// What is wrong with a run.
pub fn diagnose(cases: &Cases, run: &str) -> Result<Value, ServeError> {
    cases.ask(&cases.run(run)?, |case| Ok(diagnosis_json::document(&case.findings(None), &overview(case))))
}

/// The hand-overs that led to a record.
pub fn why(cases: &Cases, run: &str, question: &Question, now: i64) -> Result<Value, ServeError> {
    let id = question.id.as_deref().ok_or_else(|| ServeError::Question("id: which record? as 1.t3@17".into()))?;
    let name: RecordName = id.parse()?;
    let selection = question.selection(cases.store.path().to_owned(), now)?;
    cases.ask(&cases.run(run)?, |case| {
        let record = case.record(&name, &selection.lanes)?;
        let failed = case.graph.failure(record);
        let found = case.graph.led_to(record, failed.as_ref());
        let mut wanted = chain::records(&found);
        wanted.push(record);
        wanted.extend(failed.iter().flat_map(failure::records));
        let contents = case.contents(wanted)?;
        let mut document = chain::to_json(&case.graph, record, &found, None, &contents);
        if let Some(failed) = &failed {
            document["failure"] = failure::to_json(&case.graph, failed, &contents);
        }
        Ok(document)
    })
}

/// The newest records that are asked for, oldest of them first; as text, since each is its own line on disk.
pub fn search(cases: &Cases, question: &Question, now: i64) -> Result<String, ServeError> {
    let runs = searched(cases, question, now)?;
    let limit = question.limit(RECORDS, MOST_RECORDS);
    // One more than is shown tells whether there are more.
    let mut hits = investigation::newest(&runs, limit + 1)?;
    let more = hits.len() > limit;
    if more {
        hits.remove(0);
    }
    let mut records = Vec::new();
    for (place, found) in hits.iter().enumerate() {
        if place > 0 {
            records.push(b',');
        }
        // Writing into memory cannot fail.
        let _ = text::write_record(&found.hit.record, &found.hit.line, &mut records);
    }
    let of: Vec<&str> = hits.iter().map(|found| runs[found.run].run.name()).collect();
    let (of, missing) = (json!(of), json!(problems(&runs)?));
    Ok(format!(
        r#"{{"more":{more},"runs":{of},"missing":{missing},"records":[{}]}}"#,
        String::from_utf8_lossy(&records)
    ))
}

/// How many records there are.
pub fn count(cases: &Cases, question: &Question, now: i64) -> Result<Value, ServeError> {
    let runs = searched(cases, question, now)?;
    Ok(json!({"count": investigation::count(&runs)?, "missing": problems(&runs)?}))
}

/// The values of a field, the most frequent first.
pub fn top(cases: &Cases, question: &Question, now: i64) -> Result<Value, ServeError> {
    let field = question.field.as_deref().ok_or_else(|| ServeError::Question("field: of which one?".into()))?;
    let runs = searched(cases, question, now)?;
    investigation::check_fields(&runs, &query::parse(&format!("{field}:*"), now)?)?;
    let counts = investigation::top(&runs, &Field::named(field))?;
    let limit = question.limit(VALUES, MOST_RECORDS);
    let shown = counts.iter().take(limit).map(|(value, count)| json!({"value": value, "count": count}));
    Ok(
        json!({"values": shown.collect::<Vec<_>>(), "others": counts.len().saturating_sub(limit), "missing": problems(&runs)?}),
    )
}

/// How many records there are in each step of time; no steps where there is nothing.
pub fn histogram(cases: &Cases, question: &Question, now: i64) -> Result<Value, ServeError> {
    let width = question.step.as_deref().filter(|step| !step.is_empty());
    let width = width.map(|step| {
        query::time::step(step)
            .ok_or_else(|| ServeError::Question(format!("step: `{step}` is no step of time; try 1s or 5m")))
    });
    let width = width.transpose()?;
    let runs = searched(cases, question, now)?;
    let Some((first, last)) = investigation::span(&runs)? else {
        return Ok(json!({"steps": [], "missing": problems(&runs)?}));
    };
    let buckets = investigation::steps(first, last, width)?;
    let counts = investigation::histogram(&runs, &buckets)?;
    let step = |(place, count): (usize, &u64)| json!({"ts": time::to_rfc3339(investigation::begin(&buckets, place)), "count": count});
    let steps: Vec<Value> = counts.iter().enumerate().map(step).collect();
    Ok(json!({"width": buckets.width, "steps": steps, "missing": problems(&runs)?}))
}

/// The runs that are asked. What their indexes lack is read from their files.
fn searched(cases: &Cases, question: &Question, now: i64) -> Result<Vec<SearchedRun>, ServeError> {
    let selection = question.selection(cases.store.path().to_owned(), now)?;
    Ok(investigation::open_search(&selection, &question.parsed(now)?, &|_, _| false)?)
}

/// What could not be read stands beside every answer that it could change.
fn problems(runs: &[SearchedRun]) -> Result<Vec<String>, ServeError> {
    let mut all = crate::spool::Problems::default();
    for run in runs {
        all.merge(run.reader.problems()?);
    }
    Ok(all.to_string().lines().map(str::to_owned).collect())
}
