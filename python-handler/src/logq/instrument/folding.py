"""Tasks that were short and silent and ended well: they are counted by their place of creation, and have no lane."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from logq.identity import Process

__all__ = ["count"]


def count(process: Process, code: Any, instruction: int, name: str | None) -> None:
    """By the id of the code, whose hash would cost more than all of this; so it must stay."""
    key = (id(code), instruction, name)
    folded = process.folded
    if key in folded:
        folded[key][1] += 1
    else:
        folded[key] = [code, 1]
