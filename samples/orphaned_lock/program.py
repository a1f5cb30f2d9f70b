"""A process is forked while another thread holds the catalogue's lock. In the child nobody can give it back: run it
with `--timeout`."""

import logging
import multiprocessing
import threading

log = logging.getLogger("library")

catalogue_lock = threading.Lock()
sorting = threading.Event()
lent = threading.Event()


def sort_catalogue():
    with catalogue_lock:
        sorting.set()
        log.info("sorting")
        lent.wait(1.0)


def lend(title):
    log.info("lending %s", title)
    with catalogue_lock:
        log.info("lent %s", title)


def main():
    logging.basicConfig(level=logging.INFO, format="%(processName)s %(threadName)s %(message)s")
    threading.Thread(target=sort_catalogue, name="sorter").start()
    sorting.wait()
    desk = multiprocessing.get_context("fork").Process(target=lend, args=("Moby Dick",), name="desk")
    desk.start()
    desk.join()


if __name__ == "__main__":
    main()
