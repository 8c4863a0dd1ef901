"""Run reproducer scripts in fresh processes before they are shown; only the script's own deviation counts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from torch_conformance.conformance.engine.transcript import MARK

ACTIVE_FAULT = "TORCH_CONFORMANCE_FAULT"
_SECONDS = 60
_LIMIT = 6
# What the caller has set for other Python programs.
_CALLERS = frozenset({"PYTHONOPTIMIZE", "PYTHONINSPECT", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHONPROFILEIMPORTTIME"})


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
    """Return in how many of `count` fresh processes a script shows its deviation.

    A fault of the fault library that is active here is active there too.
    """
    with tempfile.TemporaryDirectory(prefix="torch-conformance-") as folder:
        path = Path(folder, "reproducer.py")
        path.write_text(script, encoding="utf-8")
        command = [sys.executable, str(path)]
        if os.environ.get(ACTIVE_FAULT):
            command = [sys.executable, "-m", "torch_conformance.conformance.power.under_fault", str(path)]
        running = [
            subprocess.Popen(  # noqa: S603
                command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder, env=_environment()
            )
            for _ in range(count)
        ]
        return sum(_deviates(process) for process in running)


def _environment() -> dict[str, str]:
    """Return the environment without what would change the script rather than torch."""
    return {name: value for name, value in os.environ.items() if name not in _CALLERS}


def _deviates(process: subprocess.Popen[bytes]) -> bool:
    """Whether a script ends by its own deviation: not by another error, a signal, or by hanging."""
    try:
        _, said = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return process.returncode == 1 and any(line.startswith(MARK) for line in lines[-1:])
