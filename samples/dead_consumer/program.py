"""A printer dies of one bad page, and the office waits until all pages are printed: run it with `--timeout`."""

import logging
import queue
import threading

log = logging.getLogger("office")

pages = queue.Queue()


def print_pages():
    while True:
        page = pages.get()
        log.info("printed %s", page.title())
        pages.task_done()


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    threading.Thread(target=print_pages, name="printer", daemon=True).start()
    for page in ["cover", "contents", None, "index"]:
        pages.put(page)
    pages.join()
    log.info("all pages are printed")


if __name__ == "__main__":
    main()
