"""Gives birth to `yuanliu` programs: it imports everything once and forks, so that a start costs no import.

Each line of its input is a JSON object. With `arguments`: a program is born, and its process id is the answer. With
`pid`: whether that one has ended; its exit code (negative: the signal that ended it), or null.
"""

import gc
import json
import os
import sys
from typing import Any

from yuanliu import cli
from yuanliu.chain import line
from yuanliu.serve import service  # noqa: F401 -- so that no program has to import it


def main() -> None:
    line.ANSWER_SECONDS = 60.0  # type: ignore[misc] # as in the tests' own process
    gc.freeze()  # whoever looks through what was imported copies it
    _answer("ready")
    for order in sys.stdin:
        asked = json.loads(order)
        if "pid" in asked:
            _answer(_ended(asked["pid"]))
        elif (pid := os.fork()) == 0:
            _become(asked)
            break
        else:
            _answer(pid)
    else:
        return
    cli.main()


def _answer(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _ended(pid: int) -> int | None:
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(asked: dict[str, Any]) -> None:
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.update(asked["environment"])
    for number, path in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["yuanliu", *asked["arguments"]]


if __name__ == "__main__":
    main()
