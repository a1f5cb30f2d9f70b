"""A small shop on a busy evening.

Orders come in on one thread and wait in a queue. Two packers, each a thread, ask a child process what is left on the
shelves, and every customer whose parcel is on its way gets a mail from an asyncio task. One order cannot be packed.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import queue
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

# order, customer, item, pieces, year of the catalogue that the customer ordered from
INBOX = """\
8807 ada 12 3 2026
8808 ben 31 1 2026
8809 eve 54 2 2026
8810 ada 12 1 2026
8811 dan 31 2 2026
8812 kim 77 1 2019
8813 ben 54 1 2026
8814 eve 12 2 2026
"""
CATALOGUE = 2026
SHELVES = {12: 40, 31: 7, 54: 15}
PACKERS = 2

log = logging.getLogger("shop")


def set_up_logging() -> None:
    layout = "%(asctime)s %(processName)s/%(threadName)s %(levelname)-7s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=layout)


@dataclass(frozen=True)
class Order:
    id: int
    customer: str
    item: int
    pieces: int
    catalogue: int


def take_orders(orders: queue.Queue[Order | None]) -> None:
    """The intake thread: reads the inbox and leaves each order in the queue, then a None for each packer."""
    log = logging.getLogger("shop.intake")
    for line in INBOX.splitlines():
        number, customer, *rest = line.split()
        order = Order(int(number), customer, *map(int, rest))
        about = {"order_id": order.id, "customer": order.customer, "item": order.item}
        log.info("order %d: %d of item %d for %s", order.id, order.pieces, order.item, order.customer, extra=about)
        if order.catalogue != CATALOGUE:
            log.warning("order %d is from the catalogue of %d", order.id, order.catalogue, extra=about)
        orders.put(order)
    for _ in range(PACKERS):
        orders.put(None)


def keep_stock(desk: Connection) -> None:
    """The stock process: answers each (order, item, pieces) with what is left, None for an item that it never had."""
    set_up_logging()
    log = logging.getLogger("shop.stock")
    shelves = dict(SHELVES)
    for order_id, item, pieces in iter(desk.recv, None):
        if item in shelves:
            shelves[item] -= pieces
            log.info("item %d: %d taken, %d left", item, pieces, shelves[item], extra={"order_id": order_id})
        else:
            log.warning("item %d: no such shelf", item, extra={"order_id": order_id})
        desk.send(shelves.get(item))


class StockDesk:
    """Where packers ask the stock process, one at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._window, far_side = context.Pipe()
        self._turn = threading.Lock()
        self._clerk = context.Process(target=keep_stock, args=(far_side,), name="stock")
        self._clerk.start()
        far_side.close()

    def take(self, order: Order) -> int:
        with self._turn:
            self._window.send((order.id, order.item, order.pieces))
            left: int | None = self._window.recv()
        if left is None:
            raise LookupError(f"no item {order.item}")
        return left

    def close(self) -> None:
        self._window.send(None)
        self._clerk.join()


class Notifier(threading.Thread):
    """Tells customers about their parcels, all at the same time, on an event loop of its own."""

    def __init__(self) -> None:
        super().__init__(name="notifier")
        self._open = threading.Event()
        self._log = logging.getLogger("shop.mail")

    def tell(self, order: Order | None) -> None:
        """From any thread; None is the last call."""
        self._open.wait()
        self._loop.call_soon_threadsafe(self._parcels.put_nowait, order)

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parcels: asyncio.Queue[Order | None] = asyncio.Queue()
        self._open.set()
        mails = []
        while (order := await self._parcels.get()) is not None:
            mails.append(asyncio.create_task(self._mail(order), name=f"mail-{order.id}"))
        await asyncio.gather(*mails)

    async def _mail(self, order: Order) -> None:
        await asyncio.sleep(0.03)  # the mail server takes its time
        self._log.info("told %s about order %d", order.customer, order.id, extra={"order_id": order.id})


def pack(orders: queue.Queue[Order | None], done: queue.Queue[bool], desk: StockDesk, notifier: Notifier) -> None:
    """A packer thread: packs orders until the None that is meant for it."""
    log = logging.getLogger("shop.pack")
    for order in iter(orders.get, None):
        log.info("packing order %d", order.id, extra={"order_id": order.id})
        try:
            left = desk.take(order)
            time.sleep(0.04)  # paper, tape, label
        except LookupError:
            log.exception("order %d failed", order.id, extra={"order_id": order.id, "item": order.item})
            done.put(False)
        else:
            log.info("order %d is on its way", order.id, extra={"order_id": order.id, "left": left})
            notifier.tell(order)
            done.put(True)


def main() -> None:
    set_up_logging()
    log.info("the shop opens", extra={"packers": PACKERS})

    orders: queue.Queue[Order | None] = queue.Queue()
    done: queue.Queue[bool] = queue.Queue()
    desk = StockDesk()
    notifier = Notifier()
    notifier.start()
    packers = [
        threading.Thread(target=pack, args=(orders, done, desk, notifier), name=f"packer-{number}")
        for number in range(1, PACKERS + 1)
    ]
    for packer in packers:
        packer.start()
    intake = threading.Thread(target=take_orders, args=(orders,), name="intake")
    intake.start()

    results = [done.get() for _ in INBOX.splitlines()]
    for thread in [intake, *packers]:
        thread.join()
    notifier.tell(None)
    notifier.join()
    desk.close()
    log.info("the shop closes: %d orders packed, %d failed", results.count(True), results.count(False))


if __name__ == "__main__":
    main()
