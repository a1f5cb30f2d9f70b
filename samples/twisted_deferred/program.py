"""A weather desk asks its stations one after the other; one of them answers with an error, and forgets to say so."""

import logging

from twisted.internet import defer, reactor, task

logging.basicConfig(level=logging.INFO)
log = logging.getLogger("desk")
READINGS = {"harbour": "14 °C", "ridge": None, "valley": "17 °C"}


def measure(station):
    """Fires with the reading of a station."""
    answer = defer.Deferred()

    def arrived():
        reading = READINGS[station]
        if reading is None:
            log.warning("%s sends no reading", station)
            return  # and nobody fires the Deferred any more
        answer.callback(reading)

    reactor.callLater(0.05, arrived)
    return answer


@defer.inlineCallbacks
def bulletin():
    for station in READINGS:
        reading = yield measure(station)
        log.info("%s: %s", station, reading)


task.react(lambda _reactor: bulletin())
