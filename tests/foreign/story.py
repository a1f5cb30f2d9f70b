"""One story, told by a real logging library into a file: `python story.py LIBRARY FILE`.

A shop processes an order in a thread of its own and fails; the tests of `logq collect` read what a library made of it.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from typing import Any, Callable

Say = Callable[..., None]


class Shop:
    """What happens, whoever writes it down."""

    def __init__(self, debug: Say, info: Say, warning: Say, exception: Say) -> None:
        self.debug, self.info, self.warning, self.exception = debug, info, warning, exception

    def open(self) -> None:
        self.info("the shop opens")
        worker = threading.Thread(target=self.work, name="worker-1")
        worker.start()
        worker.join()
        self.debug("the shop closes")

    def work(self) -> None:
        self.warning("stock is low", order_id=8812, user={"name": "ada"})
        try:
            raise ValueError("no item 77")
        except ValueError:
            self.exception("order failed", order_id=8812)


def of_logging(logger: logging.Logger) -> Shop:
    """The story through the standard library."""

    def say(method: Callable[..., None]) -> Say:
        def told(text: str, **extra: object) -> None:
            method(text, extra=extra)

        return told

    return Shop(say(logger.debug), say(logger.info), say(logger.warning), say(logger.exception))


def standard(formatter: logging.Formatter, path: str) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(formatter)
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    of_logging(logger).open()


def python_json_logger(path: str) -> None:
    from pythonjsonlogger.json import JsonFormatter

    fields = [
        "asctime",
        "levelname",
        "name",
        "message",
        "threadName",
        "thread",
        "process",
        "processName",
        "filename",
        "lineno",
        "funcName",
    ]
    standard(JsonFormatter("".join(f"%({field})s " for field in fields)), path)


def python_json_logger_bare(path: str) -> None:
    from pythonjsonlogger.json import JsonFormatter

    standard(JsonFormatter(timestamp=True, rename_fields={"levelname": "severity"}), path)


def structlog_json(path: str) -> None:
    import structlog

    places = structlog.processors.CallsiteParameter
    with open(path, "w", encoding="utf-8") as out:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso"),
                structlog.processors.CallsiteParameterAdder(
                    [places.THREAD_NAME, places.PROCESS, places.PATHNAME, places.LINENO, places.FUNC_NAME]
                ),
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
            logger_factory=structlog.WriteLoggerFactory(file=out),
        )
        log = structlog.get_logger().bind(logger="shop.orders")
        Shop(log.debug, log.info, log.warning, log.exception).open()


def structlog_logfmt(path: str) -> None:
    import structlog

    with open(path, "w", encoding="utf-8") as out:
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", key="ts"),
                structlog.processors.CallsiteParameterAdder([structlog.processors.CallsiteParameter.THREAD_NAME]),
                structlog.processors.format_exc_info,
                structlog.processors.LogfmtRenderer(key_order=["ts", "level", "event"]),
            ],
            logger_factory=structlog.WriteLoggerFactory(file=out),
        )
        log = structlog.get_logger().bind(logger="shop.orders")
        Shop(log.debug, log.info, log.warning, log.exception).open()


def structlog_console(path: str) -> None:
    import structlog

    with open(path, "w", encoding="utf-8") as out:
        structlog.configure(
            processors=[
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
                structlog.dev.ConsoleRenderer(colors=True, exception_formatter=structlog.dev.plain_traceback),
            ],
            logger_factory=structlog.WriteLoggerFactory(file=out),
        )
        log = structlog.get_logger().bind(logger="shop.orders")
        Shop(log.debug, log.info, log.warning, log.exception).open()


def loguru_json(path: str) -> None:
    told_by_loguru(path, serialize=True)


def loguru_text(path: str) -> None:
    told_by_loguru(path)


def told_by_loguru(path: str, **options: Any) -> None:
    from loguru import logger

    logger.remove()
    logger.add(path, level="DEBUG", **options)

    def say(method: str) -> Say:
        return lambda text, **extra: getattr(logger.bind(**extra), method)(text)

    Shop(say("debug"), say("info"), say("warning"), say("exception")).open()


def ecs(path: str) -> None:
    import ecs_logging

    standard(ecs_logging.StdlibFormatter(), path)


def opentelemetry(path: str, pretty: bool = False) -> None:
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor

    with open(path, "w", encoding="utf-8") as out:
        provider = LoggerProvider()
        if pretty:
            exporter = ConsoleLogRecordExporter(out=out)
        else:
            exporter = ConsoleLogRecordExporter(out=out, formatter=lambda record: record.to_json(indent=None) + "\n")
        provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        logger = logging.getLogger("shop.orders")
        logger.setLevel(logging.DEBUG)
        logger.addHandler(LoggingHandler(logger_provider=provider))
        of_logging(logger).open()
        provider.shutdown()


def opentelemetry_pretty(path: str) -> None:
    opentelemetry(path, pretty=True)


TEXT = {
    "dashes": "%(asctime)s - %(name)s - %(levelname)s - %(message)s",
    "thread": "%(asctime)s %(levelname)-8s [%(threadName)s] %(name)s: %(message)s",
    "brackets": "[%(asctime)s] [%(process)d] [%(levelname)s] [%(name)s] (%(threadName)s) %(message)s",
    "plain": "%(asctime)s %(levelname)s %(name)s %(message)s",
    "place": "%(asctime)s %(levelname)s %(filename)s:%(lineno)d %(message)s",
    "celery": "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s",
    "basic": logging.BASIC_FORMAT,
    "bars": "%(asctime)s | %(levelname)s | %(threadName)s | %(name)s | %(message)s",
    "short": "%(asctime)s %(message)s",
    "level_first": "%(levelname)s %(asctime)s %(name)s %(process)d %(thread)d %(message)s",
}

LIBRARIES: dict[str, Callable[[str], None]] = {
    "python-json-logger": python_json_logger,
    "python-json-logger-bare": python_json_logger_bare,
    "structlog": structlog_json,
    "structlog-logfmt": structlog_logfmt,
    "structlog-console": structlog_console,
    "loguru": loguru_json,
    "loguru-text": loguru_text,
    "ecs": ecs,
    "opentelemetry": opentelemetry,
    "opentelemetry-pretty": opentelemetry_pretty,
    **{f"text-{name}": lambda path, form=form: standard(logging.Formatter(form), path) for name, form in TEXT.items()},
}

if __name__ == "__main__":
    LIBRARIES[sys.argv[1]](sys.argv[2])
