"""A newsletter goes to four readers from a pool. One address is wrong, and nobody asks how it went."""

import logging
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger("newsletter")

READERS = {"ada": "ada@example.org", "bo": "bo@example.org", "cy": None, "di": "di@example.org"}


def send(name, address):
    domain = address.split("@")[1]
    log.info("sent to %s at %s", name, domain)


def main():
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="mailer") as pool:
        for name, address in READERS.items():
            pool.submit(send, name, address)
    log.info("all %d letters are out", len(READERS))


if __name__ == "__main__":
    main()
