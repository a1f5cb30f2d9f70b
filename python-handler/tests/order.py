"""Happens-before, rebuilt from a spool: what a reader does, in a few lines, for the oracle tests."""

from __future__ import annotations

from typing import Any

from harness import Record

Key = tuple[str, str]  # process key, lane


class Order:
    """Clocks of every record: lane -> greatest number that happened before (or is) the record."""

    def __init__(self, records: list[Record], with_locks: bool = True) -> None:
        self.with_locks = with_locks
        self.lanes: dict[Key, dict[int, Record]] = {}
        for record in records:
            if "seq" in record:
                self.lanes.setdefault((record["proc"], record["lane"]), {})[record["seq"]] = record
        self.clocks: dict[tuple[Key, int], dict[Key, int]] = {}

    def before(self, first: Record, second: Record) -> bool:
        """Whether `first` happened before `second` (a record does not happen before itself)."""
        if first is second:
            return False
        key = (first["proc"], first["lane"])
        return self.clock((second["proc"], second["lane"]), second["seq"]).get(key, 0) >= first["seq"]

    def clock(self, lane: Key, number: int) -> dict[Key, int]:
        """Computed without recursion: chains are longer than Python's stack."""
        todo = [(lane, number)]
        opened = set()
        while todo:
            node = todo[-1]
            if node in self.clocks:
                todo.pop()
                continue
            parents = self.parents(*node)
            missing = [parent for parent in parents if parent not in self.clocks]
            if missing:
                opened.add(node)
                assert not opened.intersection(missing), f"a circle at {node}"
                todo.extend(missing)
                continue
            clock: dict[Key, int] = {node[0]: node[1]}
            for parent in parents:
                for key, seq in self.clocks[parent].items():
                    clock[key] = max(clock.get(key, 0), seq)
            self.clocks[node] = clock
            todo.pop()
        return self.clocks[lane, number]

    def parents(self, lane: Key, number: int) -> list[tuple[Key, int]]:
        record = self.lanes[lane][number]
        found = [(lane, number - 1)] if number > 1 else []
        texts = list(record.get("hb", []))
        if self.with_locks:
            texts += record.get("hbl", [])
        if record.get("ev") in ("proc", "lane", "recv") and record.get("from"):
            texts.append(record["from"])
        for text in texts:
            found.extend(self.parse(text, lane[0]))
        return found

    def parse(self, text: str, process: str) -> list[tuple[Key, int]]:
        full, _, number = text.split("|", maxsplit=1)[0].rpartition("@")
        home, _, name = full.rpartition("/")
        key = (home or process, name)
        if int(number) == 0:
            return []
        known = self.lanes.get(key, {})
        assert int(number) in known, f"{text} names a record that is not there"
        return [(key, int(number))]


def disagreements(records: list[Record], with_locks: bool = True) -> list[Any]:
    """Pairs of log records whose order in the spool is not that of the clocks they carry."""
    order = Order(records, with_locks)
    logs = [record for record in records if "clock" in record.get("extra", {})]
    wrong = []
    for first in logs:
        me = first["extra"]["me"]
        number = first["extra"]["clock"][me]
        for second in logs:
            if first is second:
                continue
            expected = second["extra"]["clock"].get(me, 0) >= number
            if order.before(first, second) != expected:
                wrong.append((expected, first["msg"], second["msg"]))
    return wrong
