"""Run clauses against a torch that is broken on purpose, each fault in a process of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import multiprocessing
import multiprocessing.connection
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from torch_conformance.conformance.engine.cell import cell_of
from torch_conformance.conformance.power.registry import DEVICES, FaultUnavailable, install, library
from torch_conformance.conformance.run.discovery import bindings
from torch_conformance.conformance.run.options import PACKAGE, pytest_command
from torch_conformance.conformance.run.replay import ACTIVE_FAULT
from torch_conformance.spec import Specification

_SECONDS = 300.0


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one fault.

    Attributes:
        fault: Its name.
        word: "caught", "missed", "unavailable" (this torch offers no way to install it) or "lost".
        seconds: Wall time to the end of the clauses that were run.
        spoke: Clauses that failed.
        silent: Clauses that name the fault and did not fail.
        reason: Why it is unavailable or lost.
    """

    fault: str
    word: str
    seconds: float
    spoke: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    reason: str = ""


class _Witness:
    """Collects the clauses that fail."""

    def __init__(self) -> None:
        self.spoke: dict[str, None] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Pass over the other cells of a clause that has spoken."""
        cell = cell_of(item)
        return True if cell is not None and cell.clause.id in self.spoke else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        fields = getattr(report, "torch_conformance", None)
        if fields is not None and fields["cell"]["disposition"] == "unexpected":
            self.spoke[fields["cell"]["clause"]] = None


def naming(specification: Specification, fault: str) -> tuple[str, ...]:
    """Return the clauses that claim to catch a fault."""
    return tuple(each.id for each in specification.clauses.values() if fault in each.faults)


def _modules(specification: Specification, clauses: Sequence[str]) -> list[str]:
    """Return the test modules of some clauses: collecting all of them would take longer than judging the clauses."""
    found = bindings(specification)
    return sorted({str(inspect.getsourcefile(inspect.unwrap(found[clause]))) for clause in clauses})


def _judge(fault: str, arguments: list[str], answer: multiprocessing.connection.Connection) -> None:
    """Install a fault, run pytest, and send the clauses that failed, or why it judged none."""
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - ends with the process
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    os.environ[ACTIVE_FAULT] = fault
    witness = _Witness()
    try:
        install(fault)
    except FaultUnavailable as error:
        answer.send(("unavailable", str(error)))
        return
    code = pytest.main(arguments, plugins=[witness])
    if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        answer.send(("ran", tuple(witness.spoke)))
        return
    sys.stdout.flush()
    printed.seek(0)
    lines = printed.read().decode(errors="replace").split("\n")
    said = " ".join(line.strip() for line in lines[-8:] if line.strip())
    answer.send(("lost", f"pytest ended with exit code {int(code)}: {said}"))


@dataclasses.dataclass
class _Running:
    fault: str
    clauses: tuple[str, ...]
    process: Any
    answer: multiprocessing.connection.Connection
    began: float


def outcomes(
    specification: Specification,
    faults: Sequence[str],
    *,
    profile: str,
    devices: Sequence[str],
    jobs: int,
    whole: bool = False,
    seed: int = 0,
) -> Iterator[Outcome]:
    """Judge each fault and yield its outcome as it ends.

    Args:
        specification: Whose clauses name the faults.
        faults: Names of faults.
        profile: Profile to run.
        devices: Devices to run on.
        jobs: How many faults at a time.
        whole: Run every clause, not only those that name the fault.
        seed: The run's seed.
    """
    library()
    os.environ[DEVICES] = ",".join(devices)
    # Whatever is imported before the fork is not imported once per fault.
    bindings(specification)
    context: Any = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    waiting = list(faults)
    running: list[_Running] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            fault = waiting.pop(0)
            clauses = naming(specification, fault)
            receiver, sender = context.Pipe(duplex=False)
            modules = [str(PACKAGE)] if whole else _modules(specification, clauses)
            settings = {"clause": () if whole else clauses, "device": devices, "profile": profile, "seed": seed}
            settings |= {"replay": 0, "no_shrink": True}
            arguments = pytest_command(modules, settings, without=("xdist", "html"))
            process = context.Process(target=_judge, args=(fault, arguments, sender))
            process.start()
            sender.close()
            running.append(_Running(fault, clauses, process, receiver, time.monotonic()))
        multiprocessing.connection.wait([each.answer for each in running], timeout=1.0)
        for each in list(running):
            if each.answer.poll() or not each.process.is_alive() or time.monotonic() - each.began > _SECONDS:
                running.remove(each)
                yield _outcome(each)


def _outcome(each: _Running) -> Outcome:
    seconds = time.monotonic() - each.began
    message: tuple[str, Any] = ("lost", "")
    with contextlib.suppress(EOFError):
        message = each.answer.recv() if each.answer.poll() else message
    word, content = message
    each.process.join(timeout=5)
    if each.process.is_alive():
        each.process.kill()
    if word == "unavailable":
        return Outcome(each.fault, "unavailable", seconds, reason=content)
    if word == "lost":
        ended = f"the process ended with exit code {each.process.exitcode}, or took over {_SECONDS:g} s"
        reason = content or ended
        return Outcome(each.fault, "lost", seconds, reason=reason)
    silent = tuple(clause for clause in each.clauses if clause not in content)
    caught = bool(content) and not silent
    return Outcome(each.fault, "caught" if caught else "missed", seconds, content, silent)
