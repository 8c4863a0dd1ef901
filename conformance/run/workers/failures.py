"""How worker processes fail: how each ended, in words, and when to give up on starting more."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from torch_conformance.reports.records import model as records

KEY = "torch_conformance_traces"
_BASE, _PER_WORKER = 5, 3
# A worker's pipe closes a moment before the kernel has its exit status.
_PATIENCE_SECONDS = 5.0
_MAXIMUM_TRACE = 64 * 1024
_SHOWN_FRAMES = 30
_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')
_TRANSCRIPT = "<transcript: "
# Frames below this one are pytest's own.
_CALL = "_pytest/python.py"
_KNOWN_SIGNALS = {
    "SIGSEGV": "a segmentation fault",
    "SIGABRT": "an abort, as after a failed check or an uncaught C++ exception",
    "SIGBUS": "a bus error, as when /dev/shm or a mapped file is full",
    "SIGFPE": "an arithmetic trap, such as an integer division by zero",
    "SIGILL": "an illegal instruction: a build for another processor",
    "SIGKILL": "the kernel does this when memory runs out (see dmesg), otherwise somebody did",
    "SIGTERM": "somebody or the batch system asked it to end",
    "SIGXCPU": "the limit on CPU time",
    "SIGXFSZ": "the limit on the size of a file",
}


@dataclasses.dataclass(frozen=True)
class Death:
    """How a worker ended.

    Attributes:
        execution: What its cell's execution is called.
        kind: What the event is called.
        sentence: What happened, where it is known with the signal's name and the torch code.
        trace: The Python frames in which it happened, innermost first; empty where there are none.
    """

    execution: records.Execution
    kind: records.EventKind
    sentence: str
    trace: str

    @property
    def message(self) -> str:
        """The sentence, and the frames below it."""
        return f"{self.sentence}\n{self.trace}" if self.trace else self.sentence


def exit_status(pid: int) -> int | None:
    """Return the exit status of a child that ended, as subprocess does (-n for signal n); it stays to be waited for.

    None where it cannot be known: no such child, or a system that cannot ask without taking the status away.
    """
    if not hasattr(os, "waitid"):
        return None
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return None
        if ended is not None:
            return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
        time.sleep(0.01)
    return None


def read_trace(path: Path) -> str:
    """Return the traceback that a worker left, or an empty string."""
    try:
        with path.open("rb") as file:
            return file.read(_MAXIMUM_TRACE).decode("utf-8", "replace")
    except OSError:
        return ""


def frames(trace: str) -> list[str]:
    """Return the frames of the thread that ran the cell, innermost first, without those of pytest."""
    threads = re.split(r"\n\s*\n", trace.strip())
    running = [each for each in threads if "Current thread" in each] or [each for each in threads if _CALL in each]
    lines = [line for line in (running or threads)[-1].splitlines() if _FRAME.fullmatch(line)]
    ours = next((number for number, line in enumerate(lines) if _CALL in line), len(lines))
    return lines[: ours or len(lines)][:_SHOWN_FRAMES]


def _place(lines: list[str]) -> str:
    """Return the torch code of a cell's transcript that was running, or else the innermost frame."""
    found = [match for match in map(_FRAME.fullmatch, lines) if match]
    for frame in found:
        if frame["file"].startswith(_TRANSCRIPT):
            return f" in `{frame['file'].removeprefix(_TRANSCRIPT).rstrip('>')}`"
    return f" in {found[0]['name']} ({Path(found[0]['file']).name}:{found[0]['line']})" if found else ""


def explain(status: int | None, trace: str, seconds: float) -> Death:
    """Return how a worker ended.

    Args:
        status: Its exit status as subprocess has it; None for unknown.
        trace: What faulthandler wrote.
        seconds: What a cell may take.
    """
    lines = frames(trace) if trace.strip() else []
    place, shown = _place(lines), "\n".join(lines)
    if trace.startswith("Timeout ("):
        sentence = f"took longer than {seconds:g} s and was ended{place}; --timeout SECONDS allows more"
        return Death("timed-out", "time-out", sentence, shown)
    if status is not None and status < 0:
        name = _signal_name(-status)
        known = f" ({_KNOWN_SIGNALS[name]})" if name in _KNOWN_SIGNALS else ""
        return Death("crashed", "worker-crash", f"the process was killed by {name}{known}{place}", shown)
    fatal = re.search(r"Fatal Python error: (.*)", trace)
    if fatal:
        return Death("crashed", "worker-crash", f"the process died of: {fatal[1]}{place}", shown)
    how = "ended and left no message" if status is None else f"ended itself with exit code {status}"
    return Death("crashed", "worker-crash", f"the process {how}{place}", shown)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def announce(worker_input: dict[str, Any]) -> Path | None:
    """Leave this worker's process id for the gathering process; return where tracebacks go."""
    if not worker_input.get(KEY):
        return None
    base = Path(worker_input[KEY], worker_input["workerid"])
    with contextlib.suppress(OSError):  # no such folder on another machine, or a full disk
        base.with_suffix(".pid").write_text(str(os.getpid()), encoding="ascii")
    return base.with_suffix(".trace")


class Failures:
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
        self._unclaimed: dict[str, Death] = {}
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
            trace = read_trace(base.with_suffix(".trace"))
            with contextlib.suppress(OSError, ValueError):
                status = exit_status(int(base.with_suffix(".pid").read_text(encoding="ascii")))
        self._unclaimed[node.gateway.id] = explain(status, trace, self._seconds)

    def claim(self, node: Any) -> Death:
        """Return how a worker died, for the cell that it ran."""
        return self._unclaimed.pop(node.gateway.id, None) or explain(None, "", self._seconds)

    def unclaimed(self) -> Counter[Death]:
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
