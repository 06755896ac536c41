"""`yuanliu` commands inside the test's own process, which has imported everything: what they say, and how they end."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from yuanliu import cli
from yuanliu.settings import settings


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str, **environment: str) -> Ended:
    """Run `yuanliu` with these arguments and settings."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["yuanliu", *arguments])
        settings.cache_clear()
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    settings.cache_clear()
    return Ended(code, out.getvalue(), err.getvalue())
