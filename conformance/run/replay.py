"""Run reproducer scripts in fresh processes before they are shown."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ACTIVE_FAULT = "TORCH_CONFORMANCE_FAULT"
_SECONDS = 60
_LIMIT = 6


class Replayer:
    """Replays the first script of each clause, up to a limit per process."""

    def __init__(self) -> None:
        """Begin with nothing replayed."""
        self._seen: set[str] = set()

    def replay(self, clause: str, script: str, count: int) -> str:
        """Return "k/n": in how many of n fresh processes the script failed; or "not replayed"."""
        if count == 0 or clause in self._seen or len(self._seen) >= _LIMIT:
            return "not replayed"
        self._seen.add(clause)
        try:
            return f"{failing_runs(script, count)}/{count}"
        except OSError:  # a full disk, or no more processes
            return "not replayed"


def failing_runs(script: str, count: int) -> int:
    """Return in how many of `count` fresh processes a script exits with an error.

    A fault of the fault library that is active here is active there too.
    """
    with tempfile.TemporaryDirectory(prefix="torch-conformance-") as folder:
        path = Path(folder, "reproducer.py")
        path.write_text(script, encoding="utf-8")
        command = [sys.executable, str(path)]
        if os.environ.get(ACTIVE_FAULT):
            command = [sys.executable, "-m", "torch_conformance.conformance.power.under_fault", str(path)]
        running = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)  # noqa: S603
            for _ in range(count)
        ]
        return sum(_exit_code(process) not in (0, None) for process in running)


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return None
