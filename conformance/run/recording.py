"""Keep the records of a run in the process that gathers results, and give them to the writers of `reports`."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pytest_metadata.plugin import metadata_key

from torch_conformance.conformance.run import environment
from torch_conformance.conformance.run.discovery import drifted
from torch_conformance.conformance.run.interrupts import interrupt_when_terminated, interrupted_by, interrupts_deferred
from torch_conformance.conformance.run.out_folder import OutFolder, OutFolderError
from torch_conformance.conformance.run.plan import CellKey
from torch_conformance.conformance.run.running import MISFIT
from torch_conformance.conformance.run.session import Session, workers_of
from torch_conformance.conformance.run.workers import pinning
from torch_conformance.conformance.run.workers.failures import Failures, explain
from torch_conformance.reports import page
from torch_conformance.reports.outcome import verdict
from torch_conformance.reports.outcome.resuming import Unfinished, difference
from torch_conformance.reports.records import model as records
from torch_conformance.reports.writers import job, junit, pytest_html

# Where GitHub Actions takes the Markdown of a job's page from.
_JOB_PAGE = "GITHUB_STEP_SUMMARY"
Kept = TypeVar("Kept", bound=records.Record)
NOWHERE = CellKey("", "", "")
RECORDS: pytest.StashKey[list[records.Record]] = pytest.StashKey()


def now() -> str:
    """Return the time as an ISO 8601 string in UTC."""
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")


class Recorder:
    """Appends a record for everything that happens, to memory and, where an output folder is given, to a file."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        """Write the record of the run itself.

        Raises:
            pytest.UsageError: When the output folder cannot be written.
        """
        self._config = config
        self._session = session
        self._began = time.perf_counter()
        interrupt_when_terminated()
        self._cells: dict[str, CellKey] = {f"{key.clause}-{key.parameter}": key for key in session.plan.cells}
        self._planned: dict[CellKey, bool] = {}
        self._failures = 0
        self._comparisons: dict[CellKey, int] = {}
        self._workers_cpu_seconds = 0.0
        self._worker_failures = Failures(session.seconds, workers_of(config))
        self._unwritten: list[records.Record] = []
        self._refusal = ""
        self.records: list[records.Record] = []
        config.stash[RECORDS] = self.records
        self._out: Path | None = None
        self._folder: OutFolder | None = None
        self._writer: records.Writer | None = None
        folder = config.getoption("conformance_out")
        self._redaction = environment.redaction() if config.getoption("conformance_redact") == "default" else None
        run = self._redacted(environment.run_record(config, session, now()))
        if session.earlier is not None:
            self._go_on(session.earlier, run)
        if folder is not None:
            self._open(Path(folder), session.earlier.length if session.earlier is not None else 0)
        if session.earlier is not None:
            done = len(session.earlier.cells)
            self.event("resumed", f"resumed after {done} of {len(self._planned)} cells")
        else:
            self._add(run)
        if self._unwritten:
            self.records.clear()  # nothing was run
            raise pytest.UsageError(f"--out {folder}: cannot be written ({self._refusal}); name another folder")

    def _go_on(self, earlier: Unfinished, run: records.Run) -> None:
        """Take over what a run that was killed or interrupted has recorded.

        Raises:
            pytest.UsageError: When this is not the same run.
        """
        changed = difference(earlier.run, run)
        planned = [CellKey(*key) for key in earlier.planned or ()]
        unknown = set(planned) - set(self._session.plan.cells)
        if changed is None and unknown:
            changed = f"{min(unknown).clause} was planned on {min(unknown).parameter} and is not"
        if changed is not None:
            raise pytest.UsageError(f"--resume: {changed}; run it without --resume, or with another --out")
        self.records.extend(earlier.records)
        left = earlier.left
        self._planned = {key: left is not None and key not in left for key in planned}
        self._comparisons = {CellKey(*key): cell.comparisons for key, cell in earlier.cells.items()}
        self._failures = sum(isinstance(each, records.Failure) for each in earlier.records)

    def _open(self, folder: Path, keep: int) -> None:
        try:
            self._folder = OutFolder(folder)
            self._writer = self._folder.open(keep)
        except OutFolderError as error:
            raise pytest.UsageError(str(error)) from None
        self._out = folder

    def _redacted(self, record: Kept) -> Kept:
        return record if self._redaction is None else self._redaction.record(record)

    def _add(self, record: records.Record) -> None:
        record = self._redacted(record)
        self.records.append(record)
        if self._writer is not None:
            self._unwritten.append(record)
            self._write(self._writer)

    def _write(self, writer: records.Writer) -> None:
        """Write what waits to be written; what the disk does not take waits for the next record, and for room."""
        while self._unwritten:
            try:
                writer.write(self._unwritten[0])
            except records.NotWrittenError as error:
                self._refusal = str(error).rpartition(": ")[2]
                return
            self._unwritten.pop(0)

    def event(self, kind: records.EventKind, message: str, key: CellKey | None = None) -> None:
        """Record an event, of a cell where it belongs to one."""
        cell = records.PlannedCell(clause=key.clause, device=key.device, dtype=key.dtype) if key else None
        self._add(records.Event(kind=kind, message=message, cell=cell, time=now()))

    def _plan(self) -> None:
        """Record what the specification, the devices and the selection ask for, whatever pytest has collected of it."""
        if self._planned:
            return
        self._planned = dict.fromkeys(self._session.plan.cells, False)
        planned = [records.PlannedCell(clause=k.clause, device=k.device, dtype=k.dtype) for k in self._planned]
        inapplicable = [
            records.Inapplicable(clause=key.clause, device=key.device, dtype=key.dtype, reason=reason)
            for key, reason in self._session.plan.inapplicable
        ]
        self._add(records.Plan(cells=planned, inapplicable=inapplicable))
        self._add(environment.surface_record())
        for message in drifted(self._session.specification, environment.torch_module()):
            self.event("drift", message)

    def _key(self, nodeid: str) -> CellKey | None:
        _, _, parameter = nodeid.partition("[")
        return self._cells.get(parameter.removesuffix("]"))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the plan: a cell of it that pytest was told to leave out is a cell that was not run."""
        if not workers_of(session.config):
            self._plan()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Record the plan, once a worker is there to run it."""
        self._plan()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand a worker the devices and the seed."""
        node.workerinput["torch_conformance"] = self._session.inherited()
        self._worker_failures.hand_over(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Pin workers to units, where the run has several; None leaves it to xdist."""
        units = pinning.units(self._session.selection.devices)
        return pinning.UnitScheduling(config, log, self._cells, units) if len(units) > 1 else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add a worker's CPU time, and find out how it died if it did.

        Raises:
            pytest.Session.Interrupted: When this machine cannot run cells at all.
            pytest.UsageError: When the worker has another torch.
        """
        misfit = getattr(node, "workeroutput", {}).get(MISFIT)
        if misfit:
            self.event("disagreement", misfit)
            raise pytest.UsageError(misfit)
        self._workers_cpu_seconds += float(getattr(node, "workeroutput", {}).get("cpu_seconds", 0.0))
        if error is None:
            # It takes a second to leave, and can do so while the reports are written.
            node.gateway.exit()
            return
        self._worker_failures.worker_died(node)
        if self._worker_failures.hopeless:
            raise pytest.Session.Interrupted(self._worker_failures.hopeless)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Say in the report of a cell whose worker died how it died."""
        death = self._worker_failures.claim(report.node)
        report.torch_conformance_death = death
        report.longrepr = death.sentence
        if self._planned.get(self._key(crashitem) or NOWHERE):
            # The worker has reported this cell, and ended because no other is to be trusted to it.
            report.outcome, report.longrepr = "passed", None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record a finished cell, with its failure."""
        with interrupts_deferred():
            self._record(report)

    def _record(self, report: pytest.TestReport) -> None:
        fields = getattr(report, "torch_conformance", None)
        if fields is None:
            if report.outcome == "failed":
                self._lost(report)
            return
        if fields["accident"] is not None:
            cell = fields["cell"]
            self.event(**fields["accident"], key=CellKey(cell["clause"], cell["device"], cell["dtype"]))
        else:
            self._worker_failures.cell_completed()
        cell = records.Cell(**fields["cell"] | {"worst": [records.WorstError(**w) for w in fields["cell"]["worst"]]})
        self._finish(cell)
        for each in fields["pictures"]:
            series = [records.Series(**one) for one in each["series"]]
            self._add(records.Picture(**each | {"series": series}))
        if fields["failure"] is not None:
            inputs = [records.Input(**each) for each in fields["failure"]["inputs"]]
            failure = records.Failure(**fields["failure"] | {"inputs": inputs})
            self._failures += 1
            self._add(failure)

    def _finish(self, cell: records.Cell) -> None:
        key = CellKey(cell.clause, cell.device, cell.dtype)
        if self._planned.get(key):
            return
        self._planned[key] = True
        self._comparisons[key] = cell.comparisons
        self._add(cell)

    def _lost(self, report: pytest.TestReport) -> None:
        """Record a cell whose process died, or whose item could not be set up or torn down."""
        key = self._key(report.nodeid)
        message = str(report.longrepr).strip().splitlines()[-1] if report.longrepr else report.outcome
        if key is None or report.when in ("setup", "teardown"):
            self.event("internal-error", f"{report.nodeid}: {message}", key)
            return
        death = getattr(report, "torch_conformance_death", None) or explain(None, "", self._session.seconds)
        self.event(death.kind, death.message, key)
        self._finish(environment.lost_cell(key, report.nodeid, death.execution, death.sentence))

    def pytest_internalerror(self, excrepr: Any) -> None:
        """Record that the suite itself failed."""
        self.event("internal-error", str(excrepr).strip().splitlines()[-1])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record that a test module could not be collected."""
        if report.failed:
            self.event("internal-error", f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Record that the run was interrupted, or given up."""
        if isinstance(excinfo.value, pytest.Session.Interrupted) and self._worker_failures.hopeless:
            self.event("worker-crash", f"the run was given up: {excinfo.value}")
            return
        self.event("interrupted", f"interrupted {interrupted_by()}; the cells recorded so far are kept")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Close the run, write JUnit XML and the page, and make the verdict the exit status."""
        # pytest-html would write this table as markup, workers' values included; the summary has the facts.
        session.config.stash.get(metadata_key, {}).clear()
        for death, count in self._worker_failures.unclaimed().items():
            who = "a worker" if count == 1 else f"{count} workers"
            self.event(death.kind, f"{who} died outside any cell: {death.message}")
        self._worker_failures.close()
        if self._writer is not None and self._out is not None:
            self._close(self._writer, self._out)
        else:
            self._add(self._end())
        session.exitstatus = verdict.judge(self.records).exit_code

    def _close(self, writer: records.Writer, out: Path) -> None:
        """Write the reports and close the file; a disk that does not take them makes the run incomplete."""
        self._write(writer)
        whole = [*self.records, *([] if self._unwritten else [self._end()])]
        for name, write in (("junit.xml", junit.write), ("index.html", self._write_page), ("", self._write_job)):
            try:
                write(whole, out / name)
            except OSError as error:
                what = name or "summary.md or verdict.json"
                self.event("disk-full", f"{what} could not be written ({error.strerror or error}); make room")
        if not self._unwritten:
            self._add(self._end())
        try:
            writer.close()
        except records.NotWrittenError as error:
            self._refusal = str(error).rpartition(": ")[2]
        if self._unwritten:
            # The file has no record that closes it: neither has what is kept in memory.
            if isinstance(self.records[-1], records.End):
                self.records.pop()
            missing = f"{len(self._unwritten)} of {len(self.records)} records"
            message = f"{missing} could not be written to results.jsonl ({self._refusal}); make room"
            self.records.append(records.Event(kind="disk-full", message=message, cell=None, time=now()))

    def _end(self) -> records.End:
        earlier = self._session.earlier
        seconds, cpu_seconds = earlier.seconds if earlier is not None else (0.0, 0.0)
        return records.End(
            digest="",  # the writer knows it
            finished=now(),
            seconds=round(time.perf_counter() - self._began + seconds, 3),
            cpu_seconds=round(environment.cpu_seconds() + self._workers_cpu_seconds + cpu_seconds, 3),
            cells=len(self._comparisons),
            failures=self._failures,
            comparisons=sum(self._comparisons.values()),
        )

    def _write_job(self, found: Sequence[records.Record], folder: Path) -> None:
        job.write(found, self._session.specification, folder)
        place = os.environ.get(_JOB_PAGE)
        if place:
            try:
                with Path(place).open("a", encoding="utf-8") as page_of_job:
                    page_of_job.write(job.markdown(found, self._session.specification))
            except OSError as error:
                self.event("note", f"{_JOB_PAGE}={place} could not be written ({error.strerror or error})")

    def _write_page(self, found: Sequence[records.Record], path: Path) -> None:
        run = next(record for record in found if isinstance(record, records.Run))
        page.write([page.Install(f"torch {run.torch.version}", found)], self._session.specification, path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say the verdict under pytest's own output."""
        terminalreporter.write_line(verdict.judge(self.records, self._session.specification).sentence)

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Close pytest-html's page to scripts that are not its own; it has no hook for its head."""
        table = getattr(config.option, "htmlpath", None)
        if table and config.option.self_contained_html and Path(table).is_file():
            try:
                text = Path(table).read_text(encoding="utf-8")
                Path(table).write_text(pytest_html.with_policy(text), encoding="utf-8")
            except (OSError, ValueError):
                # The disk took half a page. One that is not closed to scripts must not stay.
                Path(table).unlink(missing_ok=True)

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Put the verdict above pytest-html's table."""
        prefix.append(pytest_html.summary_html(self.records, self._session.specification))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_header(self, cells: list[str]) -> None:
        """Add the columns that a cell has."""
        cells[1:1] = pytest_html.header_cells()

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_table_row(self, report: pytest.TestReport, cells: list[str]) -> None:
        """Fill them."""
        cell = getattr(report, "torch_conformance", {}).get("cell", {})
        # pytest-html writes a test's id as markup (its issue 1024), and ours hold device names.
        cells[1] = pytest_html.nodeid_cell(report.nodeid)
        cells[1:1] = pytest_html.row_cells(*(str(cell.get(name, "")) for name in ("clause", "device", "dtype")))

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_report_title(self, report: Any) -> None:
        """Name the report."""
        report.title = "torch conformance"
