"""Objects of concurrency as records name them: `queue:2`, with kind, name and place of creation.

A Thing describes one object and does not keep it alive. Its `obj` line is written once a process,
before the object is first mentioned.
"""

from __future__ import annotations

import sys
from _weakref import ref

from . import identity
from .emit import event
from .identity import Process
from .sites import name_at
from .unkept import Unkept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .lane import Site

__all__ = ["JOB", "JOIN", "RESULT", "Thing", "Way"]


class Thing(Unkept):
    """What is known of one queue, pool, lock…; `family` is the word before the colon."""

    __slots__ = ("__weakref__", "family", "inside", "kind", "name", "number", "owner", "site", "size", "told")

    def __init__(self, family: str, kind: str, site: Site | None, size: int | None = None, owner: Any = None) -> None:
        process = identity.me
        self.family = family
        self.kind = kind
        self.site = site
        self.size = size
        self.owner = _weak(owner)
        self.inside: str | None = None
        self.number = next(process.objects) if process is not None else 0
        self.told: Process | None = None
        self.name: str | None = None

    def tell(self) -> None:
        """Writes the `obj` line, if this process has not yet."""
        process = identity.me
        if process is None or self.told is process:
            return
        if self.name is None:
            self.name = self._find_name()
        if len(process.things) > 1000 and self.number % 256 == 0:
            _prune(process)
        mine = (ref(self),)  # of two threads that are here at once, one tells
        first = process.things.setdefault(self.number, mine) is mine
        self.told = process
        if first:
            event("obj", self.facts())

    def reference(self) -> str:
        return f"{self.family}:{self.number}"

    def facts(self) -> dict[str, object]:
        return {
            "obj": self.reference(),
            "kind": self.kind,
            "name": self.name,
            "site": self.site,
            "in": self.inside,
            "size": self.size,
        }

    def _find_name(self) -> str | None:
        try:
            return name_at(self.site, self.kind.rpartition(".")[2]) or self._name_in_module()
        except Exception:
            return None

    def _name_in_module(self) -> str | None:
        """The global of the creating module that is bound to the object."""
        thing = self.owner() if self.owner is not None else None
        if thing is None or self.site is None:
            return None
        for module in list(sys.modules.values()):
            if getattr(module, "__file__", None) == self.site[0]:
                for name, bound in list(vars(module).items()):
                    if bound is thing:
                        return name
        return None


def _weak(owner: Any) -> Any:
    try:
        return ref(owner) if owner is not None else None
    except TypeError:
        return None


def _prune(process: Process) -> None:
    for number, (reference,) in list(process.things.items()):
        if reference() is None:
            process.things.pop(number, None)


class Way:
    """How something was handed over where no object is worth a name: `t2@7|join`. There is nothing to tell of it."""

    __slots__ = ("name", "told")

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: Process | None = None

    def tell(self) -> None:
        pass

    def reference(self) -> str:
        return self.name


JOIN = Way("join")  # a thread's end, to who waited for it
JOB = Way("job")  # work given to a pool, to who does it
RESULT = Way("result")  # of a future or a task, to who asked
