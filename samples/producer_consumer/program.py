"""Counts the words of a few books: a reader, counters with a queue each, and a collector at the end of the line.

The reader gives all pages of one book to one counter, so pages of a book stay in order. When every page is counted
(`task_done`, `join`), the reader puts a poison pill into each queue; the counters pass theirs on to the collector,
which ends with the last of them.
"""

from __future__ import annotations

import collections
import logging
import queue
import threading
from typing import NamedTuple, Optional

BOOKS = {
    "whale": ["call me ishmael", "some years ago", "never mind how long"],
    "tale": ["it was the best of times", "it was the worst of times"],
    "pride": ["it is a truth", "universally acknowledged"],
}
COUNTERS = 3


class Page(NamedTuple):
    book: str
    number: int
    text: str


class Count(NamedTuple):
    book: str
    words: int


Pages = queue.Queue[Optional[Page]]
Counts = queue.Queue[Optional[Count]]


def read(desks: list[Pages]) -> None:
    log = logging.getLogger("books.read")
    for desk, (book, pages) in zip(desks, BOOKS.items()):
        for number, text in enumerate(pages, start=1):
            log.info("page %d of %s", number, book, extra={"book": book, "page": number})
            desk.put(Page(book, number, text))
    for desk in desks:
        desk.join()
    log.info("every page is counted")
    for desk in desks:
        desk.put(None)


def count(desk: Pages, counts: Counts) -> None:
    log = logging.getLogger("books.count")
    for page in iter(desk.get, None):
        words = len(page.text.split())
        log.info("%d words on page %d of %s", words, page.number, page.book, extra={"book": page.book, "words": words})
        counts.put(Count(page.book, words))
        desk.task_done()
    counts.put(None)


def collect(counts: Counts, totals: collections.Counter[str]) -> None:
    still_counting = COUNTERS
    while still_counting:
        result = counts.get()
        if result is None:
            still_counting -= 1
        else:
            totals[result.book] += result.words
    logging.getLogger("books.collect").info("collected %d books", len(totals), extra={"books": len(totals)})


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(threadName)-10s %(levelname)-7s %(name)s: %(message)s")
    desks: list[Pages] = [queue.Queue(maxsize=2) for _ in range(COUNTERS)]
    counts: Counts = queue.Queue()
    totals: collections.Counter[str] = collections.Counter()

    threads = [threading.Thread(target=collect, args=(counts, totals), name="collector")]
    for number, desk in enumerate(desks, start=1):
        threads.append(threading.Thread(target=count, args=(desk, counts), name=f"counter-{number}"))
    threads.append(threading.Thread(target=read, args=(desks,), name="reader"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    log = logging.getLogger("books")
    for book, words in sorted(totals.items()):
        log.info("%s: %d words", book, words, extra={"book": book, "words": words})


if __name__ == "__main__":
    main()
