"""PyCSP 0.9: channels, alternation, poison, and who has which end of a channel.

Its processes are threads, and threads they stay here. A process that waits for a channel waits in a condition of its
own: the wait is told as one for the channel, with those who have the other end. An end belongs to whoever was given
it as an argument of a process, has used it last, or else has made it.
"""

from __future__ import annotations

import sys
from _weakref import ref
from functools import partial

from logq import identity, sites
from logq.emit import event
from logq.lane import Lane, here, new_thread_lane
from logq.objects import Thing
from logq.patching import dress, replace
from logq.sites import caller_site, function_name
from logq.stamp import leave, merge
from logq.trouble import swallowed
from logq.unseen import hide

from . import purposes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from logq.lane import Stamp

__all__ = ["forget", "patch_alternation", "patch_channel", "patch_package", "patch_process", "patch_protocol"]

_DEEPEST = 4  # lists in lists of arguments
_MOST = 100_000  # messages on their way

# By id of the list that carries a message; the list is kept so that the id stays its own.
_messages: dict[int, tuple[Any, Stamp | None]] = {}
_end_kinds: tuple[Any, ...] = ()


def patch_package(pycsp: Any) -> None:
    sites.learn_machinery(pycsp)


def patch_channel(channel: Any) -> None:
    global _end_kinds
    _end_kinds = (channel.ChannelEndRead, channel.ChannelEndWrite)
    purposes.note(channel.Channel._read, "channel", _tell_read)
    purposes.note(channel.Channel._write, "channel", _tell_write)
    replace(channel.Channel, "__init__", _wrap_init)
    replace(channel.Channel, "reader", _wrap_end)
    replace(channel.Channel, "writer", _wrap_end)
    replace(channel.ChannelEndRead, "__call__", _wrap_use)
    replace(channel.ChannelEndWrite, "__call__", _wrap_use)
    replace(channel.Channel, "_read", _wrap_read)
    for name in ("poison", "retire"):
        replace(channel.ChannelEnd, name, partial(_wrap_termination, name))


def patch_alternation(alternation: Any) -> None:
    purposes.note(alternation.Alternation._choose, "channel", _tell_choice)
    replace(alternation.Alternation, "_choose", _wrap_choose)


def patch_protocol(protocol: Any) -> None:
    replace(protocol.ChannelMessenger, "post_write", _wrap_post_write)


def patch_process(process: Any) -> None:
    replace(process.Process, "start", _wrap_start)
    replace(process, "_parallel", _wrap_parallel)


def forget() -> None:
    _messages.clear()


# Channels and their ends. -----------------------------------------------------------------------


class _Channel(Thing):
    """A channel as records name it, and its ends, weakly."""

    __slots__ = ("ends", "given_name")

    def __init__(self, channel: Any) -> None:
        size = channel.buffer or None
        super().__init__("channel", "pycsp.Channel", caller_site(3), size, channel)
        self.given_name: str | None = None
        self.ends: list[Any] = []

    def _find_name(self) -> str | None:
        return super()._find_name() or self.given_name

    def holders(self, reading: bool) -> list[Lane]:
        """Who has an end of that direction."""
        found: list[Lane] = []
        for reference in list(self.ends):
            end = reference()
            if end is None:
                self.ends.remove(reference)
            elif end.isReader() == reading and not end._isretired and not end._ispoisoned:
                lane: Lane | None = getattr(end, "_logq_holder", None)
                if lane is not None and lane not in found:
                    found.append(lane)
        return found


def _wrap_init(original: Callable[..., None]) -> Any:
    def init(self: Any, name: Any = None, *args: Any, **kwargs: Any) -> None:
        try:
            original(self, name, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise
        if identity.me is not None and self._channelhomethread is not None:
            try:
                self._logq_thing = thing = _Channel(self)
                thing.given_name = name if isinstance(name, str) else None
            except Exception:
                swallowed()

    return dress(init, original)


def _wrap_end(original: Callable[..., Any]) -> Any:
    def make_end(self: Any) -> Any:
        try:
            end = original(self)
        except BaseException as problem:
            hide(problem)
            raise
        thing = getattr(self, "_logq_thing", None)
        if thing is not None and identity.me is not None:
            try:
                end._logq_holder = here()
                thing.ends.append(ref(end))
            except Exception:
                swallowed()
        return end

    return dress(make_end, original)


def _wrap_use(original: Callable[..., Any]) -> Any:
    def use(self: Any, *message: Any) -> Any:
        if identity.me is not None and hasattr(self, "_logq_holder"):
            self._logq_holder = here()
        try:
            return original(self, *message)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(use, original)


def _wrap_start(original: Callable[[Any], None]) -> Any:
    """A process is given the ends among its arguments, and the name of its function."""

    def start(self: Any) -> None:
        process = identity.me
        if process is not None and self._ident is None:
            try:
                self._logq_called = function_name(self.fn)
            except Exception:
                swallowed()
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise
        lane: Lane | None = getattr(self, "_logq_lane", None)
        if lane is not None and getattr(self, "_logq_promised", None) is None:
            _give_ends(self, lane)

    return dress(start, original)


def _wrap_parallel(original: Callable[..., Any]) -> Any:
    """Who is started first may wait at once for one that is yet to be: so each has its lane, and its ends, before."""

    def _parallel(plist: Any, *args: Any, **kwargs: Any) -> Any:
        if identity.me is not None:
            try:
                for entry in plist:
                    for process in entry if type(entry) is list else [entry]:
                        process._logq_promised = lane = new_thread_lane(process._name)
                        _give_ends(process, lane)
            except Exception:
                swallowed()
        try:
            return original(plist, *args, **kwargs)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(_parallel, original)


def _give_ends(process: Any, lane: Lane) -> None:
    for end in _ends_in((process.args, process.kwargs), 0):
        if hasattr(end, "_logq_holder"):
            end._logq_holder = lane


def _ends_in(given: Any, depth: int) -> Iterable[Any]:
    if isinstance(given, _end_kinds):
        yield given
    elif depth < _DEEPEST and type(given) in (list, tuple, dict):
        members = [*given.keys(), *given.values()] if type(given) is dict else given
        for member in members:
            yield from _ends_in(member, depth + 1)


# Waits. -----------------------------------------------------------------------------------------


def _tell_read(frame: Any) -> Any:
    return _facts([frame.f_locals.get("self")], "read")


def _tell_write(frame: Any) -> Any:
    return _facts([frame.f_locals.get("self")], "write")


def _tell_choice(frame: Any) -> Any:
    """Of several channels the first names the wait; whoever can end it stands in `owners`."""
    reading: list[Any] = []
    writing: list[Any] = []
    for guard in frame.f_locals["self"].guards:
        end = guard[0]
        if not isinstance(end, _end_kinds):
            return None, {}  # a timeout, or a guard of the program's own
        (reading if end.isReader() else writing).append(end.channel)
    thing, facts = _facts(reading, "read") if reading else _facts(writing, "write")
    if reading and writing:
        _, more = _facts(writing, "write")
        owners = list(dict.fromkeys([*_listed(facts), *_listed(more)]))
        facts = {"state": "choice", "owners": owners} if facts and more else {}
    elif len(reading) + len(writing) > 1 and facts:
        facts["state"] = "choice"
    return thing, facts


def _listed(facts: dict[str, object]) -> list[str]:
    owners = facts.get("owners")
    return owners if isinstance(owners, list) else []


def _facts(channels: list[Any], state: str) -> tuple[Thing | None, dict[str, object]]:
    process = identity.me
    owners: list[str] = []
    first: Thing | None = None
    waiter = here()
    for channel in channels:
        thing = getattr(channel, "_logq_thing", None)
        if not isinstance(thing, _Channel) or process is None:
            return first, {}  # a channel of another process: who has its other end is not known here
        first = first or thing
        holders = thing.holders(reading=state == "write")
        owners += [lane.reference(process) for lane in holders if lane is not waiter and lane.process is process]
    return first, {"state": state, "owners": list(dict.fromkeys(owners))}


# Messages. --------------------------------------------------------------------------------------


def _wrap_post_write(original: Callable[..., Any]) -> Any:
    def post_write(self: Any, channel: Any, process: Any, msg: Any, ack: bool = False) -> Any:
        if identity.me is not None and getattr(channel, "_logq_thing", None) is not None:
            self = _Sender(self)
        try:
            return original(self, channel, process, msg, ack=ack)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(post_write, original)


class _Sender:
    """A messenger whose dispatcher notes the list in which the message goes."""

    __slots__ = ("_messenger",)

    def __init__(self, messenger: Any) -> None:
        self._messenger = messenger

    def __getattr__(self, name: str) -> Any:
        return self if name == "dispatch" else getattr(self._messenger, name)

    def send(self, address: Any, header: Any, *args: Any, **kwargs: Any) -> Any:
        payload = kwargs.get("payload", args[0] if args else None)
        if type(payload) is list and len(_messages) < _MOST:
            _messages[id(payload)] = (payload, leave())
        return self._messenger.dispatch.send(address, header, *args, **kwargs)


def _wrap_read(original: Callable[..., Any]) -> Any:
    def _read(self: Any) -> Any:
        try:
            return original(self)
        except BaseException as problem:
            hide(problem)
            raise
        finally:
            _receive(getattr(self, "_logq_thing", None))

    return dress(_read, original)


def _wrap_choose(original: Callable[..., Any]) -> Any:
    def _choose(self: Any) -> Any:
        if identity.me is not None:
            for guard in self.guards:
                if hasattr(guard[0], "_logq_holder"):
                    guard[0]._logq_holder = here()
        try:
            chosen = original(self)
        except BaseException as problem:
            hide(problem)
            raise
        _receive(getattr(getattr(chosen[1], "channel", None), "_logq_thing", None))
        return chosen

    return dress(_choose, original)


def _receive(thing: Any) -> None:
    """The process that runs has got a message, in a list that may be known."""
    if not _messages or identity.me is None:
        return
    try:
        current = sys.modules["threading"].current_thread()
        message = getattr(current, "result_msg", None)
        known = _messages.pop(id(message), None) if type(message) is list else None
        if known is not None and known[0] is message:
            merge(known[1], thing)
    except Exception:
        swallowed()


# Ends of channels. ------------------------------------------------------------------------------


def _wrap_termination(what: str, original: Callable[[Any], None]) -> Any:
    def terminate(self: Any) -> None:
        thing = getattr(getattr(self, "channel", None), "_logq_thing", None)
        if isinstance(thing, Thing) and identity.me is not None:
            try:
                thing.tell()
                event("note", {"what": what, "obj": thing.reference(), "site": caller_site(2)})
            except Exception:
                swallowed()
        try:
            original(self)
        except BaseException as problem:
            hide(problem)
            raise

    return dress(terminate, original)
