"""A chat server resizes a picture on its event loop. Everybody else's message comes late."""

import asyncio
import logging
import time

log = logging.getLogger("chat")


def resize(picture):
    time.sleep(1.2)  # what a picture library does for a large picture
    return picture.replace(".jpg", "-small.jpg")


async def receive(picture):
    await asyncio.sleep(0.1)
    log.info("stored %s", resize(picture))


async def deliver():
    for message in ("good morning", "coffee?", "yes"):
        begun = time.monotonic()
        await asyncio.sleep(0.1)
        late = time.monotonic() - begun > 0.4
        log.info("%s%s", message, " (late)" if late else "")


async def serve():
    pictures = asyncio.create_task(receive("beach.jpg"), name="pictures")
    messages = asyncio.create_task(deliver(), name="messages")
    await asyncio.gather(pictures, messages)


def main():
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asyncio.run(serve())


if __name__ == "__main__":
    main()
