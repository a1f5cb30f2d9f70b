"""A weather desk: one task for each station fetches a reading, one task writes them down, and one station is broken."""

from __future__ import annotations

import asyncio
import logging

# What each station sends; the last one has iced up.
STATIONS = {"harbour": "11.5", "airport": "9.0", "hilltop": "4.5", "glacier": "--.-"}

log = logging.getLogger("weather")


async def fetch(station: str, delay: float) -> str:
    await asyncio.sleep(delay)  # the network
    return STATIONS[station]


async def read(station: str, delay: float, readings: asyncio.Queue[tuple[str, float]]) -> float:
    log.info("asking %s", station, extra={"station": station})
    celsius = float(await fetch(station, delay))
    await readings.put((station, celsius))
    return celsius


async def write_down(readings: asyncio.Queue[tuple[str, float]]) -> None:
    while True:
        station, celsius = await readings.get()
        log.info("%s: %.1f degrees", station, celsius, extra={"station": station, "celsius": celsius})
        readings.task_done()


async def main() -> None:
    readings: asyncio.Queue[tuple[str, float]] = asyncio.Queue(maxsize=1)
    writer = asyncio.create_task(write_down(readings), name="writer")
    tasks = [
        asyncio.create_task(read(station, 0.02 * number, readings), name=f"read-{station}")
        for number, station in enumerate(STATIONS, start=1)
    ]

    results = await asyncio.gather(*tasks, return_exceptions=True)
    for station, result in zip(STATIONS, results):
        if isinstance(result, BaseException):
            log.error("no reading from %s", station, exc_info=result, extra={"station": station})

    await readings.join()
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    good = [result for result in results if isinstance(result, float)]
    log.info("%.1f degrees on average", sum(good) / len(good), extra={"stations": len(good)})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    asyncio.run(main())
