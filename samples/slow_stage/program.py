"""A line of three: a camera, one darkroom, three framers. It ends well; one stage keeps all the others waiting."""

import logging
import queue
import threading
import time

log = logging.getLogger("studio")

negatives = queue.Queue(maxsize=2)
prints = queue.Queue()


def shoot():
    for number in range(12):
        negatives.put(number)
    negatives.put(None)


def develop():
    while (negative := negatives.get()) is not None:
        time.sleep(0.04)  # the slow stage
        prints.put(negative)
    for _ in range(3):
        prints.put(None)


def frame():
    while (sheet := prints.get()) is not None:
        log.info("framed no. %d", sheet)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    people = [threading.Thread(target=frame, name=f"framer-{number}") for number in range(1, 4)]
    people += [threading.Thread(target=develop, name="darkroom"), threading.Thread(target=shoot, name="camera")]
    for person in people:
        person.start()
    for person in people:
        person.join()


if __name__ == "__main__":
    main()
