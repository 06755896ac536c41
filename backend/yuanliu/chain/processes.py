"""Starting processes that outlive us, and knowing them again later."""

import subprocess
from collections.abc import Sequence
from pathlib import Path


def identity(pid: int) -> str | None:
    """Give when a process was born, as an opaque string, or None if it has ended.

    A pid alone may have been given to another process; a pid with its birth may not.
    """
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        try:
            stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        state, start_ticks = fields[0], fields[19]
        return None if state in "ZX" else start_ticks
    answer = subprocess.run(  # noqa: S603 -- fixed command
        ["/bin/ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
    )
    state, _, born = answer.stdout.strip().partition(" ")
    return None if not born or state.startswith("Z") else born.strip()


def spawn_detached(command: Sequence[str | Path], log: Path, cwd: Path) -> int:
    """Start a process in a session of its own, its output into `log`; give its pid.

    It goes through a shell that ends at once, so that the new process is nobody's child.
    """
    done = subprocess.run(  # noqa: S603 -- our own command
        ["/bin/sh", "-c", 'exec "$@" >"$0" 2>&1 </dev/null & echo $!', log, *command],
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=cwd,
        check=True,
        text=True,
    )
    return int(done.stdout)
