"""Prices are converted in a child process, which dies half-way. The parent joins it and never looks at its exit code.

Usage: python program.py [fork|spawn|forkserver]
"""

from __future__ import annotations

import logging
import multiprocessing
import sys

RATES = {"EUR": 1.0, "USD": 1.1, "GBP": 0.9}
PRICES = [("tea", 4.0, "EUR"), ("scones", 6.0, "GBP"), ("ramen", 11.0, "JPY"), ("bagel", 3.0, "USD")]

log = logging.getLogger("prices")


def set_up_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(processName)s %(levelname)-7s %(name)s: %(message)s")


def convert(prices: list[tuple[str, float, str]]) -> None:
    set_up_logging()
    for article, price, currency in prices:
        log.info("converting %s from %s", article, currency, extra={"article": article})
        euros = price / RATES[currency]
        log.info("%s costs %.2f EUR", article, euros, extra={"article": article, "euros": round(euros, 2)})


def main() -> None:
    set_up_logging()
    if sys.argv[1:]:
        multiprocessing.set_start_method(sys.argv[1])
    converter = multiprocessing.Process(target=convert, args=(PRICES,), name="converter")
    log.info("%d prices to convert", len(PRICES), extra={"count": len(PRICES)})
    converter.start()
    converter.join()
    log.info("prices converted")


if __name__ == "__main__":
    main()
