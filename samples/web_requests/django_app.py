"""A Django application in one file: /stock/<part> asks the store next door, /orders/<number> is answered by itself."""

import logging
import os
import sys
import urllib.request

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

import logq.carry

log = logging.getLogger("shop")
settings.configure(
    DEBUG=False,
    SECRET_KEY="of an example",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    LOGGING={"version": 1, "disable_existing_loggers": False, "root": {"level": "INFO"}},
)
django.setup()


def order(_request, number):
    log.info("order %s asks for its part", number)
    asked = urllib.request.Request(os.environ["STORE"] + "/stock/wheel", headers=logq.carry.headers())
    with urllib.request.urlopen(asked) as answer:
        return JsonResponse({"order": number, "store": answer.read().decode()})


urlpatterns = [path("orders/<int:number>", order)]
application = logq.carry.wsgi(get_wsgi_application())

if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    with make_server("127.0.0.1", int(sys.argv[1]), application) as server:
        server.handle_request()
