"""Ctrl-C waits for the end of a block, and is not lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from torch_conformance.conformance.run.interrupts import interrupts_deferred


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Have Ctrl-C raise KeyboardInterrupt, also where the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_comes_after_the_block() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(done)
    assert done == ["whole"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _interrupted(done: list[str]) -> None:
    with interrupts_deferred():
        signal.raise_signal(signal.SIGINT)
        done.append("whole")


def test_other_threads_pass_through() -> None:
    done: list[str] = []

    def record() -> None:
        with interrupts_deferred():
            done.append("whole")

    thread = threading.Thread(target=record)
    thread.start()
    thread.join()
    assert done == ["whole"]
