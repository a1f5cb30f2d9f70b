"""The names of objects, told from the line that made them."""

from __future__ import annotations

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
    ],
)
def test_an_object_is_called_what_it_is_bound_to(tmp_path, line, name):
    file = tmp_path / "program.py"
    file.write_text(line + "\n")
    assert sites.name_at((str(file), 1, "main"), "Queue") == name
