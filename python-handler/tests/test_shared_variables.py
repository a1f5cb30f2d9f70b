"""Variables that processes share: each read and write that can matter is on disk, with the locks held then."""

from __future__ import annotations

import pytest
from harness import run

METHODS = ["fork", "spawn", "forkserver"]

VALUES = """
import ctypes, multiprocessing
class Point(ctypes.Structure): _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_int)]
def work(total, cells, point, mine):
    for _ in range(50): total.value = 7
    with total.get_lock(): total.value += 1
    cells[-1], cells[0:2] = 5, [1, 2]
    point.y = 4
    mine.value = 3
    try: cells[99]
    except IndexError as e: assert e.__traceback__.tb_next.tb_next is None, "a frame of ours"
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    total, gate = context.Value("i", 0), context.RLock()
    cells = context.Array("i", 10)
    point = context.Value(Point, 1, 2)
    mine = context.Value("i", 0, lock=gate)
    worker = context.Process(target=work, args=(total, cells, point, mine)); worker.start(); worker.join()
    assert (total.value, cells[:2], point.x, mine.value) == (8, [1, 2], 1, 3), total.value
"""


@pytest.mark.parametrize("method", METHODS)
def test_values_and_arrays(tmp_path, method):
    done = run(tmp_path, VALUES.format(method=method))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    child = next(event for event in done.processes() if event["how"] == method)["proc"]
    names = {event["obj"]: event["name"] for event in done.events("obj", proc=child)}
    told = [
        (names[use["var"]], use.get("item"), use["rw"], use["site"][1]) for use in done.events("access", proc=child)
    ]
    assert told[0] == ("total", None, "w", 5)
    assert told.count(told[0]) <= 2  # not once a turn of the loop
    assert [use for use in told if use != told[0]] == [
        ("total", None, "r", 6),
        ("total", None, "w", 6),
        ("cells", 9, "w", 7),
        ("cells", "0:2", "w", 7),
        ("point", "y", "w", 8),
        ("mine", None, "w", 9),
        ("cells", 99, "r", 10),
    ]
    by_line = {use["site"][1]: use.get("held") for use in done.events("access", proc=child)}
    assert by_line[5] is by_line[8] is None  # its own lock, for the one operation, is no protection
    (held,) = by_line[6]
    assert names[held.split("#")[0]] == "total"
    assert [names[lock.split("#")[0]] for lock in by_line[9]] == ["gate"]
    first, second = [use["held"] for use in done.events("access", proc=child) if use["site"][1] == 6]
    assert first == second  # of one acquisition
    ours = {use["var"] for use in done.events("access", proc=root)}
    assert {f"{root}/{var}" for var in ours} == {use["var"] for use in done.events("access", proc=child)}


PROXIES = """
import multiprocessing
def work(table, names, space, count, cells):
    table["a"] = table.get("a", 0) + 1
    names.append("x"); names += ["y"]
    space.total = space.total + 1
    count.value += 1
    cells[1] = 2
    table[Odd()] = 0
    try: table["none"]
    except KeyError as e: assert e.__traceback__.tb_next.tb_next.tb_next is None, "a frame of ours"
class Odd:
    def __eq__(self, other): return True
    def __hash__(self): return 1
    def __repr__(self): raise ValueError
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with context.Manager() as manager:
        table = manager.dict()
        names = manager.list()
        space = manager.Namespace(total=0)
        count = manager.Value("i", 0)
        cells = manager.Array("i", [1, 2])
        worker = context.Process(target=work, args=(table, names, space, count, cells)); worker.start(); worker.join()
        assert (len(table), space.total, count.value, list(names)) == (2, 1, 1, ["x", "y"])
"""


@pytest.mark.parametrize("method", METHODS)
def test_what_a_manager_keeps(tmp_path, method):
    done = run(tmp_path, PROXIES.format(method=method))
    root = next(event for event in done.processes() if event["how"] == "root")["proc"]
    uses = [event for event in done.events("access") if event["proc"] != root]
    names = {event["obj"]: event["name"] for event in done.events("obj", proc=uses[0]["proc"])}
    assert [(names[use["var"]], use.get("item"), use["rw"], use["site"][1]) for use in uses] == [
        ("table", "a", "r", 4),
        ("table", "a", "w", 4),
        ("names", None, "w", 5),
        ("names", None, "w", 5),
        ("space", "total", "r", 6),
        ("space", "total", "w", 6),
        ("count", None, "r", 7),
        ("count", None, "w", 7),
        ("cells", 1, "w", 8),
        ("table", "none", "r", 10),
    ]


def test_an_access_is_written_anew_after_each_hand_over(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing, threading
        total, gate = multiprocessing.Value("i", 0), threading.Lock()
        def turn():
            for _ in range(10):
                total.value = 1
            with gate: total.value = 2
        for _ in range(3): turn()
        """,
    )
    lines = [use["site"][1] for use in done.events("access")]
    assert lines.count(7) == 3
    assert 3 <= lines.count(6) <= 6  # an instruction may be told twice, while the interpreter specializes it
    held = [use["held"][0].split("#") for use in done.events("access") if use["site"][1] == 7]
    assert {lock for lock, _ in held} == {next(obj["obj"] for obj in done.events("obj") if obj["name"] == "gate")}
    assert len({number for _, number in held}) == 3


def test_a_flood_of_accesses_is_cut(tmp_path):
    done = run(
        tmp_path,
        """
        import multiprocessing
        cells = multiprocessing.Array("i", 2000)
        for place in range(2000): cells[place] = place
        """,
    )
    assert 200 <= len(done.events("access")) < 2000
    note = done.event("note", what="throttled")
    assert note["obj"] == done.events("access")[0]["var"]
