"""The peers of the store that are Python packages: DuckDB and the engine of ClickHouse, each on the lines of a run.

    peers.py duckdb|chdb load DATABASE FILES…   prints the seconds of a typed load
    peers.py duckdb|chdb NAME DATABASE          prints the seconds of a question, the median of some, and how many it finds

Seconds are those inside the process, by the clock and of the processor: neither starting Python nor importing the package
counts. Exit status 3 says that the package is not installed.
"""

import json
import shutil
import sys
import time

ROUNDS = 5

# What every record has, typed; what is left of a line is not loaded.
COLUMNS = {
    "ts": "VARCHAR", "mono": "BIGINT", "proc": "VARCHAR", "pid": "INTEGER", "lane": "VARCHAR", "seq": "BIGINT",
    "ev": "VARCHAR", "obj": "VARCHAR", "level": "VARCHAR", "logger": "VARCHAR", "msg": "VARCHAR", "thread": "VARCHAR",
    "task": "VARCHAR", "file": "VARCHAR", "line": "INTEGER", "extra": "JSON", "again": "BOOLEAN",
}

# Each as logq is asked it in questions.rs.
QUESTIONS = {
    "newest 100": "SELECT ts, level, logger, msg FROM t WHERE level = 'ERROR' AND {order} "
    "AND ts >= '2026-11-22T17:00:20' AND ts < '2026-11-22T17:00:23' ORDER BY ts DESC LIMIT 100",
    "lane": "SELECT * FROM t WHERE lane = 't1' AND proc LIKE '4001-%' ORDER BY seq",
    "timeline": "SELECT * FROM t WHERE lane = 't1' AND proc LIKE '4001-%' ORDER BY seq",
    "count": "SELECT count(*) FROM t WHERE level = 'ERROR'",
    "top": "SELECT logger, count(*) AS n FROM t WHERE level IS NOT NULL AND logger IS NOT NULL GROUP BY logger ORDER BY n DESC",
    "histogram": "SELECT {bucket}, count(*) FROM t GROUP BY 1 ORDER BY 1",
    "events by object": "SELECT obj, count(*) AS n FROM t WHERE ev IS NOT NULL AND obj IS NOT NULL GROUP BY obj ORDER BY n DESC",
}

# Of the others every row counts as one.
SUMMED = {"count", "top", "histogram", "events by object"}


class Duck:
    bucket = "time_bucket(INTERVAL 1 SECOND, ts)"
    order = r"regexp_matches(msg, '\border\b', 'i')"

    def __init__(self, database):
        import duckdb

        self.connection = duckdb.connect(database)

    def load(self, files):
        columns = json.dumps(COLUMNS).replace('"', "'")
        self.connection.execute(
            "CREATE TABLE t AS SELECT CAST(ts AS TIMESTAMP_NS) AS ts, * EXCLUDE (ts) FROM "
            f"read_json({files!r}, format='newline_delimited', columns={columns}, maximum_object_size=2000000) WHERE again IS NULL"
        )
        self.connection.execute("CHECKPOINT")

    def ask(self, question):
        return self.connection.execute(question).fetchall()


class Click:
    bucket = "toStartOfSecond(ts)"
    order = "hasToken(lower(msg), 'order')"

    def __init__(self, database):
        import chdb.session

        self.session = chdb.session.Session(database)
        self.session.query("CREATE DATABASE IF NOT EXISTS d")
        self.session.query("USE d")

    def load(self, files):
        kinds = {"BIGINT": "Int64", "INTEGER": "Int32", "JSON": "String", "BOOLEAN": "Bool"}
        source = ", ".join(f"{name} Nullable({kinds.get(kind, 'String')})" for name, kind in COLUMNS.items())
        own = source.replace("ts Nullable(String)", "ts DateTime64(9, 'UTC')", 1)
        self.session.query(
            f"CREATE TABLE t ({own}, INDEX words msg TYPE text(tokenizer = 'splitByNonAlpha') GRANULARITY 100000000) "
            "ENGINE = MergeTree ORDER BY ts SETTINGS allow_nullable_key = 1"
        )
        pattern = files[0].rsplit("/", 1)[0] + "/*.jsonl"
        self.session.query(
            f"INSERT INTO t SELECT parseDateTime64BestEffort(ts, 9, 'UTC') AS ts, * EXCEPT ts FROM "
            f"file('{pattern}', 'JSONEachRow', '{source}') WHERE again IS NULL SETTINGS input_format_skip_unknown_fields = 1, "
            "input_format_json_read_objects_as_strings = 1"
        )

    def ask(self, question):
        rows = self.session.query(question, "JSONCompactEachRow").bytes().splitlines()
        return [json.loads(row) for row in rows]


def main():
    peer, what, database, *rest = sys.argv[1:]
    if what == "load":
        shutil.rmtree(database, ignore_errors=True)
    try:
        engine = {"duckdb": Duck, "chdb": Click}[peer](database)
    except ImportError:
        return 3
    if what == "load":
        wall, cpu = time.perf_counter(), time.process_time()
        engine.load(rest)
        print(time.perf_counter() - wall, time.process_time() - cpu, 0)
        return 0
    question = QUESTIONS[what].format(bucket=engine.bucket, order=engine.order)
    taken = []
    for _ in range(ROUNDS):
        wall, cpu = time.perf_counter(), time.process_time()
        rows = engine.ask(question)
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
    found = sum(int(row[-1]) for row in rows) if what in SUMMED else len(rows)
    print(*sorted(taken)[ROUNDS // 2], found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
