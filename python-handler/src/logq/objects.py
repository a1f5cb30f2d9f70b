"""Objects of concurrency as records name them: `queue:2`, with kind, name and place of creation.

A Thing describes one object and does not keep it alive. Its number is given when it is first
mentioned, and its `obj` line is written once a process, before the mention.
"""

from __future__ import annotations

import sys
from _weakref import ref
from typing import Any, Dict, Optional

from . import identity
from .emit import event
from .identity import Process
from .lane import Site
from .sites import name_at

__all__ = ["Thing"]


class Thing:
    """What is known of one queue, pool, lock…; `family` is the word before the colon."""

    __slots__ = ("family", "kind", "site", "size", "inside", "number", "home", "told", "name", "owner", "__weakref__")

    def __init__(
        self, family: str, kind: str, site: Optional[Site], size: Optional[int] = None, owner: Any = None
    ) -> None:
        self.family = family
        self.kind = kind
        self.site = site
        self.size = size
        self.owner = _weak(owner)
        self.inside: Optional[str] = None
        self.number = 0
        self.home: Optional[Process] = None
        self.told: Optional[Process] = None
        self.name: Optional[str] = None

    def tell(self) -> None:
        """Writes the `obj` line, if this process has not yet."""
        process = identity.me
        if process is None or self.told is process:
            return
        if not self.number:
            self.number = next(process.objects)
            self.name = self._find_name()
        self.told = process
        if len(process.things) > 1000 and self.number % 256 == 0:
            _prune(process)
        process.things[self.number] = ref(self)
        event("obj", self.facts(process))

    def reference(self, process: Process) -> str:
        return "%s:%d" % (self.family, self.number)

    def facts(self, process: Process) -> Dict[str, object]:
        return {
            "obj": self.reference(process),
            "kind": self.kind,
            "name": self.name,
            "site": self.site,
            "in": self.inside,
            "size": self.size,
        }

    def _find_name(self) -> Optional[str]:
        try:
            return name_at(self.site) or self._name_in_module()
        except Exception:
            return None

    def _name_in_module(self) -> Optional[str]:
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
    for number, reference in list(process.things.items()):
        if reference() is None:
            process.things.pop(number, None)
