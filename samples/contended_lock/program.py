"""Four tills, one lock around the whole sale. It ends well, and no faster than with one till."""

import logging
import threading
import time

log = logging.getLogger("shop")

stock = threading.Lock()
left = {"tea": 1000}


def sell(till, sale):
    with stock:
        left["tea"] -= 1
        time.sleep(0.02)  # the receipt is printed under the lock
    log.info("till %d sold no. %d", till, sale)


def serve(till):
    for sale in range(6):
        sell(till, sale)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    tills = [threading.Thread(target=serve, args=(number,), name=f"till-{number}") for number in range(1, 5)]
    for till in tills:
        till.start()
    for till in tills:
        till.join()


if __name__ == "__main__":
    main()
