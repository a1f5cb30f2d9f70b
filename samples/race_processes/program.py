"""Three processes keep a count in a file. Each reads it and writes one more; nothing keeps the others out meanwhile."""

import logging
import multiprocessing
import os
import tempfile
import time

log = logging.getLogger("archive")


def count(path, times):
    for _ in range(times):
        with open(path) as file:
            seen = int(file.read() or 0)
        time.sleep(0.002)
        with open(path, "w") as file:
            file.write(str(seen + 1))


def main():
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "count.txt")
        with open(path, "w") as file:
            file.write("0")
        clerks = [multiprocessing.Process(target=count, args=(path, 20), name=f"clerk-{n}") for n in (1, 2, 3)]
        for clerk in clerks:
            clerk.start()
        for clerk in clerks:
            clerk.join()
        with open(path) as file:
            log.info("%s of 60 counted", file.read())


if __name__ == "__main__":
    main()
