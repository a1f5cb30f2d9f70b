"""What must not reach the disk: `redact=` of `install` and `logq.Handler`, made into one function.

A redactor changes `{"msg", "tpl", "extra", "exc", "stack"}` in place; all but `msg` may be None.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Redactor = Callable[[dict[str, Any]], None]

__all__ = ["REDACTED", "make_redactor"]

REDACTED = "[redacted]"


def make_redactor(wanted: Any) -> Redactor | None:
    """A function is taken as it is. Of a list, strings are names of extra fields (in any case) whose
    values are hidden, and compiled patterns are hidden wherever they match in texts."""
    if wanted is None:
        return None
    if callable(wanted):
        return wanted  # type: ignore[no-any-return]
    if isinstance(wanted, str) or hasattr(wanted, "sub"):
        wanted = [wanted]
    rules = list(wanted)
    names = frozenset(rule.lower() for rule in rules if isinstance(rule, str))
    patterns = [rule for rule in rules if hasattr(rule, "sub")]

    def redact(content: dict[str, Any]) -> None:
        for key in ("msg", "tpl"):
            if content.get(key) is not None:
                content[key] = _hide(content[key], patterns)
        for key in ("exc", "extra"):
            if content.get(key) is not None:
                content[key] = _clean(content[key], names, patterns, 0)

    return redact


def _hide(text: str, patterns: list[Any]) -> str:
    for pattern in patterns:
        text = pattern.sub(REDACTED, text)
    return text


def _clean(value: Any, names: frozenset[str], patterns: list[Any], depth: int) -> Any:
    if isinstance(value, str):
        return _hide(value, patterns)
    if depth > 8:
        return value
    if isinstance(value, dict):
        return {
            key: REDACTED
            if isinstance(key, str) and key.lower() in names
            else _clean(member, names, patterns, depth + 1)
            for key, member in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_clean(member, names, patterns, depth + 1) for member in value]
    return value
