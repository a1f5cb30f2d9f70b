"""Two transfers in opposite directions, each with two locks. They never end: run it with `--timeout`."""

import logging
import threading

log = logging.getLogger("bank")

vault_1 = threading.Lock()
vault_2 = threading.Lock()
both_hold_one = threading.Barrier(2)


def transfer(source, target, amount):
    with source:
        log.info("taking %d out", amount)
        both_hold_one.wait()  # so that it goes wrong every time
        with target:
            log.info("putting %d in", amount)


def main():
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(message)s")
    there = threading.Thread(target=transfer, args=(vault_1, vault_2, 50), name="clerk-1")
    back = threading.Thread(target=transfer, args=(vault_2, vault_1, 70), name="clerk-2")
    there.start()
    back.start()
    there.join()
    back.join()


if __name__ == "__main__":
    main()
