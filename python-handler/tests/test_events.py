"""The two sides know the same events: events.py, record/event.rs, and what the sources write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import SOURCE

from logq.events import EVENTS

RUST = SOURCE.parent.parent / "src" / "record" / "event.rs"


def test_what_is_written_is_listed():
    written = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'event\(\s*"(\w+)"', text)) | set(re.findall(r'"ev":"(\w+)"', text))
    assert written <= EVENTS
    assert {"proc", "lane", "end", "exit", "child", "reap", "obj", "exc", "sync", "lost", "send", "recv"} <= written


@pytest.mark.skipif(not RUST.exists(), reason="the Python side alone")
def test_the_rust_side_has_the_same_list():
    listed = set(re.findall(r'^\s*\w+ = "(\w+)":', RUST.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert listed == EVENTS


def test_every_file_says_what_it_is_for():
    for path in [*SOURCE.rglob("*.py"), *Path(__file__).parent.glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.startswith('"""'), path
        assert len(text.splitlines()) <= 400, path
