"""sqlite3: rows that are selected and then updated, by the connection's trace of its statements.

A `SELECT … WHERE x` and a later `UPDATE` or `DELETE` of the same table by the same condition are an update;
within one transaction nobody comes between, and that is told in `held`. A program that sets a trace of its
own takes ours away; databases in memory and connections that are made without `connect` are not seen.
"""

from __future__ import annotations

import os
import re
import sys

from logq import identity
from logq.instrument.shared_things import SharedThing
from logq.lane import here
from logq.patching import dress, replace
from logq.sites import is_machinery, position, user_frame
from logq.trouble import swallowed
from logq.unseen import hide

from . import outside, versions
from .variables import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["forget", "patch"]

_MOST = 1000
_LONGEST = 200
_READ = re.compile(r'\s*SELECT\b.*?\bFROM\s+["`\[]?(\w+)["`\]]?(?:.*?\bWHERE\b(.*))?', re.IGNORECASE | re.DOTALL)
_WRITE = re.compile(
    r'\s*(?:UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)\s+["`\[]?(\w+)["`\]]?(?:.*?\bWHERE\b(.*))?', re.IGNORECASE | re.DOTALL
)
_BEGIN = re.compile(r"\s*(?:BEGIN|SAVEPOINT)\b", re.IGNORECASE)
_END = re.compile(r"\s*(?:COMMIT|END|ROLLBACK(?!\s+TO)|RELEASE)\b", re.IGNORECASE)

_states: dict[tuple[str, str, str], tuple[State, SharedThing]] = {}


def forget() -> None:
    _states.clear()


def patch(dbapi2: Any) -> None:
    replace(dbapi2, "connect", _wrap_connect)


def _wrap_connect(original: Callable[..., Any]) -> Any:
    def connect(*arguments: Any, **named: Any) -> Any:
        try:
            connection = original(*arguments, **named)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None:
            try:
                path = _path_of(arguments[0] if arguments else named.get("database"))
                if path is not None:
                    connection.set_trace_callback(_tracer(path))
            except Exception:
                swallowed()
        return connection

    return dress(connect, original)


def _path_of(database: Any) -> str | None:
    path = os.fspath(database)
    if not isinstance(path, str) or not path or ":memory:" in path or "mode=memory" in path:
        return None
    return path if path.startswith("file:") else os.path.abspath(path)


def _tracer(path: str) -> Callable[[str], None]:
    def trace(statement: str) -> None:
        if identity.me is not None:
            try:
                _see(path, statement, sys._getframe(1))
            except Exception:
                swallowed()

    return trace


def _see(path: str, statement: str, frame: Any) -> None:
    lane = here()
    lock = "db:" + path
    if _BEGIN.match(statement):
        outside.hold(lane, lock)
        return
    if _END.match(statement):
        outside.let_go(lane, lock)
        return
    write = _WRITE.match(statement)
    found = write or _READ.match(statement)
    frame = user_frame(frame)
    if found is None or is_machinery(frame.f_code.co_filename):
        return
    table, condition = found.group(1), " ".join((found.group(2) or "").split())
    if len(condition) > _LONGEST:
        return
    state, thing = _meet(path, table, condition)
    place = versions.Place(position(frame.f_code, frame.f_lasti))
    facts = versions.update_of(state, place, "w" if write else "r", frame, lane)
    if facts is not None:
        versions.tell_update(thing, place, {"item": condition or None, **facts}, lane)


def _meet(path: str, table: str, condition: str) -> tuple[State, SharedThing]:
    key = (path, table, condition)
    known = _states.get(key)
    if known is None:
        if len(_states) >= _MOST:
            _states.pop(next(iter(_states)), None)
        thing = SharedThing("table", "table", None)
        thing.name = f"{table} in {path}"
        known = _states.setdefault(key, (State("table", table), thing))
    return known
