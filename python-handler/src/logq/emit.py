"""Lane, stamps and text into one line of the file: the only way records are written.

Nothing here takes a lock, and no `Exception` leaves it: what cannot be written is counted by the
sink and told in a `lost` event.
"""

from __future__ import annotations

import os
import time

from . import identity, watchdog
from .encode import begin_line, members, quote, split_time, this_second
from .identity import Process
from .lane import SINGLE_STEP, Lane, here, thread_lane
from .options import cleaners
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .lane import Entry
    from .sink import Sink

__all__ = ["announce", "event", "open_process", "retire", "send"]

_getpid = os.getpid
_now = time.time_ns
_mono = time.monotonic_ns


def event(ev: str, fields: dict[str, Any], lane: Lane | None = None) -> int:
    """Writes an event in `lane`, or in the lane that is running; its number, or 0 where none was written.

    Fields that are None are left out.
    """
    process = identity.me
    if process is None:
        return 0
    try:
        if _getpid() != process.pid:
            process, lane = _after_unseen_fork(lane or here())
        if cleaners:
            fields = cleaned(fields)
        return send(lane or here(), f',"ev":"{ev}"{members(fields)}')
    except Exception:
        swallowed()
        return 0


def cleaned(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what must not reach the disk. Where that fails only the plainest facts remain."""
    try:
        for clean in cleaners:
            fields = clean(fields)
    except Exception:
        swallowed()
        return {key: fact for key, fact in fields.items() if isinstance(fact, int)}
    return fields


def send(lane: Lane, body: str, low: bool = False) -> int:
    """Writes one record whose members after the common ones are `body` (`,"key":value…`, ASCII); its number.

    `low` records are the log records below WARNING, which go to the ring where there is one.
    """
    process = lane.process
    if lane.birth:
        announce(lane)
    sink = process.sink
    if low and process.ring is not None:
        sink = process.ring
    number = 0
    data = None
    stamps = ""
    try:
        if lane.hard or lane.soft:
            number, hard, soft = lane.begin()
            stamps = _stamps(hard, soft, process)
        elif SINGLE_STEP:
            lane.seq = lane.last = number = lane.last + 1
            lane.mark = None
        else:  # `next_number`, written out
            number = next(lane.count)
            if number > lane.seq:
                lane.seq = number
            lane.mark = None
        now = _now()
        # `begin_line`, written out: this runs for every record.
        begin, opening = this_second[0]
        since = now - begin
        fraction: int | str = since
        if not 100_000_000 <= since < 1_000_000_000:  # of another second, or of fewer than nine digits
            opening, fraction = split_time(now)
        mono = _mono()
        data = f'{opening}{fraction}Z","mono":{mono}{lane.head}{number}{stamps}{body}}}\n'.encode()
        sink.write(data, mono)
    except BaseException:  # a signal handler raised, such as Ctrl-C's: the number must not be missing
        if number and sink.taken is not data:
            line = f"{begin_line(_now())}{_mono()}{lane.head}{number}{stamps}{body}}}\n"
            sink.write(data or line.encode("ascii"), _mono())
        raise
    if sink.untold and not sink.failing:
        _tell_lost(lane, sink)
    return number


def _stamps(hard: list[Entry], soft: list[Entry], process: Process) -> str:
    text = ""
    if hard:
        text = f',"hb":[{_entries(hard, process)}]'
    if soft:
        text += f',"hbl":[{_entries(soft, process)}]'
    return text


def _entries(entries: list[Entry], process: Process) -> str:
    return ",".join(_entry(entry, process) for entry in compact(entries))


def _entry(entry: Entry, process: Process) -> str:
    giver, seq, thing = entry
    if thing is None:
        return f'"{giver.reference(process)}@{seq}"'
    return f'"{giver.reference(process)}@{seq}|{thing.reference()}"'


def compact(entries: list[Entry]) -> list[Entry]:
    """One entry a lane and object: the greatest number, which covers the smaller ones."""
    if len(entries) == 1:
        return entries
    greatest: dict[tuple[object, object], Entry] = {}
    for entry in entries:
        key = (entry[0], entry[2])
        known = greatest.get(key)
        if known is None or known[1] < entry[1]:
            greatest[key] = entry
    return list(greatest.values())


# First lines. ---------------------------------------------------------------------------------


def announce(lane: Lane) -> None:
    """Writes the lane's first line; for t1 that is the `proc` line, and with it opens the file."""
    process = lane.process
    if process.unopened:
        open_process(process)
    try:
        lane.birth.pop()
    except IndexError:
        return
    process.lanes[lane.key] = lane
    _first(lane, ',"ev":"lane"' + members(_lane_facts(lane)))


def open_process(process: Process, first: int = 1) -> None:
    """Claims a number, opens part 1 and writes its `proc` line. What fails is counted."""
    try:
        process.unopened.pop()
    except IndexError:
        return
    main = process.main
    assert main is not None
    try:
        process.open(first)
    except OSError:
        process.sink.broken = True
        process.sink.count_lost("unopened")
    process.sink.preamble = lambda part: preamble(process, part)
    main.birth.clear()
    _first(main, ',"ev":"proc"' + members(cleaned(process.facts(1))))
    process.sink.flush_early()
    process.sink.settled = watchdog.need  # a program that lives on may have to be asked what it does
    if not process.sink.broken:
        if "LOGQ_DUMP_SIGNAL" in os.environ:
            from . import stacks

            stacks.register(process)
        try:
            process.open_ring()
        except OSError:
            pass  # its records go where all others go


def _first(lane: Lane, body: str) -> None:
    hard, soft = lane.take_first()
    process = lane.process
    mono = _mono()
    stamps = _stamps(hard, soft, process) if hard or soft else ""
    line = f"{begin_line(_now())}{mono}{lane.head}1{stamps}{body}}}\n"
    process.sink.write(line.encode("ascii"), mono)


def _lane_facts(lane: Lane) -> dict[str, object]:
    if lane.kind == "thread":
        who = lane.who  # a framework may know a better name for it, `_logq_called`
        lane.name = getattr(who, "_logq_called", None) or getattr(who, "_name", None) or lane.name
    elif lane.tid is None:
        lane.task_name()
        lane.tid = thread_lane().tid
    origin = lane.origin
    return {
        "kind": lane.kind,
        "name": lane.name,
        "fn": lane.fn,
        "tid": lane.tid,
        "daemon": lane.daemon or None,
        "from": f"{origin[0].reference(lane.process)}@{origin[1]}" if origin else None,
        "site": lane.site,
        "began": lane.began or None,
    }


def retire(lane: Lane) -> None:
    """The lane ended: parts to come need not name it."""
    lane.process.lanes.pop(lane.key, None)
    lane.over = True
    lane.who = lane.mark = lane.newest = None


def preamble(process: Process, part: int) -> Iterable[bytes]:
    """The first lines of a later part: what a reader needs who has this part alone."""
    main = process.main
    assert main is not None
    yield _again(main, ',"ev":"proc"' + members(cleaned(process.facts(part))))
    for lane in list(process.lanes.values()):
        yield _again(lane, ',"ev":"lane"' + members(_lane_facts(lane)))
    for (reference,) in list(process.things.values()):
        thing = reference()
        if thing is not None:
            yield _again(main, ',"ev":"obj"' + members(thing.facts()))


def _again(lane: Lane, body: str) -> bytes:
    head = f'{lane.process.lane_head}{lane.key}"'
    line = f'{begin_line(_now())}{_mono()}{head}{body},"again":true}}\n'
    return line.encode("ascii")


# Trouble. -------------------------------------------------------------------------------------


def _tell_lost(lane: Lane, sink: Sink) -> None:
    """What was dropped on purpose is told apart from what could not be written."""
    lost = sink.take_lost()
    for why in ("ring", "cap"):
        if why in lost:
            send(lane, f',"ev":"lost","n":{lost.pop(why)},"why":"{why}"')
    if lost:
        send(lane, f',"ev":"lost","n":{sum(lost.values())},"why":{quote(",".join(lost))}')


def _after_unseen_fork(lane: Lane) -> tuple[Process, Lane]:
    """Something forked in C without Python's hooks: this is a new process all the same."""
    from .fork import become_child

    become_child(lane)
    process = identity.me
    assert process is not None
    assert process.main is not None
    return process, process.main
