"""Where a suspended coroutine or generator stands: its frames, down to the one that gave the turn away.

Whoever schedules it, asyncio, trio or Twisted, is no matter here. It only reads.
"""

from __future__ import annotations

import gc
from types import AsyncGeneratorType, CoroutineType, GeneratorType

from logq.sites import absolute, is_machinery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.lane import Site

__all__ = ["frames_of", "sites_of", "told"]

_MAX_FRAMES = 8
_MAX_DEPTH = 400
_LINKS = ("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable")


def frames_of(link: Any) -> list[Any]:
    """The frames, from its own to the innermost."""
    found: list[Any] = []
    for _ in range(_MAX_DEPTH):
        kind = type(link)
        if kind is CoroutineType:
            frame, link = link.cr_frame, link.cr_await
        elif kind is GeneratorType:
            frame, link = link.gi_frame, link.gi_yieldfrom
        elif kind is AsyncGeneratorType:
            frame, link = link.ag_frame, link.ag_await
        elif kind.__name__ in _LINKS:
            inner = [thing for thing in gc.get_referents(link) if _is_link(thing)]
            if not inner:
                break
            link = inner[0]
            continue
        else:
            break
        if frame is None:
            break
        found.append(frame)
    return found


def _is_link(thing: Any) -> bool:
    kind = type(thing)
    return kind in (CoroutineType, GeneratorType, AsyncGeneratorType) or kind.__name__ in _LINKS


def sites_of(frames: list[Any]) -> list[Site]:
    """The program's own among them, innermost first; at most 8."""
    sites: list[Site] = []
    for frame in reversed(frames):
        code = frame.f_code
        if not is_machinery(code.co_filename):
            sites.append((absolute(code.co_filename), frame.f_lineno or 0, code.co_name))
    return sites[:_MAX_FRAMES]


def told(sites: list[Site]) -> list[dict[str, object]] | None:
    """As a record holds them."""
    return [{"file": site[0], "line": site[1], "func": site[2]} for site in sites] or None
