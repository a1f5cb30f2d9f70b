"""Bounded disk: the ring of low records, the cap on everything, and what is said of what went."""

from __future__ import annotations

import json

from harness import parts, run

BUSY = """
import logging, threading
log = logging.getLogger("r"); log.addHandler(logging.NullHandler()); log.propagate = False; log.setLevel(10)
def work():
    for n in range(3000):
        log.debug("a low record to fill the ring %d", n)
        if n % 500 == 0: log.warning("high %d", n)
ts = [threading.Thread(target=work) for _ in range(2)]
for t in ts: t.start()
for t in ts: t.join()
try: 1 / 0
except ZeroDivisionError: log.exception("the end")
"""


def sequences(done):
    """Numbers by lane."""
    found = {}
    for record in done.records:
        if "seq" in record:
            found.setdefault(record["lane"], []).append(record["seq"])
    return found


def missing(done):
    return sum(max(seqs) - len(seqs) for seqs in sequences(done).values())


def test_a_ring_keeps_the_last_low_records_and_everything_else(tmp_path):
    limit = 256 << 10
    done = run(tmp_path, BUSY, LOGQ_RING=str(limit), checked=False)
    low = done.logs(level="DEBUG")
    assert 100 < len(low) < 6000
    assert sorted(int(record["msg"].split()[-1]) for record in low)[-1] == 2999
    assert len(done.logs(level="WARNING")) == 12
    assert done.log("the end")["exc"]["type"] == "ZeroDivisionError"
    assert len(done.events("lane")) == len(done.events("end")) + len([r for r in done.events("lane") if r.get("again")])
    rings = {record["part_file"] for record in low}
    assert not rings & {record["part_file"] for record in done.records if record.get("level") == "WARNING"}
    assert limit / 2 < sum(path.stat().st_size for path in parts(done.directory) if path.name in rings) <= limit
    gone = done.events("lost", why="ring")
    assert len(gone) > 3
    assert sum(record["n"] for record in gone) == missing(done)
    assert all(len(set(seqs)) == len(seqs) for seqs in sequences(done).values())
    first = json.loads(next(path for path in parts(done.directory) if path.name in rings).read_text().split("\n")[0])
    assert (first["ev"], first["again"], first["n"]) == ("proc", True, 1)


def test_a_cap_drops_whole_old_parts(tmp_path):
    limit = 200 << 10
    done = run(tmp_path, BUSY, LOGQ_SPOOL_CAP=str(limit), checked=False)
    files = parts(done.directory)
    assert files[0].name.split(".")[1] != "1"
    assert limit / 2 < sum(path.stat().st_size for path in files) <= limit
    gone = done.events("lost", why="cap")
    # What was told in parts that are gone themselves is not to be seen any more.
    assert gone
    assert sum(record["n"] for record in gone) <= missing(done)
    assert done.log("the end")
    assert done.event("exit")


def test_a_cap_on_both_and_children(tmp_path):
    done = run(
        tmp_path,
        BUSY
        + """
import multiprocessing
if __name__ == "__main__":
    for method in ("fork", "spawn"):
        p = multiprocessing.get_context(method).Process(target=work); p.start(); p.join()
""",
        LOGQ_RING="64K",
        LOGQ_SPOOL_CAP="128K",
        checked=False,
    )
    sizes = {}
    for path in parts(done.directory):
        sizes.setdefault(path.name.split(".")[0], []).append(path.stat().st_size)
    assert len(sizes) == 3
    assert all(sum(all_of_it) <= 128 << 10 for all_of_it in sizes.values())


def test_without_a_ring_all_is_in_one_part(tmp_path):
    done = run(tmp_path, BUSY)
    assert len(parts(done.directory)) == 1
    assert len(done.logs(level="DEBUG")) == 6000
