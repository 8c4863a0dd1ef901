"""A pytest plugin that gives one cell's process an accident: `-p accident`, with ACCIDENT="KIND PATTERN".

Every cell whose clause matches the pattern has it inside torch.full, which every clause of creation.full calls, or,
for the kind "anywhere", before its first call. With
ACCIDENT_ONCE=FILE only the first process that gets there has it.
"""

from __future__ import annotations

import ctypes
import fnmatch
import os
import resource
import signal
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from torch_conformance.conformance.engine.cell import cell_of

_LIBRARIES: list[torch.library.Library] = []


def segfault(*_: Any, **__: Any) -> None:
    ctypes.string_at(0)


def abort(*_: Any, **__: Any) -> NoReturn:
    os.abort()


def kill(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(*_: Any, **__: Any) -> NoReturn:
    os._exit(3)


def hang(*_: Any, **__: Any) -> None:
    ctypes.PyDLL(None).sleep(600)  # in C, and with the interpreter's lock: no Python thread runs meanwhile


def exhaust(*_: Any, **__: Any) -> torch.Tensor:
    """Have the process ask the system for more than it is allowed."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    allowed = pages * resource.getpagesize() + 2**28
    resource.setrlimit(resource.RLIMIT_AS, (allowed, allowed))
    return torch.empty(2**30, dtype=torch.uint8)


def poison(*_: Any, **__: Any) -> NoReturn:
    """Make every later call that needs new memory on the device raise, as after a device-side assert."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError("device-side assert triggered")

    library = torch.library.Library("aten", "IMPL")
    library.impl("empty.memory_format", refuse, "CPU")
    _LIBRARIES.append(library)
    raise RuntimeError("device-side assert triggered")


KINDS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (segfault, abort, kill, leave, hang, exhaust, poison)
}


def _is_due(item: pytest.Item) -> str | None:
    kind, _, pattern = os.environ["ACCIDENT"].partition(" ")
    cell = cell_of(item)
    if cell is None or not fnmatch.fnmatch(cell.clause.id, pattern):
        return None
    once = os.environ.get("ACCIDENT_ONCE")
    if once:
        try:
            Path(once).touch(exist_ok=False)
        except FileExistsError:
            return None
    return kind


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    kind = _is_due(item)
    if kind is None:
        return (yield)
    if kind == "anywhere":
        segfault()
    before = torch.full
    torch.full = KINDS[kind]  # type: ignore[assignment]
    try:
        return (yield)
    finally:
        torch.full = before
