"""A weather station uploads in a task of its own that nobody awaits. The upload fails; the station goes on."""

import asyncio
import logging

log = logging.getLogger("station")


async def upload(reading):
    await asyncio.sleep(0.02)
    if reading < -40:
        raise ValueError(f"{reading} degrees cannot be")
    log.info("uploaded %d", reading)


async def measure():
    uploads = set()
    for reading in (3, -99, 5):
        log.info("measured %d", reading)
        uploads.add(asyncio.create_task(upload(reading), name=f"upload {reading}"))
        await asyncio.sleep(0.05)
    log.info("%d readings measured", len(uploads))


def main():
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # asyncio would say it at the end: many never see that
    asyncio.run(measure())


if __name__ == "__main__":
    main()
