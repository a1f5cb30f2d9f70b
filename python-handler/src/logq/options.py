"""What was asked of logq in this process: how deep, which log records besides, how much disk.

From the arguments of `install`, else from the environment, where `logq run` puts what it was asked
for. Children of multiprocessing are sent it packed, other programs find it in their environment.
Nothing is done about any of it here.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

__all__ = ["CAPTURES", "Options", "cleaners", "contexts", "hidden", "parse_level", "parse_size", "redactors"]

CAPTURES = ("records", "causal", "events", "full")

# What `redact=` and `context=` of `install` and of every `logq.Handler` ask for.
redactors: list[Callable[[dict[str, Any]], None]] = []
cleaners: list[Callable[[dict[str, Any]], dict[str, Any]]] = []
contexts: list[Any] = []
hidden: list[str] = []  # what is redacted, in words that other processes of the run understand; see `redact.py`

SEPARATOR = "\x1f"  # between the rules in `LOGQ_REDACT`

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50, "fatal": 50}
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Options:
    """`record_level` is a number, `ring` and `spool_cap` are bytes; None where not asked for."""

    __slots__ = ("capture", "prints", "races", "record_level", "redact", "ring", "spool_cap")

    def __init__(
        self,
        capture: str = "causal",
        record_level: int | None = None,
        ring: int | None = None,
        spool_cap: int | None = None,
        prints: bool = False,
        races: bool = False,
        redact: str | None = None,
    ) -> None:
        self.capture = capture
        self.record_level = record_level
        self.ring = ring
        self.spool_cap = spool_cap
        self.prints = prints
        self.races = races
        self.redact = redact

    def packed(self) -> tuple[Any, ...]:
        """As the arguments of another one."""
        said = SEPARATOR.join(hidden) or None
        return (self.capture, self.record_level, self.ring, self.spool_cap, self.prints, self.races, said)

    def environment(self) -> dict[str, str]:
        """The variables that make another interpreter's options the same."""
        variables = {"LOGQ_CAPTURE": self.capture}
        for name, setting in (
            ("LOGQ_RECORD_LEVEL", self.record_level),
            ("LOGQ_RING", self.ring),
            ("LOGQ_SPOOL_CAP", self.spool_cap),
            ("LOGQ_PRINTS", 1 if self.prints else None),
            ("LOGQ_RACES", 1 if self.races else None),
            ("LOGQ_REDACT", SEPARATOR.join(hidden) or None),
        ):
            if setting is not None:
                variables[name] = str(setting)
        return variables


def asked(
    capture: str | None = None,
    record_level: int | str | None = None,
    ring: int | str | None = None,
    spool_cap: int | str | None = None,
    prints: bool | None = None,
    races: bool | None = None,
) -> Options:
    """The options of a call; what it leaves open is as the environment says. Raises ValueError."""
    options = inherited()
    if capture is not None:
        options.capture = parse_capture(capture)
    if record_level is not None:
        options.record_level = parse_level(record_level)
    if ring is not None:
        options.ring = parse_size(ring)
    if spool_cap is not None:
        options.spool_cap = parse_size(spool_cap)
    if prints is not None:
        options.prints = bool(prints)
    if races is not None:
        options.races = bool(races)
    return options


def inherited() -> Options:
    """The options that the environment names. What makes no sense there is as if it were not there."""
    return Options(
        _variable("LOGQ_CAPTURE", parse_capture) or "causal",
        _variable("LOGQ_RECORD_LEVEL", parse_level),
        _variable("LOGQ_RING", parse_size),
        _variable("LOGQ_SPOOL_CAP", parse_size),
        os.environ.get("LOGQ_PRINTS", "0") not in ("", "0"),
        os.environ.get("LOGQ_RACES", "0") not in ("", "0"),
        os.environ.get("LOGQ_REDACT") or None,
    )


def _variable(name: str, parse: Callable[[Any], Any]) -> Any:
    text = os.environ.get(name)
    if not text:
        return None
    try:
        return parse(text)
    except ValueError:
        return None


def parse_capture(text: str) -> str:
    if text not in CAPTURES:
        raise ValueError("capture must be one of {}, not {!r}".format(", ".join(CAPTURES), text))
    return text


def parse_level(level: int | str) -> int:
    """`10`, `"10"`, `"debug"`."""
    number = _LEVELS.get(level.strip().lower(), level.strip()) if isinstance(level, str) else level
    try:
        return int(number)
    except (TypeError, ValueError):
        raise ValueError(f"record_level must be a level's name or number, not {level!r}") from None


def parse_size(size: int | str) -> int:
    """Bytes: `65536`, `"64MB"`, `"1.5 GiB"`; a unit is a power of 1024, whichever way it is written."""
    text = str(size).strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    try:
        count = float(number) * _UNITS[unit if len(unit) < 2 else unit[0] if unit[1:] in ("b", "ib") else "?"]
        if not 0 < count < 1 << 62:
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError(f"a size is a number of bytes like 65536, '64MB' or '1G', not {size!r}") from None
    return int(count)
