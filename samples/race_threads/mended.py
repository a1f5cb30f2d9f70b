"""Four tellers count visitors. All of it happens under one lock."""

import logging
import threading
import time

log = logging.getLogger("museum")

visitors = 0
desk = threading.Lock()


def greet():
    time.sleep(0.001)


def teller(tickets):
    global visitors
    for _ in range(tickets):
        greet()
        with desk:
            seen = visitors
            visitors = seen + 1
    log.info("sold %d tickets", tickets)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    tellers = [threading.Thread(target=teller, args=(25,), name=f"teller-{n}") for n in (1, 2, 3, 4)]
    for each in tellers:
        each.start()
    for each in tellers:
        each.join()
    log.info("%d visitors, 100 tickets", visitors)


if __name__ == "__main__":
    main()
