"""A nightly report that adds up two branches, each in a thread. One thread dies; the report is written all the same."""

from __future__ import annotations

import logging
import threading

SALES = {
    "north": ["120.50", "80.00", "99.90"],
    "south": ["210.00", "n/a", "45.10"],
}

log = logging.getLogger("report")


def add_up(branch: str, totals: dict[str, float]) -> None:
    log.info("adding up %s", branch, extra={"branch": branch, "lines": len(SALES[branch])})
    totals[branch] = sum(float(amount) for amount in SALES[branch])
    log.info("%s: %.2f", branch, totals[branch], extra={"branch": branch, "total": totals[branch]})


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    totals: dict[str, float] = {}
    threads = [threading.Thread(target=add_up, args=(branch, totals), name=f"sum-{branch}") for branch in SALES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()  # says nothing of how the thread ended
    log.info("report written: %.2f in all", sum(totals.values()), extra={"total": sum(totals.values())})


if __name__ == "__main__":
    main()
