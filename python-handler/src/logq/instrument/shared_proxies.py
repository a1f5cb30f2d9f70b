"""What multiprocessing's managers keep for others: reads and writes through the proxies of a dict, list,
Namespace, Value or Array.

A proxy sends each call to its manager as one message, and that is where it is seen: no method that the
program calls is wrapped. The call is noted before it is sent; the manager does it between that and the answer.
"""

from __future__ import annotations

from logq.patching import replace
from logq.sites import site_from

from . import accesses, managed, messages, shared_things
from .accesses import READ, WRITE
from .around import Around
from .shared_things import SharedThing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    # What a method does, and whether its first argument says to which item.
    Use = tuple[str, bool]

__all__ = ["patch"]


def patch(managers: Any) -> None:
    proxy = managers.BaseProxy
    rebuild = managers.RebuildProxy.__code__
    messages.onlookers[proxy._callmethod.__code__] = _see_call
    managed.patch(managers, _thing_of)
    replace(
        proxy, "__init__", lambda original: Around(original, lambda made, frame: _before_init(made, frame, rebuild))
    )


# Which variable it is. ----------------------------------------------------------------------------


def _before_init(proxy: Any, frame: Any, rebuild: Any) -> Callable[[], None] | None:
    inner = frame
    while inner is not None and inner.f_locals.get("self") is proxy:
        inner = inner.f_back  # of a class derived from it
    if inner is None or inner.f_code is rebuild:
        return None  # what another process has sent is known by its token
    site = site_from(frame)
    return lambda: _name(proxy, site)


def _name(proxy: Any, site: Any) -> None:
    token = proxy._token
    family = "proxy" if token.typeid in _USES else managed.FAMILIES.get(token.typeid)
    if family is not None:
        thing = SharedThing(family, f"multiprocessing.Manager.{token.typeid}", site, None, proxy)
        object.__setattr__(proxy, "_logq_thing", thing)
        shared_things.know(_key(token), thing)


def _key(token: Any) -> str:
    return f"{token.address}#{token.id}"


# What is done to it. ------------------------------------------------------------------------------

_MADE = "<string>"  # most methods are made by `exec`
_WHOLE_READS = ("__iter__", "__len__", "__repr__", "copy", "items", "keys", "values", "#GETVALUE")
_COMMON: dict[str, Use] = dict.fromkeys(_WHOLE_READS, (READ, False))
_ITEMS: dict[str, Use] = {"__getitem__": (READ, True), "__setitem__": (WRITE, True), "__delitem__": (WRITE, True)}
_DICT = {
    **dict.fromkeys(("__contains__", "get", "has_key"), (READ, True)),
    **dict.fromkeys(("pop", "setdefault"), (WRITE, True)),
    **dict.fromkeys(("clear", "popitem", "update", "__ior__"), (WRITE, False)),
}
_LIST = {
    **dict.fromkeys(("__add__", "__contains__", "__mul__", "__rmul__", "count", "index"), (READ, False)),
    **dict.fromkeys(("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"), (WRITE, False)),
    **dict.fromkeys(("__iadd__", "__imul__"), (WRITE, False)),
}
_NAMES: dict[str, Use] = {
    "__getattribute__": (READ, True),
    "__setattr__": (WRITE, True),
    "__delattr__": (WRITE, True),
}

# By the name under which the manager makes it: method -> what it does.
_USES: dict[str, dict[str, Use]] = {
    "dict": {**_COMMON, **_ITEMS, **_DICT},
    "list": {**_COMMON, **_ITEMS, **_LIST},
    "Array": {**_COMMON, **_ITEMS},
    "Namespace": {**_COMMON, **_NAMES},
    "Value": {**_COMMON, "get": (READ, False), "set": (WRITE, False)},
}

_LOCKS = ("Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition")
_LOCKING = ("acquire", "release")


def _see_call(frame: Any, message: Any) -> None:
    """`frame` is that of `_callmethod`, which sends `(id, method, arguments, named ones)`."""
    proxy = frame.f_locals["self"]
    _, method, arguments, _ = message
    use = _USES.get(proxy._token.typeid, {}).get(method)
    if use is None:
        if method in _LOCKING and proxy._token.typeid in _LOCKS:
            accesses.lock_called(_key(proxy._token), method)
        if proxy._token.typeid in managed.FAMILIES:
            known = _thing_of(proxy)
            if known is not None:
                managed.before_sending(known, method)
        return
    thing = _thing_of(proxy)
    if thing is None:
        return
    rw, is_item = use
    item = None
    if is_item:
        item = accesses.word_for(arguments[0]) if arguments else accesses.UNTELLABLE
    caller = frame.f_back
    if caller.f_code.co_filename == _MADE and caller.f_code.co_name == method:
        caller = caller.f_back
    accesses.note(thing, item, rw, caller)


def _thing_of(proxy: Any) -> SharedThing | None:
    thing: SharedThing | None = proxy.__dict__.get("_logq_thing")
    if thing is None:
        thing = shared_things.find(_key(proxy._token))
        if thing is not None:
            object.__setattr__(proxy, "_logq_thing", thing)
    return thing
