"""A ferry office on gevent: patch_all() has made greenlets of its threads, and of its locks gevent's."""

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("office")
cabins = threading.Lock()
deck = threading.Lock()


def book(first, second):
    with first:
        log.info("has the first list")
        time.sleep(0.05)
        with second:
            log.info("has both")


clerks = [
    threading.Thread(target=book, args=(cabins, deck), name="clerk-1", daemon=True),
    threading.Thread(target=book, args=(deck, cabins), name="clerk-2", daemon=True),
]
for clerk in clerks:
    clerk.start()
for clerk in clerks:
    clerk.join()
