"""What logq keeps on objects of the program does not go along when those are pickled or copied in depth.

A program's own `__getstate__` takes what its object has in `__dict__`, and with it what stands there for logq. In the
copy there is None in its place, which every reader of such an attribute takes for an object that is not recorded: also
where nobody has ever heard of logq.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Unkept"]


class Unkept:
    """Becomes None in a pickle or a deep copy."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return type(None), ()
