"""`python -m logq` is the `logq` command: found beside the package, else on the PATH, else said."""

import os
import pathlib
import subprocess
import sys

PACKAGE = pathlib.Path(__file__).parents[1] / "src"


def ask(path, *arguments):
    environment = {**os.environ, "PATH": str(path), "PYTHONPATH": str(PACKAGE)}
    command = [sys.executable, "-m", "logq", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_it_becomes_the_command_on_the_path(tmp_path):
    command = tmp_path / "logq"
    command.write_text('#!/bin/sh\necho "$@"\nexit 3\n')
    command.chmod(0o755)
    said = ask(tmp_path, "search", "two words", "--count")
    assert (said.stdout, said.stderr, said.returncode) == ("search two words --count\n", "", 3)


def test_a_missing_command_is_said(tmp_path):
    said = ask(tmp_path, "threads")
    assert (said.stdout, said.returncode) == ("", 127)
    assert "the command `logq` is neither beside this package nor on the PATH" in said.stderr
