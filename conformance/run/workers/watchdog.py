"""Where a process of a run is when it crashes or hangs, left on the disk for the process that gathers results.

The standard library's faulthandler is written for this: its handler and its watchdog thread need neither the
interpreter's lock nor memory, so that they work while the main thread is stuck in, or killed by, native code.
"""

from __future__ import annotations

import contextlib
import faulthandler
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

# Importing torch and collecting the clauses, on a machine that is busy with both.
START_SECONDS = 300.0
KEY: pytest.StashKey[Watchdog] = pytest.StashKey()


class Watchdog:
    """Ends this process, with a traceback of every thread, when a cell takes too long.

    Attributes:
        seconds: What a cell may take; 0 for no limit.
    """

    def __init__(self, trace: Path | None) -> None:
        """Send the tracebacks of fatal signals to a file, and watch the start of the process.

        Args:
            trace: Where tracebacks go; None leaves them where they are.
        """
        self.seconds = 0.0
        self._file: IO[bytes] | None = None
        if trace is not None:
            with contextlib.suppress(OSError):  # a worker on another machine has no such folder
                self._file = trace.open("wb", buffering=0)
        if self._file is not None:
            faulthandler.enable(self._file)
        self._begin(START_SECONDS)

    def _begin(self, seconds: float) -> None:
        if not seconds:
            return
        if self._file is not None:
            faulthandler.dump_traceback_later(seconds, exit=True, file=self._file)
        else:
            faulthandler.dump_traceback_later(seconds, exit=True)

    def watch(self) -> None:
        """Begin to count a cell's seconds, anew where they were counted before."""
        self._begin(self.seconds)

    def rest(self) -> None:
        """Stop counting."""
        faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def resting(self) -> Iterator[None]:
        """Leave out of a cell's seconds what has limits of its own."""
        self.rest()
        try:
            yield
        finally:
            self.watch()
