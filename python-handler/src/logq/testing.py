"""For users' own tests: record a stretch of a test, ask what logq finds in it, and show what happened.

    with logq.testing.recorded() as recording:
        serve(requests)
    recording.assert_no_faults()

The answers come from the `logq` command, which is installed with the package; what is asked lies in the run that this
process records, so recording is turned on if it is not. `pytest --logq` uses the same for whole tests.
"""

from __future__ import annotations

import calendar
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager

from . import identity, snapshot
from .switch import install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["Recording", "command", "recorded"]

_LIMIT_S = 60
_SURE = ("certain", "likely")


class Recording:
    """What happened in this process from its beginning on, until `end()`."""

    def __init__(self) -> None:
        self.begun = time.time_ns()
        self.ended: int | None = None

    def end(self) -> None:
        self.ended = time.time_ns()

    def findings(self, *kinds: str, sure: bool = True) -> list[dict[str, Any]]:
        """What `logq diagnose` finds that began in it, as documents; of those kinds, if any are named.

        Without `sure` also those that are merely possible. Raises RuntimeError where the command cannot answer.
        """
        found = json.loads(_ask("diagnose", "--format", "json")).get("findings", [])
        return [finding for finding in found if self._is_meant(finding, kinds, sure)]

    def _is_meant(self, finding: dict[str, Any], kinds: tuple[str, ...], sure: bool) -> bool:
        if kinds and finding["kind"] not in kinds:
            return False
        if finding.get("class") != "fault" or (sure and finding.get("certainty") not in _SURE):
            return False
        pids = {actor.get("pid") for actor in finding.get("actors", ())}
        since = _nanoseconds(finding.get("since"))
        last = self.ended if self.ended is not None else time.time_ns()
        return os.getpid() in pids and since is not None and self.begun <= since <= last

    def timeline(self, rows: int = 60) -> str:
        """The last rows of it, as `logq timeline` shows them."""
        until = ["--until", _instant(self.ended)] if self.ended is not None else []
        own = ["--process", f"pid:{os.getpid()}", "--all", "--limit", str(rows)]
        return _ask("timeline", *own, "--since", _instant(self.begun), *until, "--color", "never")

    def assert_no_faults(self) -> None:
        """Raises AssertionError with every fault that is certain or likely, and what happened around it."""
        faults = self.findings()
        if faults:
            raise AssertionError(told(faults) + "\n\n" + self.timeline())


@contextmanager
def recorded(directory: str | None = None) -> Iterator[Recording]:
    """Records the block: into the run of this process, or a new one under `directory`."""
    if identity.me is None:
        install(dir=directory)
    recording = Recording()
    try:
        yield recording
    finally:
        recording.end()


def told(findings: list[dict[str, Any]]) -> str:
    """Findings as a few lines each."""
    lines = []
    for finding in findings:
        lines.append(f"{finding['kind'].upper()}  {finding['certainty']}  {finding['title']}")
        lines += [f"  {text}" for text in (finding.get("summary"), f"fix: {finding.get('fix')}") if text]
        for place in finding.get("sites", ()):
            site = place.get("site", place)
            lines.append(f"    {site.get('file')}:{site.get('line')}  {place.get('role') or ''}".rstrip())
    return "\n".join(lines)


def look() -> None:
    """Writes down how every thread and task stands now."""
    snapshot.write("dump")


def command() -> str | None:
    """The `logq` command: the one that records this process, the one beside this Python, or the one on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "logq")
    for path in (os.environ.get("LOGQ_BIN"), beside):
        if path and os.access(path, os.X_OK):
            return path
    return shutil.which("logq")


def _ask(*arguments: str) -> str:
    process = identity.me
    binary = command()
    if process is None:
        raise RuntimeError("logq does not record this process")
    if binary is None:
        raise RuntimeError("there is no logq command beside this Python nor on PATH")
    place = process.place
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("LOGQ_", "PYTHONPATH"))}
    asked = [binary, *arguments, "--dir", place.directory, "--run", place.run]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S, env=variables, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"logq {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _instant(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def _nanoseconds(text: object) -> int | None:
    """Of an RFC 3339 instant in UTC, to as many digits as it has."""
    if not isinstance(text, str):
        return None
    whole, _, rest = text.rstrip("Z").partition(".")
    try:
        seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        return seconds * 1_000_000_000 + int(rest.ljust(9, "0")[:9])
    except ValueError:
        return None
