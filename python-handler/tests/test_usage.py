"""What is written of a thread's time besides its waits: on the processor, kept from it, or still."""

from __future__ import annotations

from harness import run

TWO_SORTS = """
    import threading, time
    from logq import identity
    from logq.lane import here
    def is_enough(lane, barred):
        looks = lane.looks
        return looks is not None and looks.n >= 6 and (looks.barred > 0) >= barred
    def seen():  # of all: alone, the last would never be kept from the processor
        return len(lanes) == 4 and all(is_enough(*each) for each in list(lanes))
    def spin():
        lanes.append((here(), True))
        while not seen(): pass
    def sleep():
        lanes.append((here(), False))
        while not seen(): time.sleep(0.05)
    lanes = []
    threads = [threading.Thread(target=target, name=target.__name__) for target in (spin, spin, spin, sleep)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    """


def ends(records):
    names = {r["lane"]: r["name"] for r in records if r.get("ev") == "lane"}
    return [(names[r["lane"]], r) for r in records if r.get("ev") == "end" and r["lane"] in names]


def test_a_thread_says_what_it_did_with_its_time(tmp_path):
    records = run(tmp_path, TWO_SORTS).records
    found = ends(records)
    assert sorted(name for name, _ in found) == ["sleep", "spin", "spin", "spin"]
    for name, end in found:
        looks = end["looks"]
        assert end["cpu"] > 0
        assert end["runnable"] >= 0
        assert looks["n"] >= 6
        if name == "spin":
            assert looks["barred"] > 0
        else:
            assert looks["still"] > 0
            assert looks["barred"] == 0
    (end,) = [r for r in records if r.get("ev") == "exit"]
    (main,) = [lane for lane in end["lanes"] if lane["lane"] == "t1"]
    assert 0 < main["cpu"] <= end["cpu"] + 50_000_000  # what it used before is not counted
    assert main["looks"]["n"] >= 6


def test_the_end_of_a_program_waits_for_all_of_its_threads(tmp_path):
    records = run(
        tmp_path,
        """
        import threading, time
        for _ in range(2):
            threading.Thread(target=time.sleep, args=(0.1,)).start()
        """,
    ).records
    (wait,) = [r for r in records if r.get("ev") == "wait" and r["lane"] == "t1"]
    assert (wait["on"], wait["owners"]) == ("join", ["t2", "t3"])
    (got,) = [r for r in records if r.get("ev") == "got" and r["lane"] == "t1"]
    assert got["mono"] >= max(r["mono"] for r in records if r.get("ev") == "end")
