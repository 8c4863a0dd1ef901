"""Hooks in the processes that run cells: parameters, seeds, and what became of each cell."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import time
import traceback
from collections.abc import Callable, Generator
from typing import Any

import hypothesis
import hypothesis.errors
import pytest
import torch
from _pytest.outcomes import Skipped
from _pytest.runner import runtestprotocol
from hypothesis import is_hypothesis_test

from torch_conformance.conformance.engine.cell import Cell, Enough, Unsupported, cell_of
from torch_conformance.conformance.engine.trial import Deviation
from torch_conformance.conformance.run import replay
from torch_conformance.conformance.run.failure_record import failure_fields
from torch_conformance.conformance.run.session import Session
from torch_conformance.conformance.run.waiving import settle
from torch_conformance.conformance.run.workers import health, watchdog

_TRACEBACK_CHARACTERS = 6000
# What these chapters call imports torch's compiler, a second of each process that does. Side by side in the plan they
# fall to few workers.
_COMPILING = frozenset({"autograd", "export", "optim", "training"})
# Where a worker leaves why it cannot take part.
MISFIT = "torch_conformance_misfit"
_COLLECTOR = (200_000, 50, 50)
# The exit code of a worker that gives its place to a fresh one.
_REPLACE_ME = 75


def restore_globals() -> None:
    """Put torch's global settings back to their documented defaults, whatever a cell left behind."""
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)


def noting_failure(cell: Cell, inner: Callable[..., None]) -> Callable[..., None]:
    """Return a property that notes in its cell's tally that it has failed on one of its examples."""

    @functools.wraps(inner)
    def noting(*arguments: Any, **named: Any) -> None:
        __tracebackhide__ = True
        try:
            inner(*arguments, **named)
        except Skipped:
            raise
        except BaseException:
            cell.tally.failed = True
            raise

    return noting


def deviation_in(error: BaseException) -> Deviation | None:
    """Return the deviation that an exception is, or wraps (Hypothesis groups those it cannot reproduce)."""
    if isinstance(error, Deviation):
        return error
    for inner in getattr(error, "exceptions", ()):
        found = deviation_in(inner)
        if found is not None:
            return found
    for chained in (error.__cause__, error.__context__):
        if isinstance(chained, Deviation):
            return chained
    return None


class Running:
    """Makes one pytest item per cell and notes how each ends."""

    def __init__(self, session: Session) -> None:
        """Begin with no script replayed."""
        self._session = session
        self._replayer = replay.Replayer()
        self._watchdog: watchdog.Watchdog | None = None
        self._machine_failure: health.MachineFailure | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Leave Ctrl-C and SIGTERM to the process that gathers results, which ends its workers.

        A terminal, or a batch system, sends the signal to all of them; in a worker it would land anywhere.
        """
        if hasattr(session.config, "workerinput"):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._watchdog = session.config.stash.get(watchdog.KEY, None)
        if self._watchdog is not None:
            self._watchdog.seconds = self._session.seconds

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self, session: pytest.Session) -> None:
        """Let a worker that has another torch than the run say so and leave."""
        if self._session.misfit:
            session.config.workeroutput[MISFIT] = self._session.misfit  # type: ignore[attr-defined]
            pytest.exit(self._session.misfit, pytest.ExitCode.USAGE_ERROR)

    def pytest_collection_finish(self) -> None:
        """Begin to wait for cells, for as long as it takes.

        The garbage collector is spared what stays until the end anyway, and small generations: a twentieth of the time.
        """
        gc.freeze()
        gc.set_threshold(*_COLLECTOR)
        if self._watchdog is not None:
            self._watchdog.rest()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Watch the clock while a cell runs; after an accident let no other cell run in this process."""
        if self._watchdog is None:
            result = yield
            if self._machine_failure is not None:
                item.session.shouldstop = self._machine_failure.reason
            return result
        self._watchdog.watch()
        result = yield
        self._watchdog.rest()
        if self._machine_failure is not None:
            # The reports have gone out. Ending the session in order would call the device again.
            os._exit(_REPLACE_ME)
        return result

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Parametrise a property over its cells."""
        if "cell" in metafunc.fixturenames:
            cells = self._session.cells_of(metafunc.function)
            identifiers = [self._identifier(cell) for cell in cells]
            metafunc.parametrize("cell", cells, ids=identifiers)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Drop the properties that have no cell in this run's selection; put those together that load the same."""
        without = [item for item in items if _takes_cell(item) and cell_of(item) is None]
        if without:
            config.hook.pytest_deselected(items=without)
            items[:] = [item for item in items if not _takes_cell(item) or cell_of(item) is not None]
        items.sort(key=lambda item: not _compiles(item))

    @staticmethod
    def _identifier(cell: Cell) -> str:
        where = cell.device if cell.dtype == "-" else f"{cell.device}-{cell.dtype}"
        return f"{cell.clause.id}-{where}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Seed the cell, run it, and restore what it may have changed."""
        cell = cell_of(item)
        function = item.obj  # type: ignore[attr-defined]
        drawn = is_hypothesis_test(function)
        if drawn and cell is not None:
            hypothesis.seed(cell.seed)(function)
            inner = function.hypothesis.inner_test
            function.hypothesis.inner_test = noting_failure(cell, inner)
        try:
            return (yield)
        finally:
            if drawn and cell is not None:
                function.hypothesis.inner_test = inner
            restore_globals()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the cell's record, and its failure, to the report."""
        report = yield
        cell = cell_of(item)
        if cell is not None and (call.when == "call" or call.excinfo is not None):
            fields = self._fields(item, cell, call)
            report.torch_conformance = fields  # type: ignore[attr-defined]
            _tell_pytest(report, fields["cell"])
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the gathering process what this worker cost."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["cpu_seconds"] = time.process_time()

    def _fields(self, item: pytest.Item, cell: Cell, call: pytest.CallInfo[None]) -> dict[str, Any]:
        error = call.excinfo.value if call.excinfo else None
        error = None if isinstance(error, Enough) else error
        if self._watchdog is not None:
            self._watchdog.watch()
        self._machine_failure = health.machine_failure_in(cell, error)
        if self._machine_failure is not None:
            return self._lost(item, cell, call, self._machine_failure)
        verdict, reason = self._verdict(cell, error)
        deviation = deviation_in(error) if verdict == "fail" and error is not None else None
        discrepancy = deviation.discrepancy if deviation else None
        session = self._session
        settled = settle(session.waivers, cell, session.torch_version, verdict, discrepancy)
        outcome = {"execution": "completed", "verdict": verdict, "disposition": settled.disposition}
        fields: dict[str, Any] = {
            "cell": self._facts(item, cell, call) | outcome | {"reason": reason or settled.reason},
            "failure": None,
            "pictures": cell.tally.pictures,
            "accident": None,
        }
        if verdict == "fail" and error is not None:
            # Of a waived deviation the witness has just been run, and a replay takes seconds.
            count = 0 if settled.disposition == "waived" else item.config.getoption("conformance_replay")
            fields["failure"] = self._failure(item, cell, error, count)
        return fields

    @staticmethod
    def _facts(item: pytest.Item, cell: Cell, call: pytest.CallInfo[None]) -> dict[str, Any]:
        """Return the fields of a cell's record that do not depend on how it ended."""
        tally = cell.tally
        return {
            "clause": cell.clause.id,
            "device": cell.device,
            "dtype": cell.dtype,
            "test": item.nodeid,
            "seconds": round(call.duration, 6),
            "examples": tally.trials,
            "comparisons": tally.comparisons,
            "fingerprint": tally.fingerprint,
            "worker": getattr(item.config, "workerinput", {}).get("workerid", "main"),
            "worst": [
                {"operation": name, "ulp": each.ulp, "bound": each.bound, "input": each.at}
                for name, each in tally.worst.items()
            ],
        }

    def _lost(
        self, item: pytest.Item, cell: Cell, call: pytest.CallInfo[None], loss: health.MachineFailure
    ) -> dict[str, Any]:
        """Return the fields of a cell that the machine cost; what it compared until then proves nothing."""
        outcome = {"execution": loss.execution, "verdict": "none", "disposition": "unexpected", "reason": loss.reason}
        error = call.excinfo.value if call.excinfo else None
        trace = _formatted(error) if error is not None else ""
        return {
            "cell": self._facts(item, cell, call) | outcome,
            "failure": None,
            "pictures": [],
            "accident": {"kind": loss.kind, "message": f"{loss.reason}\n{trace}".strip()},
        }

    @staticmethod
    def _verdict(cell: Cell, error: BaseException | None) -> tuple[str, str]:
        if isinstance(error, Unsupported):
            return "unsupported", str(error.msg)
        if isinstance(error, hypothesis.errors.Unsatisfiable):
            return "vacuous", str(error)
        if error is not None:
            return "fail", ""
        if cell.tally.comparisons == 0:
            return "vacuous", "nothing was compared"
        return "pass", ""

    def _failure(self, item: pytest.Item, cell: Cell, error: BaseException, replays: int) -> dict[str, Any]:
        deviation = deviation_in(error)
        fields = failure_fields(cell, deviation.discrepancy if deviation else None, error)
        fields |= {"test": item.nodeid, "traceback": _formatted(error)}
        if deviation is not None:
            with self._watchdog.resting() if self._watchdog is not None else contextlib.nullcontext():
                fields["reproduced"] = self._replayer.replay(cell.clause.id, deviation.discrepancy.script, replays)
        return fields


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(error, limit=-12))[-_TRACEBACK_CHARACTERS:]


def _tell_pytest(report: pytest.TestReport, cell: dict[str, Any]) -> None:
    """Give a waived deviation pytest's word for it, and make a stale waiver and a lost cell fail."""
    disposition, reason = cell["disposition"], cell["reason"]
    if disposition == "waived":
        report.outcome = "skipped"
        report.wasxfail = reason
    elif disposition == "waiver-stale" or cell["execution"] != "completed":
        report.outcome = "failed"
        report.longrepr = report.longrepr or reason
    elif cell["verdict"] == "pass":
        report.outcome, report.longrepr = "passed", None  # a cell that has seen enough ends as pytest ends a skip


def _compiles(item: pytest.Item) -> bool:
    cell = cell_of(item)
    return cell is not None and cell.clause.chapter in _COMPILING


class OneReport:
    """Logs one report of each cell instead of three: of set-up and tear-down only what did not pass.

    For a worker, which sends every report to the process that gathers them, a tenth of the time of small cells.
    """

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a cell as pytest does, and log what matters of it."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed:
                item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


def _takes_cell(item: pytest.Item) -> bool:
    return "cell" in getattr(item, "fixturenames", ())
