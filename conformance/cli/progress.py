"""Progress while a run goes on, and the summary after it: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import rich.console
import rich.progress

from torch_conformance import spec
from torch_conformance.reports.outcome import verdict
from torch_conformance.reports.records import model as records
from torch_conformance.reports.writers import summary

USAGE = 4
SUITE_FAILED = 3
_PLAIN_SECONDS = 10.0


def _say(text: str) -> None:
    """Print a line; where nobody can read it any more, print nothing from then on: the results are in the folder."""
    try:
        click.echo(text)
    except (OSError, ValueError):
        # A reader who has gone, as `| head` does, a full disk, a closed output.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class Progress:
    """A pytest plugin in place of pytest's own terminal output."""

    def __init__(self, out: Path) -> None:
        """Print to standard output; errors to standard error."""
        self._out = out
        self._console = rich.console.Console()
        self._bar: rich.progress.Progress | None = None
        self._task: Any = None
        self._total = self._done = self._failed = 0
        self._said = time.monotonic()
        self._config: pytest.Config | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Remember the run."""
        self._config = config

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Start the bar, when cells run in this process."""
        self._begin(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Start the bar, when cells run in workers."""
        self._begin(len(ids))

    def _begin(self, total: int) -> None:
        if self._total or not total:
            return
        self._total = total
        self._said = time.monotonic()
        if self._console.is_terminal:
            self._bar = rich.progress.Progress(
                rich.progress.TextColumn("{task.description}"),
                rich.progress.BarColumn(),
                rich.progress.MofNCompleteColumn(),
                rich.progress.TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("judging", total=total)
        else:
            _say(f"judging {total} cells")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a finished cell; name it when it deviates."""
        fields = getattr(report, "torch_conformance", None)
        if fields is None and report.outcome != "failed":
            return
        self._done += 1
        if report.outcome == "failed":
            self._failed += 1
            self._name(report, fields)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=self._description())
        elif time.monotonic() - self._said > _PLAIN_SECONDS:
            self._said = time.monotonic()
            _say(f"{self._done} of {self._total} cells, {self._failed} failed")

    def _description(self) -> str:
        return f"judging, {self._failed} failed" if self._failed else "judging"

    def _name(self, report: pytest.TestReport, fields: dict[str, Any] | None) -> None:
        if self._failed > 10:
            return
        if fields is None:
            text = f"LOST {report.nodeid.rpartition('[')[2].rstrip(']')}: {report.longrepr}"
        else:
            cell, failure = fields["cell"], fields["failure"]
            what = failure["diagnosis"] if failure else cell["reason"]
            word = "FAIL" if cell["execution"] == "completed" else "LOST"
            text = f"{word} {cell['clause']} on {cell['device']} {cell['dtype']}: {what}"
        text = text.splitlines()[0][:240]
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            _say(text)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def exit_code(self, status: int) -> int:
        """Print the summary and return the exit code of the verdict; of pytest's status where nothing was judged."""
        found = self._records()
        if not found:
            return USAGE if status == int(pytest.ExitCode.USAGE_ERROR) else SUITE_FAILED
        judged = verdict.judge(found)
        run = next(record for record in found if isinstance(record, records.Run))
        if self._console.is_terminal:
            with contextlib.suppress(OSError):  # the terminal has gone; the verdict stays what it is
                self._console.print(summary.render(judged, run, self._specification()))
        else:
            _say(summary.plain(judged, run))
        page = self._out / "index.html"
        if page.is_file() and page.stat().st_size:
            _say(f"report: {page}")
        return judged.exit_code

    def _specification(self) -> spec.Specification | None:
        from torch_conformance.conformance.run.session import KEY  # noqa: PLC0415

        return self._config.stash[KEY].specification if self._config and KEY in self._config.stash else None

    def _records(self) -> list[records.Record]:
        from torch_conformance.conformance.run.recording import RECORDS  # noqa: PLC0415

        return self._config.stash.get(RECORDS, []) if self._config else []
