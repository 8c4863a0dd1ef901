"""Follow the workers of a run: how those that die died, and when to give up."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from torch_conformance.conformance import deaths

KEY = "torch_conformance_traces"
_BASE, _PER_WORKER = 5, 3


def announce(worker_input: dict[str, Any]) -> Path | None:
    """Leave this worker's process id for the gathering process; return where tracebacks go."""
    if not worker_input.get(KEY):
        return None
    base = Path(worker_input[KEY], worker_input["workerid"])
    with contextlib.suppress(OSError):  # no such folder on another machine, or a full disk
        base.with_suffix(".pid").write_text(str(os.getpid()), encoding="ascii")
    return base.with_suffix(".trace")


class Accidents:
    """What became of workers that died."""

    def __init__(self, seconds: float, workers: int) -> None:
        """Begin with none.

        Args:
            seconds: What a cell may take.
            workers: How many there are at a time.
        """
        self._seconds = seconds
        self._limit = _BASE + _PER_WORKER * workers
        self._in_a_row = 0
        self._unclaimed: dict[str, deaths.Death] = {}
        self._folder: str | None = None
        if workers:
            with contextlib.suppress(OSError):  # a full disk: workers die without a trace then
                self._folder = tempfile.mkdtemp(prefix="torch-conformance-")

    def hand_over(self, node: Any) -> None:
        """Tell a worker that is about to start where to leave its traces."""
        node.workerinput[KEY] = self._folder or ""

    def worker_died(self, node: Any) -> None:
        """Find out how a worker died."""
        self._in_a_row += 1
        status, trace = None, ""
        if self._folder is not None:
            base = Path(self._folder, node.gateway.id)
            trace = deaths.read_trace(base.with_suffix(".trace"))
            with contextlib.suppress(OSError, ValueError):
                status = deaths.exit_status(int(base.with_suffix(".pid").read_text(encoding="ascii")))
        self._unclaimed[node.gateway.id] = deaths.explain(status, trace, self._seconds)

    def claim(self, node: Any) -> deaths.Death:
        """Return how a worker died, for the cell that it ran."""
        return self._unclaimed.pop(node.gateway.id, None) or deaths.explain(None, "", self._seconds)

    def unclaimed(self) -> Counter[deaths.Death]:
        """Return the deaths of workers that ran no cell, with how many died so."""
        found = Counter(self._unclaimed.values())
        self._unclaimed.clear()
        return found

    def cell_completed(self) -> None:
        """Take note that the machine can run cells."""
        self._in_a_row = 0

    @property
    def hopeless(self) -> str | None:
        """Say why no more workers are to be started, or None."""
        if self._in_a_row < self._limit:
            return None
        return f"{self._in_a_row} worker processes died one after another and no cell completed in between"

    def close(self) -> None:
        """Take the traces away."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
