"""Two locks are taken in both orders, though never at the same time. Today it ends well."""

import logging
import threading

log = logging.getLogger("hotel")

rooms = threading.Lock()
bills = threading.Lock()


def check_in(guest):
    with rooms:
        with bills:
            log.info("%s has a room", guest)


def check_out(guest):
    with bills:
        with rooms:
            log.info("%s has paid", guest)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    morning = threading.Thread(target=check_out, args=("Ms Reed",), name="cashier")
    morning.start()
    evening = threading.Thread(target=check_in, args=("Mr Lake",), name="porter")
    evening.start()
    morning.join()
    evening.join()


if __name__ == "__main__":
    main()
