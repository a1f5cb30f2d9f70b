"""Twisted, trio, gevent and PyCSP, each in a process of its own, each with work that goes well."""

import subprocess
import sys


def with_twisted():
    from twisted.internet import defer, reactor, task, threads

    @defer.inlineCallbacks
    def work(_reactor):
        lock = defer.DeferredLock()
        total = yield lock.run(threads.deferToThread, sum, range(10))
        yield task.deferLater(reactor, 0.05, lambda: None)
        handled = yield defer.fail(ValueError("expected")).addErrback(lambda failure: str(failure.value))
        print("twisted", total, handled)

    task.react(work)


def with_trio():
    import trio

    async def produce(channel):
        async with channel:
            for number in range(3):
                await channel.send(number)

    async def main():
        lock, ready = trio.Lock(), trio.Event()
        send, receive = trio.open_memory_channel(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(produce, send)
            nursery.start_soon(ready.wait)
            async for number in receive:
                async with lock:
                    print("trio", number)
            ready.set()

    trio.run(main)


def with_gevent():
    from gevent import monkey

    monkey.patch_all()
    import queue
    import threading
    import time

    jobs, lock = queue.Queue(), threading.Lock()

    def work():
        for job in iter(jobs.get, None):
            with lock:
                time.sleep(0.01)
                print("gevent", job)

    workers = [threading.Thread(target=work, name=f"worker-{number}") for number in range(2)]
    for worker in workers:
        worker.start()
    for job in [1, 2, 3, None, None]:
        jobs.put(job)
    for worker in workers:
        worker.join()


def with_pycsp():
    import collections
    import collections.abc

    collections.Callable = collections.abc.Callable
    from pycsp.parallel import Channel, ChannelPoisonException, Parallel, poison, process, shutdown

    @process
    def produce(out):
        for number in range(3):
            out(number)
        poison(out)

    @process
    def consume(source):
        try:
            while True:
                print("pycsp", source())
        except ChannelPoisonException:
            print("pycsp is done")

    channel = Channel()
    Parallel(produce(channel.writer()), consume(channel.reader()))
    shutdown()


if len(sys.argv) > 1:
    globals()["with_" + sys.argv[1]]()
else:
    for name in ("twisted", "trio", "gevent", "pycsp"):
        subprocess.run([sys.executable, __file__, name], check=True)
