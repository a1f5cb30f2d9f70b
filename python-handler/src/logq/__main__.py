"""`python -m logq …`: becomes the `logq` command that was installed with this package, or else the one on the PATH.

For interpreters whose scripts are not on the PATH. It knows no option of its own: what the command says is the answer.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

NOT_FOUND = 127  # as a shell says it

MISSING = """\
logq: the command `logq` is neither beside this package nor on the PATH
  try: pip install ./python-handler   (in a clone of logq: installs both)
"""


def installed() -> Iterator[str]:
    """Where pip puts the command of a package: below `--target`, into the environment, into the user's folder."""
    yield os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin")
    yield sysconfig.get_path("scripts")
    yield sysconfig.get_path("scripts", "posix_user")


def command() -> str | None:
    """The path of the command."""
    for folder in installed():
        path = shutil.which("logq", path=folder)
        if path:
            return path
    return shutil.which("logq")


def main() -> NoReturn:
    """Does not return: the command takes this process over."""
    path = command()
    if path is None:
        sys.stderr.write(MISSING)
        sys.exit(NOT_FOUND)
    sys.stdout.flush()
    os.execv(path, [path, *sys.argv[1:]])


if __name__ == "__main__":
    main()
