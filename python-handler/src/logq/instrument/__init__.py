"""The table of instrumented primitives, and what puts them in place.

To instrument another one: a function that patches its module, and a line here.
"""

from __future__ import annotations

import os
import sys

from logq import bundle, importing

from . import raw_threads, system_calls  # noqa: F401 - what they patch is always there

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["PRIMITIVES", "install", "uninstall"]


class Primitive:
    """`module` is patched, once it is imported, by function `patch` of `family` in this folder."""

    __slots__ = ("capture", "family", "module", "patch")

    def __init__(self, module: str, family: str, patch: str, capture: str = "causal") -> None:
        self.module = module
        self.family = family
        self.patch = patch
        self.capture = capture


PRIMITIVES: list[Primitive] = [
    Primitive("threading", "threads", "patch_shutdown", "records"),
    Primitive("threading", "threads", "patch"),
    Primitive("_thread", "raw_threads", "patch"),
    Primitive("threading", "locks", "patch"),
    Primitive("threading", "conditions", "patch"),
    Primitive("signal", "signals", "patch"),
    Primitive("queue", "queues", "patch"),
    Primitive("queue", "simple_queues", "patch"),
    Primitive("concurrent.futures._base", "futures", "patch_base"),
    Primitive("concurrent.futures.thread", "futures", "patch_thread"),
    Primitive("concurrent.futures.thread", "pools", "patch"),
    Primitive("asyncio.locks", "aio_locks", "patch"),
    Primitive("asyncio.locks", "aio_handover", "patch_locks"),
    Primitive("asyncio.locks", "aio_waits", "patch_locks"),
    Primitive("asyncio.locks", "aio_circles", "patch"),
    Primitive("asyncio.queues", "aio_queues", "patch"),
    Primitive("asyncio.queues", "aio_handover", "patch_queues"),
    Primitive("asyncio.queues", "aio_waits", "patch_queues"),
    Primitive("asyncio.events", "tasks", "patch_events"),
    Primitive("asyncio.tasks", "tasks", "patch_tasks"),
    Primitive("asyncio.tasks", "aio_lost", "patch"),
    Primitive("asyncio.tasks", "aio_waits", "patch_tasks"),
    Primitive("asyncio.tasks", "aio_reach", "patch_tasks"),
    Primitive("asyncio.events", "aio_reach", "patch_events"),
    Primitive("asyncio.tasks", "aio_known", "patch"),
    Primitive("asyncio.tasks", "aio_since", "patch"),
    Primitive("asyncio.tasks", "aio_handover", "patch_tasks"),
    Primitive("asyncio.taskgroups", "aio_waits", "patch_taskgroups"),
    Primitive("asyncio.taskgroups", "aio_handover", "patch_taskgroups"),
    Primitive("asyncio.streams", "aio_waits", "patch_streams"),
    Primitive("asyncio.base_subprocess", "aio_waits", "patch_subprocess"),
    Primitive("asyncio.base_events", "aio_waits", "patch_base_events"),
    Primitive("asyncio.base_events", "tasks", "patch_base_events"),
    Primitive("asyncio.base_events", "aio_handover", "patch_base_events"),
    Primitive("asyncio.base_events", "aio_foreign", "patch"),
    Primitive("asyncio.base_events", "aio_loops", "patch"),
    Primitive("asyncio.base_events", "aio_trouble", "patch_base_events"),
    Primitive("uvloop", "aio_uvloop", "patch"),
    Primitive("warnings", "aio_trouble", "patch_warnings"),
    Primitive("multiprocessing.process", "processes", "patch_process"),
    Primitive("multiprocessing.popen_fork", "processes", "patch_popen"),
    Primitive("multiprocessing.popen_spawn_posix", "processes", "patch_popen"),
    Primitive("multiprocessing.popen_forkserver", "processes", "patch_popen"),
    Primitive("multiprocessing.reduction", "messages", "patch_reduction"),
    Primitive("multiprocessing.connection", "messages", "patch_connection"),
    Primitive("multiprocessing.queues", "messages", "patch_queues"),
    Primitive("multiprocessing.managers", "shared_proxies", "patch"),
    Primitive("multiprocessing.pool", "process_pools", "patch_pool"),
    Primitive("concurrent.futures.process", "process_pools", "patch_executor"),
    Primitive("multiprocessing.synchronize", "shared_locks", "patch"),
    Primitive("multiprocessing.synchronize", "shared_conditions", "patch"),
    Primitive("multiprocessing.sharedctypes", "shared_values", "patch"),
    Primitive("twisted", "twisted_reactor", "patch_package"),
    Primitive("twisted.internet.base", "twisted_reactor", "patch_base"),
    Primitive("twisted.internet.base", "twisted_turns", "patch"),
    Primitive("twisted.internet.abstract", "twisted_reactor", "patch_abstract"),
    Primitive("twisted.internet.threads", "twisted_reactor", "patch_threads"),
    Primitive("twisted.logger._logger", "twisted_reactor", "patch_logger"),
    Primitive("twisted.internet.defer", "twisted_deferreds", "patch"),
    Primitive("structlog", "other_loggers", "patch_structlog", "records"),
    Primitive("structlog._base", "other_loggers", "patch_structlog_base", "records"),
    Primitive("opentelemetry.trace", "other_loggers", "patch_spans", "records"),
    Primitive("loguru._handler", "other_loggers", "patch_loguru", "records"),
    Primitive("greenlet", "greenlets", "patch"),
    Primitive("gevent", "gevent_hub", "patch_package"),
    Primitive("gevent.hub", "gevent_hub", "patch_hub"),
    Primitive("gevent.greenlet", "gevent_greenlets", "patch"),
    Primitive("gevent.lock", "gevent_things", "patch_lock"),
    Primitive("gevent.thread", "gevent_things", "patch_thread"),
    Primitive("gevent.event", "gevent_things", "patch_event"),
    Primitive("gevent.queue", "gevent_queues", "patch"),
    Primitive("gevent.monkey", "gevent_hub", "patch_monkey"),
    Primitive("trio", "trio_waits", "patch_package"),
    Primitive("trio._core._run", "trio_tasks", "patch"),
    Primitive("trio._core._run", "trio_waits", "patch"),
    Primitive("trio._core._run", "trio_turns", "patch"),
    Primitive("trio._sync", "trio_things", "patch_sync"),
    Primitive("trio._channel", "trio_things", "patch_channel"),
    Primitive("pycsp", "pycsp", "patch_package"),
    Primitive("pycsp.parallel.channel", "pycsp", "patch_channel"),
    Primitive("pycsp.parallel.alternation", "pycsp", "patch_alternation"),
    Primitive("pycsp.parallel.protocol", "pycsp", "patch_protocol"),
    Primitive("pycsp.parallel.process", "pycsp", "patch_process"),
    Primitive("traceback", "processes", "patch_traceback"),
    Primitive("copyreg", "pickled_types", "patch"),
    Primitive("os", "system_calls", "patch"),
    Primitive("subprocess", "subprocesses", "patch"),
    Primitive("asyncio.base_subprocess", "subprocesses", "patch_asyncio"),
]

_ORDER = ("records", "causal", "events", "full")


def install(capture: str) -> None:
    """Patches what is imported, and arranges for the rest to be patched when it is."""
    for primitive in PRIMITIVES:
        if _ORDER.index(primitive.capture) <= _ORDER.index(capture):
            importing.when_imported(primitive.module, _patcher(primitive))


def _patcher(primitive: Primitive) -> Any:
    def patch(module: Any) -> None:
        name = __name__ + "." + primitive.family
        late = bundle.begin_late(__package__.partition(".")[0], os.path.dirname(__path__[0]))
        try:
            __import__(name)
        finally:
            bundle.end_late(late)
        getattr(sys.modules[name], primitive.patch)(module)

    return patch


def uninstall() -> None:
    """Forgets what the families remember; the names themselves `patching` has restored."""
    for primitive in PRIMITIVES:
        family = sys.modules.get(__name__ + "." + primitive.family)
        forget = getattr(family, "forget", None)
        if forget is not None:
            forget()
