"""Ctrl-C and SIGTERM: both end a run in order, with its reports, and neither comes between the records of one cell."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

_terminated: list[int] = []


def interrupt_when_terminated() -> None:
    """Let SIGTERM, with which batch systems and container runtimes end a job, end the run as Ctrl-C does.

    A handler that somebody else has set stays, as does the default one outside the main thread, where none can be set.
    """
    _terminated.clear()
    here = threading.current_thread() is threading.main_thread()
    if here and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, _: object) -> None:
    _terminated.append(number)
    signal.raise_signal(signal.SIGINT)


def interrupted_by() -> str:
    """Say what interrupted the run."""
    return "by SIGTERM" if _terminated else "from the keyboard"


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Deliver an interrupt from the keyboard after the block instead of within it."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) is None:
        # Signals are handled in the main thread alone; a handler that Python did not set it cannot put back.
        yield
        return
    waiting: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            signal.raise_signal(signal.SIGINT)
