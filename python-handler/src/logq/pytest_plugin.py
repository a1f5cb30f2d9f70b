"""`pytest --logq`: what happened in a test that failed, and what logq finds in it, in the test's own report.

Each process of the tests is recorded, with pytest-xdist each worker. A test that fails gets its stretch of the timeline
and the faults that began in it, also merely possible ones. At a limit of pytest-timeout's every wait is written down
and judged before the test is interrupted. Where a test begins and ends is on record: a run that hung names its test.
"""

from __future__ import annotations

import sys

import pytest

from . import identity, testing
from .emit import event
from .switch import install
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable

    from .testing import Recording

_MOST = 20  # failed tests of a process that are told of in full: each asks the logq command twice

_recording: Any = pytest.StashKey()
_told: Any = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("logq", "what happened in a failed test, by logq")
    group.addoption("--logq", action="store_true", help="record, and tell in failed tests' reports what happened")
    group.addoption("--logq-dir", metavar="DIR", help="where runs are kept (default: the nearest .logq upward)")
    group.addoption("--logq-rows", metavar="N", type=int, default=60, help="rows of the timeline (default: 60)")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--logq"):
        return
    if identity.me is None:
        install(dir=config.getoption("--logq-dir"))
    config.pluginmanager.register(_Plugin(config.getoption("--logq-rows")), "logq-recording")


@pytest.fixture
def logq_recording() -> Iterator[Recording]:
    """The test from here on: ask it for `findings()`, `timeline()`, or `assert_no_faults()`."""
    with testing.recorded() as recording:
        yield recording


class _Plugin:
    """Registered only where it was asked for."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.failed = 0
        self.restore: list[Callable[[], None]] = []

    def pytest_report_header(self) -> str | None:
        process = identity.me
        return f"logq: run {process.place.run} in {process.place.directory}" if process is not None else None

    def pytest_sessionstart(self) -> None:
        timeouts = sys.modules.get("pytest_timeout")
        for name in ("timeout_sigalrm", "timeout_timer"):
            original = getattr(timeouts, name, None)
            if original is not None:
                setattr(timeouts, name, self._before_timeout(original, name == "timeout_timer"))
                self.restore.append(lambda name=name, original=original: setattr(timeouts, name, original))  # type: ignore[misc]

    def pytest_sessionfinish(self) -> None:
        while self.restore:
            self.restore.pop()()

    # Each test. ---------------------------------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        item.stash[_recording] = testing.Recording()
        event("note", {"what": "test", "name": item.nodeid, "state": "begin"})
        yield
        event("note", {"what": "test", "name": item.nodeid, "state": "end"})

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        outcome: Any = yield
        report = outcome.get_result()
        if not report.failed or call.excinfo is None:
            return
        self.failed += 1
        if self.failed > _MOST:
            report.sections.append(("logq", f"more than {_MOST} tests have failed: ask `logq timeline` for this one"))
            return
        try:
            for title, text in self._sections(item):
                report.sections.append((title, text))
        except Exception as problem:  # a report without our part is better than none
            report.sections.append(("logq", f"logq cannot tell: {problem}"))

    def _sections(self, item: pytest.Item) -> list[tuple[str, str]]:
        recording: Recording = item.stash[_recording]
        recording.end()
        findings = item.stash.get(_told, None)
        if findings is None:
            findings = testing.told(recording.findings(sure=False))
        sections = [("logq findings", findings or "no faults")]
        sections.append(("logq timeline", recording.timeline(self.rows).rstrip()))
        return sections

    # Time limits. -------------------------------------------------------------------------------

    def _before_timeout(self, original: Any, ends_all: bool) -> Any:
        """While everybody still stands where he stands: then the waits are open, and can be judged."""

        def at_limit(item: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                testing.look()
                recording = item.stash[_recording]
                told = testing.told(recording.findings(sure=False)) or "no faults"
                item.stash[_told] = told
                if ends_all and sys.__stderr__ is not None:
                    timeline = recording.timeline(self.rows)
                    sys.__stderr__.write(f"\nlogq: {item.nodeid} has run out of time\n{told}\n\n{timeline}\n")
            except Exception:
                swallowed()
            return original(item, *args, **kwargs)

        return at_limit
