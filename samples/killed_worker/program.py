"""The system kills a worker that takes too much memory, and its pool waits for its result: run it with `--timeout`."""

import logging
import multiprocessing
import os
import signal

log = logging.getLogger("render")


def render(scene):
    if scene == "forest":
        os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
    return f"{scene}.png"


def main():
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pictures = [pool.apply_async(render, (scene,)) for scene in ("beach", "forest", "city")]
        for picture in pictures:
            log.info("rendered %s", picture.get())


if __name__ == "__main__":
    main()
