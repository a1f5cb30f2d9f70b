"""A cinema opens its doors before anyone queues. The guest waits for ever: run it with `--timeout`."""

import logging
import threading

log = logging.getLogger("cinema")

doors = threading.Condition()
opened = threading.Event()  # only so that it goes wrong every time


def open_doors():
    with doors:
        log.info("the doors are open")
        doors.notify_all()
    opened.set()


def visit():
    opened.wait()
    with doors:
        log.info("waiting for the doors")
        doors.wait()  # without asking first whether they are open
    log.info("found a seat")


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    guest = threading.Thread(target=visit, name="guest")
    usher = threading.Thread(target=open_doors, name="usher")
    guest.start()
    usher.start()
    guest.join()


if __name__ == "__main__":
    main()
