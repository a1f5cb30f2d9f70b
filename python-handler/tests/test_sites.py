"""The names of objects, told from the line that made them; and the line of an instruction."""

from __future__ import annotations

import dis
import sys

import pytest

from logq import sites


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("jobs = queue.Queue()", "jobs"),
        ("self.jobs = Queue(maxsize=3)", "jobs"),
        ("jobs: queue.Queue[Order | None] = queue.Queue()", "jobs"),
        ("jobs: dict[str, Queue[int]] = Queue()", "jobs"),
        ("if x: self.jobs: Queue[int] = Queue()", "jobs"),
        ("a = 1; jobs = Queue()", "jobs"),
        ("desks: list[Pages] = [queue.Queue(maxsize=2) for _ in range(3)]", "desks"),
        ("worker = Worker(1, jobs=Queue())", "jobs"),
        ("left, right = Queue(), Queue()", None),
        ("for a, b in pairs: jobs = Queue()", "jobs"),
        ("start(Queue())", None),
        ("return Queue()", None),
        ("worker = Worker(Queue())", None),
        ("jobs = Queue(); done = Queue()", None),  # its site is the same as the other one's
    ],
)
def test_an_object_is_called_what_it_is_bound_to(tmp_path, line, name):
    file = tmp_path / "program.py"
    file.write_text(line + "\n")
    assert sites.name_at((str(file), 1, "main"), "Queue") == name


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("self._window, far_side = context.Pipe()", "_window/far_side"),
        ("(ours, theirs) = Pipe(False)", "ours/theirs"),
        ("both = Pipe()", None),
        ("a, b, c = Pipe()", None),
        ("start(Pipe())", None),
    ],
)
def test_a_pipe_is_called_after_both_its_ends(tmp_path, line, names):
    file = tmp_path / "program.py"
    file.write_text(line + "\n")
    assert sites.pair_at((str(file), 1, "main"), "Pipe") == names


def test_what_takes_by_a_with_block_is_told_from_what_calls():
    seen = []

    class Lock:
        def __enter__(self):
            frame = sys._getframe(1)
            seen.append(sites.enters_with(frame.f_code, frame.f_lasti))

        acquire = __enter__

        def __exit__(self, *failure):
            pass

    lock = Lock()
    for _ in range(50):  # specialised code says the same
        with lock:
            lock.acquire()
    assert seen == [True, False] * 50


def test_the_line_of_each_instruction():
    """As the interpreter's own table of lines has it, steps back and long ones included."""
    gap = "\n" * 300
    source = f"def f(a):\n    x = [\n        a,{gap}        1,\n    ]\n    return (\n        a\n        + x)\n"
    code = next(each for each in compile(source, "<f>", "exec").co_consts if hasattr(each, "co_code"))
    starts = list(dis.findlinestarts(code))
    for instruction in range(0, len(code.co_code), 2):
        lines = [line for begin, line in starts if begin <= instruction and line]
        line = lines[-1] if lines else code.co_firstlineno
        assert sites.position(code, instruction) == ("<f>", line, "f")
