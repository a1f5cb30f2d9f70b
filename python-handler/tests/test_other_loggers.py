"""structlog and loguru: their records in the lane that wrote them, once, with fields, level, place and exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import run


def test_structlog(tmp_path: Path) -> None:
    pytest.importorskip("structlog")
    code = """
    import logging, sys, structlog
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.processors.CallsiteParameterAdder([structlog.processors.CallsiteParameter.LINENO]),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    log = structlog.get_logger().bind(order=8812)
    log.debug("dropped")
    log.info("shipped", parts=2)
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("failed")
    standard = structlog.wrap_logger(logging.getLogger("shop"), processors=[structlog.stdlib.render_to_log_kwargs])
    standard.info("by logging", part=7)
    """
    finished = run(tmp_path, code)
    shipped = finished.log("shipped")
    assert (shipped["level"], shipped["extra"]) == ("INFO", {"order": 8812, "parts": 2})
    assert (shipped["line"], shipped["func"]) == (13, "<module>")
    assert '"lineno": 13' in finished.out
    assert finished.log("failed")["exc"]["type"] == "ZeroDivisionError"
    assert finished.log("by logging")["extra"] == {"part": 7}
    assert not finished.logs(msg="dropped")


def test_loguru(tmp_path: Path) -> None:
    pytest.importorskip("loguru")
    code = """
    import logging, sys
    from loguru import logger
    logger.remove()
    logger.add(sys.stdout, level="INFO", format="{function}:{line} {message}")
    logger.add(sys.stderr, level="DEBUG", format="{message}", filter=lambda record: "secret" not in record["message"])
    logger.bind(order=8812).info("shipped {} parts", 2)
    logger.success("well done")
    logger.trace("dropped")
    try:
        1 / 0
    except ZeroDivisionError:
        logger.exception("failed")
    class Intercept(logging.Handler):
        def emit(self, record):
            logger.opt(depth=6).log(record.levelname, record.getMessage())
    logging.basicConfig(handlers=[Intercept()], level=0)
    logging.getLogger("shop").warning("by logging")
    """
    finished = run(tmp_path, code)
    shipped = finished.log("shipped 2 parts")
    assert (shipped["level"], shipped["extra"], shipped["line"]) == ("INFO", {"order": 8812}, 7)
    assert "<module>:7 shipped 2 parts" in finished.out
    assert (finished.log("well done")["level"], finished.log("well done")["levelno"]) == ("SUCCESS", 25)
    assert finished.log("failed")["exc"]["type"] == "ZeroDivisionError"
    assert finished.log("by logging")["logger"] == "shop"
    assert not finished.logs(msg="dropped")
