"""What must not reach the disk does not: neither in log records nor in events, command lines included."""

from __future__ import annotations

import json
from pathlib import Path

from harness import run

CODE = """
    import re, logging, subprocess, sys, threading
    import logq
    logq.install(redact=RULES)
    logging.basicConfig(level=logging.INFO)
    word, card = "hunter" + "2", "card 4111" + "-1111"
    logging.info(card, extra={"password": word, "order": 8812}, stack_info=True)
    subprocess.run([sys.executable, "-c", "pass", "--password", word, "--token=" + word, card], check=True)
    def fail():
        raise ValueError(card)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
"""


def text_of(directory: Path) -> str:
    return "".join(path.read_text() for path in directory.glob("runs/*/spool/*.jsonl"))


def test_names_and_patterns(tmp_path: Path) -> None:
    code = CODE.replace("RULES", r'["password", "token", re.compile(r"\d{4}-\d{4}")]')
    finished = run(tmp_path, code, "--password=hunter2", "-x", booted=False)
    text = text_of(finished.directory)
    assert "hunter2" not in text
    assert "4111-" not in text  # alone it may be part of a time
    assert finished.event("proc")["argv"][1:] == ["--password=[redacted]", "-x"]
    assert finished.event("child")["argv"][-4:] == ["--password", "[redacted]", "--token=[redacted]", "card [redacted]"]
    assert finished.event("exc")["msg"] == "card [redacted]"


def test_a_function_of_the_programs(tmp_path: Path) -> None:
    code = """
    import json
    def hide(content):
        for key in ("msg", "tpl", "extra", "exc", "stack"):
            if content.get(key) is not None:
                content[key] = json.loads(json.dumps(content[key]).replace("hunter2", "***").replace("4111", "***"))
    """ + CODE.replace("RULES", "hide")
    finished = run(tmp_path, code, "--password=hunter2", booted=False)
    text = text_of(finished.directory)
    assert "hunter2" not in text
    assert finished.event("exc")["msg"] == "card ***-1111"
    assert json.dumps(finished.event("proc")["argv"]).count("***") == 1


def test_children_redact_what_their_parent_does(tmp_path: Path) -> None:
    code = r"""
    import logging, multiprocessing, os, re, subprocess, sys
    import logq
    def work(word):
        logging.warning("in a process: %s, card 41" + "11-1111", word, extra={"password": word})
    if __name__ == "__main__":
        word = "hunter" + "2"
        if len(sys.argv) == 1:
            rules = ["password", re.compile("HUNTER\\d", re.IGNORECASE), re.compile(r"\d{4}-\d{4}|\x1f")]
            logq.install(redact=rules)
            for method in ("spawn", "forkserver", "fork"):
                process = multiprocessing.get_context(method).Process(target=work, args=(word,))
                process.start()
                process.join()
            subprocess.run([sys.executable, __file__, "program"], check=True)
            if os.fork() == 0:
                os.execv(sys.executable, [sys.executable, __file__, "exec"])
            os.wait()
        else:
            logging.warning("in another program: %s, card 41" + "11-1111", word, extra={"password": word})
            if sys.argv[1] == "program":
                subprocess.run([sys.executable, __file__, "grandchild"], check=True)
    """
    finished = run(tmp_path, code, booted=True, LOGQ_DIR=str(tmp_path / ".logq"))
    text = text_of(finished.directory)
    assert "hunter2" not in text
    assert "4111-1111" not in text
    said = [record for record in finished.logs() if record["msg"].startswith("in ")]  # not of warnings about forks
    assert [record["extra"]["password"] for record in said] == ["[redacted]"] * 6
