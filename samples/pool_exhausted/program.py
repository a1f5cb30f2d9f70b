"""Folders are counted by a pool whose workers wait for their subfolders in the same pool: run it with `--timeout`."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger("disk")

TREE = {"home": {"letters": {}, "photos": {}}, "work": {"reports": {}, "drafts": {}}}
pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="counter")
all_busy = threading.Barrier(2)  # so that it goes wrong every time


def count(name, folders):
    log.info("counting %s", name)
    all_busy.wait()
    parts = [pool.submit(count, part, inner) for part, inner in folders.items()]
    return 1 + sum(part.result() for part in parts)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    totals = [pool.submit(count, name, folders) for name, folders in TREE.items()]
    log.info("%d folders", sum(total.result() for total in totals))


if __name__ == "__main__":
    main()
