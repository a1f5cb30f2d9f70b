"""A library desk in trio: lending takes the shelf and then the card index, returning takes them the other way round."""

import logging

import trio

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("desk")
shelf = trio.Lock()
card_index = trio.Lock()


async def lend(book):
    async with shelf:
        log.info("takes %s from the shelf", book)
        await trio.sleep(0.05)
        async with card_index:
            log.info("writes down that %s is lent", book)


async def take_back(book):
    async with card_index:
        log.info("strikes out %s", book)
        await trio.sleep(0.05)
        async with shelf:
            log.info("puts %s on the shelf", book)


async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lend, "Emma")
        nursery.start_soon(take_back, "Ulysses")


trio.run(main)
