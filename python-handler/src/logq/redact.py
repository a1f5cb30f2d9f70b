"""What must not reach the disk: `redact=` of `install` and `logq.Handler`, made into two functions.

A redactor changes `{"msg", "tpl", "extra", "exc", "stack"}` of a log record in place; all but `msg` may be None. A
cleaner does the same for an event: the words of a command line, the message of an exception, every other text.

Names and patterns are handed on to the processes that this one starts, as text: `n:password`, `p32:\\d{4}` with the
pattern's flags. A function cannot be: where it is importable, a child has to ask for it again.
"""

from __future__ import annotations

from .options import SEPARATOR, cleaners, hidden, redactors
from .trouble import swallowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Redactor = Callable[[dict[str, Any]], None]
    Cleaner = Callable[[dict[str, Any]], dict[str, Any]]

__all__ = ["REDACTED", "add", "follow"]

REDACTED = "[redacted]"


def add(wanted: Any) -> None:
    """`redact=` of a call."""
    redactor = make_redactor(wanted)
    if redactor is None:
        return
    redactors.append(redactor)
    cleaners.append(make_cleaner(wanted))
    if not callable(wanted):
        hidden.extend(text for text in map(_said, _listed(wanted)) if text is not None and text not in hidden)


def follow(text: str) -> None:
    """What the process that started this one redacts. What cannot be understood is left out."""
    rules: list[Any] = []
    for said in text.split(SEPARATOR):
        kind, _, rule = said.partition(":")
        if said in hidden:
            continue
        try:
            if kind == "n":
                rules.append(rule)
            else:
                import re

                rules.append(re.compile(rule, int(kind[1:])))
        except Exception:
            swallowed()
    if rules:
        add(rules)


def _said(rule: Any) -> str | None:
    if isinstance(rule, str):
        return f"n:{rule}"
    pattern, flags = getattr(rule, "pattern", None), getattr(rule, "flags", 0)
    if not isinstance(pattern, str) or not isinstance(flags, int):
        return None  # another library's
    return f"p{int(flags)}:" + pattern.replace(SEPARATOR, "\\x1f")


def make_redactor(wanted: Any) -> Redactor | None:
    """A function is taken as it is. Of a list, strings are names of extra fields (in any case) whose
    values are hidden, and compiled patterns are hidden wherever they match in texts."""
    if wanted is None:
        return None
    if callable(wanted):
        return wanted  # type: ignore[no-any-return]
    names, patterns = _rules(wanted)

    def redact(content: dict[str, Any]) -> None:
        for key in ("msg", "tpl", "stack"):
            if content.get(key) is not None:
                content[key] = _hide(content[key], patterns)
        for key in ("exc", "extra"):
            if content.get(key) is not None:
                content[key] = _clean(content[key], names, patterns, 0)

    return redact


def _rules(wanted: Any) -> tuple[frozenset[str], list[Any]]:
    rules = _listed(wanted)
    names = frozenset(rule.lower() for rule in rules if isinstance(rule, str))
    return names, [rule for rule in rules if hasattr(rule, "sub")]


def _listed(wanted: Any) -> list[Any]:
    return [wanted] if isinstance(wanted, str) or hasattr(wanted, "sub") else list(wanted)


def make_cleaner(wanted: Any) -> Cleaner:
    """Gives the fields of an event without what must not be there."""
    if callable(wanted):
        return lambda fields: _ask(wanted, fields)
    names, patterns = _rules(wanted)

    def clean(fields: dict[str, Any]) -> dict[str, Any]:
        cleaned: dict[str, Any] = _clean(fields, frozenset(), patterns, 0)
        if isinstance(cleaned.get("argv"), list):
            cleaned["argv"] = _clean_words(cleaned["argv"], names)
        return cleaned

    return clean


def _ask(redact: Redactor, fields: dict[str, Any]) -> dict[str, Any]:
    """A function of the program's is shown what an event has of such things as it would be of a log record."""
    argv, message = fields.get("argv"), fields.get("msg")
    if argv is None and message is None:
        return fields
    content: dict[str, Any] = {"msg": message or "", "tpl": None, "exc": None, "stack": None}
    content["extra"] = {"argv": argv} if argv is not None else None
    redact(content)
    cleaned = dict(fields)
    if message is not None:
        cleaned["msg"] = content["msg"]
    if argv is not None:
        cleaned["argv"] = (content.get("extra") or {}).get("argv")
    return cleaned


def _clean_words(words: list[Any], names: frozenset[str]) -> list[Any]:
    """Of `--password x`, `--password=x` and `password=x` the x."""
    cleaned: list[Any] = []
    hides_next = False
    for word in words:
        name, equals, _ = str(word).partition("=")
        is_named = name.lstrip("-").replace("-", "_").lower() in names or name.lstrip("-").lower() in names
        if hides_next:
            cleaned.append(REDACTED)
        elif is_named and equals:
            cleaned.append(f"{name}={REDACTED}")
        else:
            cleaned.append(word)
        hides_next = is_named and not equals and name.startswith("-") and not hides_next
    return cleaned


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
