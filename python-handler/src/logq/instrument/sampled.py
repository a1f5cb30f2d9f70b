"""Which function a turn of a loop is in for long: what the watchdog's looks at its stack have in common.

A turn that blocks may be caught once on the line after the culprit, and one that calls something short ten thousand
times is never caught twice in the same frame. So functions are counted, not frames, and the one shown is the innermost
of those that half of the looks saw. Whether the looks are at one turn is for the caller to know.
"""

from __future__ import annotations

from logq.sites import absolute, is_machinery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, FrameType

    Place = tuple[CodeType, int]  # a function of the program's, and the line it is at

__all__ = ["Sampled", "place_of"]

_MAX_FRAMES = 8


class Sampled:
    """Where one turn was seen."""

    __slots__ = ("_looks", "_seen")

    def __init__(self) -> None:
        self._looks = 0
        # Of a function: how often it was seen, and from it outwards where everything was when it was last seen.
        self._seen: dict[CodeType, tuple[int, list[Place]]] = {}

    def add(self, places: list[Place]) -> None:
        """One more look: the program's functions, innermost first."""
        self._looks += 1
        met: set[CodeType] = set()
        for depth, (code, _) in enumerate(places):
            if code not in met:  # one that calls itself counts once a look, where it is innermost
                met.add(code)
                seen = self._seen.get(code, (0, places))[0]
                self._seen[code] = (seen + 1, places[depth:])

    @property
    def samples(self) -> int:
        """How many looks saw the function that is shown."""
        return self._shown()[0]

    def stack(self) -> list[dict[str, object]]:
        places = self._shown()[1][:_MAX_FRAMES]
        return [{"file": absolute(code.co_filename), "line": line, "func": code.co_name} for code, line in places]

    def _shown(self) -> tuple[int, list[Place]]:
        if not self._seen:
            return min(self._looks, 1), []
        enough = max(min(self._looks, 2), (self._looks + 1) // 2)
        shared = [entry for entry in self._seen.values() if entry[0] >= enough] or list(self._seen.values())
        return max(shared, key=lambda entry: len(entry[1]))


def place_of(frame: FrameType) -> Place | None:
    """Where a frame is, if it is the program's own."""
    code = frame.f_code
    return None if is_machinery(code.co_filename) else (code, frame.f_lineno or 0)
