"""A bakery of PyCSP processes: the oven and the counter hand each other loaves and orders over two channels."""

import collections
import collections.abc

if not hasattr(collections, "Callable"):  # PyCSP 0.9.2 is older than Python 3.10
    collections.Callable = collections.abc.Callable

from pycsp.parallel import Channel, Parallel, process, shutdown


@process
def oven(orders, loaves):
    for _ in range(3):
        order = orders()  # waits for an order before it bakes
        loaves("loaf for " + order)


@process
def counter(loaves, orders):
    for guest in ("Ada", "Grace", "Mary"):
        print(loaves())  # waits for a loaf before it orders
        orders(guest)


orders = Channel()
loaves = Channel()
Parallel(oven(orders.reader(), loaves.writer()), counter(loaves.reader(), orders.writer()))
shutdown()
