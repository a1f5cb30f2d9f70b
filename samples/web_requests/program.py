"""Starts the store (FastAPI) and the shop (Django), and orders a wheel."""

import logging
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import logq.carry

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("customer")
HERE = pathlib.Path(__file__).parent


def start(name, **env):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    child = subprocess.Popen([sys.executable, str(HERE / name), str(port)], env={**os.environ, **env})
    return child, f"http://127.0.0.1:{port}"


def ask(url):
    """The answer, once the server is there."""
    asked = urllib.request.Request(url, headers=logq.carry.headers())
    while True:
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.read().decode()
        except urllib.error.URLError as problem:
            if not isinstance(problem.reason, ConnectionRefusedError):
                raise
            time.sleep(0.05)


store, store_url = start("fastapi_app.py")
ask(store_url + "/stock/bell")
shop, shop_url = start("django_app.py", STORE=store_url)
log.info("orders a wheel")
log.info("got %s", ask(shop_url + "/orders/8812"))
shop.wait()
store.terminate()
store.wait()
