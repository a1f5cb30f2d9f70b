"""What `logq run` puts first on PYTHONPATH: starts logq in every interpreter, then steps aside.

It leaves `sys.path` as the program would have seen it, and runs the sitecustomize that it hides.
This file must parse on Python 2.7, where it does nothing else. Whatever fails here, the program runs.
"""

import os
import sys


def _step_aside():
    """Takes this directory off the path, and this module out of the way of the user's own."""
    boot = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if not entry or os.path.abspath(entry) != boot]
    return boot


def _start(package_parent):
    if sys.version_info < (3, 9) or not os.environ.get("LOGQ_RUN") or not os.environ.get("LOGQ_DIR"):
        return
    sys.path.insert(0, package_parent)
    try:
        import logq.start
    finally:
        sys.path.remove(package_parent)
    logq.start.boot()


def _run_hidden():
    """Imports the sitecustomize that Python would have found without us, as Python would.

    Where there is none, the ImportError that Python expects then leaves no trace of this module.
    """
    sys.modules.pop("sitecustomize", None)
    __import__("sitecustomize")


_boot = _step_aside()
try:
    _start(os.path.dirname(os.path.dirname(_boot)))
except Exception:
    if os.environ.get("LOGQ_DEBUG"):
        raise
_run_hidden()
