"""Sorts the photos of a holiday with threads, a queue, a pool, an event loop and a child process. All goes well."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

PHOTOS = ["beach.jpg", "harbour.jpg", "market.jpg", "sunset.jpg"]

log = logging.getLogger("photos")


def set_up_logging() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s %(threadName)s: %(message)s")


def scan(found: queue.Queue[str | None]) -> None:
    for photo in PHOTOS:
        log.info("found %s", photo, extra={"photo": photo})
        found.put(photo)
    found.put(None)


def shrink(photo: str) -> str:
    log.info("shrinking %s", photo, extra={"photo": photo})
    return photo.replace(".jpg", "-small.jpg")


def shrink_all(found: queue.Queue[str | None]) -> list[str]:
    """Hands every photo that the scanner finds to a pool, and gathers the small ones."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="shrinker") as pool:
        small: list[Future[str]] = [pool.submit(shrink, photo) for photo in iter(found.get, None)]
        return [each.result() for each in small]


async def upload(photo: str, line: asyncio.Lock) -> None:
    async with line:
        await asyncio.sleep(0.01)
        log.info("uploaded %s", photo, extra={"photo": photo})


async def upload_all(photos: list[str]) -> None:
    line = asyncio.Lock()
    await asyncio.gather(*(asyncio.create_task(upload(photo, line), name=f"upload {photo}") for photo in photos))


def write_album(photos: list[str]) -> None:
    set_up_logging()
    log.info("an album of %d photos", len(photos), extra={"count": len(photos)})


def main() -> None:
    set_up_logging()
    found: queue.Queue[str | None] = queue.Queue()
    scanner = threading.Thread(target=scan, args=(found,), name="scanner")
    scanner.start()
    small = shrink_all(found)
    scanner.join()

    asyncio.run(upload_all(small))

    album = multiprocessing.get_context("spawn").Process(target=write_album, args=(small,), name="album")
    album.start()
    album.join()
    log.info("all done", extra={"count": len(small)})


if __name__ == "__main__":
    main()
