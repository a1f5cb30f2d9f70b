"""Where a program records when nobody tells it: upward like git, privately, never to somebody else."""

from __future__ import annotations

import os
from pathlib import Path

from harness import run

from logq.place import claim_number, find_directory, new_run


def test_the_directory_is_looked_for_upward(tmp_path):
    (tmp_path / ".logq").mkdir()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_directory(str(below)) == str(tmp_path / ".logq")
    tmp_path.chmod(0o1777)
    assert find_directory(str(below)) == str(below / ".logq")
    assert find_directory(str(tmp_path)) == str(tmp_path / ".logq")


def test_somebody_elses_directory_is_refused(tmp_path, monkeypatch, capsys):
    (tmp_path / ".logq").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert find_directory(str(tmp_path)) == str(tmp_path / "state" / "logq")
    assert "recording to" in capsys.readouterr().err


def test_from_the_root_directory_it_goes_to_the_state_directory(tmp_path):
    done = run(
        tmp_path,
        "import os; os.chdir('/'); import logq, logging; logq.install(); logq.install(); logging.warning('x')",
        booted=False,
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    assert done.err.count("logq: / cannot hold a .logq directory; recording to") == 1
    assert list((tmp_path / "state" / "logq" / "runs").iterdir())


def test_numbers_are_claimed_once(tmp_path):
    assert [claim_number(str(tmp_path), f"{n}-aaaaaa") for n in range(3)] == [1, 2, 3]
    (tmp_path / "70.claim").write_text("")
    (tmp_path / "x.claim").write_text("")
    assert claim_number(str(tmp_path), "9-bbbbbb") == 71
    assert (tmp_path / "71.claim").read_text() == "9-bbbbbb\n"
    assert Path(tmp_path, "71.claim").stat().st_mode & 0o777 == 0o600


def test_run_names_sort_by_time():
    first, second = new_run(), new_run()
    assert first[:15] <= second[:15]
    assert first != second
