"""The one function that turns records into a verdict; the command line, the reports and merging all call it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from torch_conformance.reports.records import Cell, End, Event, Failure, Plan, Record, Run

Word = Literal["conformant", "deviations", "incomplete", "suite-failed"]
CONFORMANT, DEVIATIONS, INCOMPLETE, SUITE_FAILED = range(4)
_WORDS: tuple[Word, ...] = ("conformant", "deviations", "incomplete", "suite-failed")

Key = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Cause:
    """Failures that look alike.

    Attributes:
        signature: What they share.
        cells: How many cells show it.
        clauses: Which clauses.
        first: One of them, reproduced where one was.
    """

    signature: str
    cells: int
    clauses: tuple[str, ...]
    first: Failure


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run's records amount to.

    Attributes:
        word: conformant, deviations, incomplete or suite-failed.
        exit_code: 0, 1, 2 or 3.
        sentence: What was planned, and what became of it.
        counts: Cells by planned, run, pass, fail, unsupported, inapplicable, waived, vacuous, lost, not-run.
        causes: Failures grouped by signature, the most widespread first.
        not_run: Planned cells without a result.
        reasons: Why the verdict is not conformant, beside the failures.
        next_step: What to do now.
    """

    word: Word
    exit_code: int
    sentence: str
    counts: Mapping[str, int]
    causes: tuple[Cause, ...]
    not_run: tuple[Key, ...]
    reasons: tuple[str, ...]
    next_step: str


@dataclasses.dataclass
class _Gathered:
    runs: int = 0
    planned: dict[Key, None] = dataclasses.field(default_factory=dict)
    inapplicable: int = 0
    cells: dict[Key, Cell] = dataclasses.field(default_factory=dict)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)
    end: End | None = None
    faults: list[str] = dataclasses.field(default_factory=list)

    def take(self, record: Record) -> None:
        """Sort a record in; note what contradicts another record."""
        if self.end is not None:
            self.faults.append("records follow the one that closes the run")
        if isinstance(record, Run):
            self.runs += 1
        elif isinstance(record, Plan):
            self.planned |= {(each.clause, each.device, each.dtype): None for each in record.cells}
            self.inapplicable += len(record.inapplicable)
        elif isinstance(record, Cell):
            self._take_cell(record)
        elif isinstance(record, Failure):
            self.failures.append(record)
        elif isinstance(record, Event):
            self.events.append(record)
        else:
            self.end = record

    def _take_cell(self, cell: Cell) -> None:
        key = (cell.clause, cell.device, cell.dtype)
        if key in self.cells:
            self.faults.append(f"cell {' '.join(key)} is recorded twice")
        if key not in self.planned:
            self.faults.append(f"cell {' '.join(key)} was never planned")
        self.cells[key] = cell


def _unfinished(gathered: _Gathered) -> list[str]:
    """Return why a run is incomplete, in words."""
    reasons = []
    missing = len(gathered.planned) - len(gathered.cells)
    if not gathered.planned:
        reasons.append("no cell was planned")
    if missing > 0:
        reasons.append(f"{missing} planned cells were not run")
    for execution in ("crashed", "timed-out", "device-lost", "not-run"):
        count = sum(cell.execution == execution for cell in gathered.cells.values())
        if count:
            reasons.append(f"{count} cells {execution.replace('-', ' ')}")
    vacuous = sum(cell.verdict == "vacuous" for cell in gathered.cells.values())
    if vacuous:
        reasons.append(f"{vacuous} cells were vacuous")
    if gathered.end is None:
        reasons.append("the record that closes the run is missing")
    return reasons


def _inconsistencies(gathered: _Gathered) -> list[str]:
    """Return why the records cannot be believed, in words."""
    reasons = list(gathered.faults)
    if gathered.runs != 1:
        reasons.append(f"{gathered.runs} records describe the run, where one should")
    failing = {key for key, cell in gathered.cells.items() if cell.verdict == "fail"}
    described = {(each.clause, each.device, each.dtype) for each in gathered.failures}
    reasons += [f"cell {' '.join(key)} fails without a failure record" for key in sorted(failing - described)]
    reasons += [
        f"a failure is recorded for {' '.join(key)}, which does not fail" for key in sorted(described - failing)
    ]
    reasons += [event.message for event in gathered.events if event.kind == "internal-error"]
    if gathered.end is not None and gathered.end.cells != len(gathered.cells):
        reasons.append(f"{gathered.end.cells} cells were recorded, and {len(gathered.cells)} are here")
    return reasons


def _causes(failures: Iterable[Failure]) -> tuple[Cause, ...]:
    groups: dict[str, list[Failure]] = {}
    for failure in failures:
        groups.setdefault(failure.signature, []).append(failure)
    causes = [
        Cause(
            signature,
            len(group),
            tuple(dict.fromkeys(each.clause for each in group)),
            max(
                group,
                key=lambda each: (
                    each.reproduced[:1].isdigit() and each.reproduced[0] != "0",
                    -each.elements,
                ),
            ),
        )
        for signature, group in groups.items()
    ]
    return tuple(sorted(causes, key=lambda cause: (-cause.cells, cause.signature)))


def _counts(gathered: _Gathered) -> Counter[str]:
    counts: Counter[str] = Counter(cell.verdict for cell in gathered.cells.values() if cell.verdict != "none")
    counts["planned"] = len(gathered.planned)
    counts["run"] = sum(cell.execution == "completed" for cell in gathered.cells.values())
    counts["lost"] = sum(cell.execution != "completed" for cell in gathered.cells.values())
    counts["not-run"] = max(0, len(gathered.planned) - len(gathered.cells))
    counts["waived"] = sum(cell.disposition == "waived" for cell in gathered.cells.values())
    counts["stale"] = sum(cell.disposition == "waiver-stale" for cell in gathered.cells.values())
    counts["inapplicable"] += gathered.inapplicable
    counts["comparisons"] = sum(cell.comparisons for cell in gathered.cells.values())
    return counts


def _deviates(cell: Cell) -> bool:
    return (cell.verdict == "fail" and cell.disposition != "waived") or cell.disposition == "waiver-stale"


def _sentence(word: Word, counts: Mapping[str, int], reasons: tuple[str, ...]) -> str:
    parts = [f"{counts['planned']} cells planned", f"{counts['run']} run", f"{counts['pass']} as documented"]
    named = (
        ("fail", "deviate"),
        ("waived", "waived"),
        ("stale", "with a stale waiver"),
        ("unsupported", "unsupported"),
    )
    parts += [f"{counts[key]} {name}" for key, name in named if counts[key]]
    parts += [f"{counts['inapplicable']} inapplicable"] if counts["inapplicable"] else []
    text = f"{word}: {', '.join(parts)}"
    return f"{text}; {'; '.join(reasons[:4])}." if reasons else f"{text}."


_NEXT = {
    "conformant": "Nothing to do. Keep results.jsonl: it is the evidence that later runs are compared with.",
    "deviations": "Run the script of the first cause: it needs torch and NumPy only, and shows the deviation alone.",
    "incomplete": "Nothing that ran deviates, but not all of it ran: see why above, and run it again.",
    "suite-failed": "This says nothing about torch. Report the message above as an error of torch-conformance.",
}


def judge(records: Iterable[Record]) -> Verdict:
    """Return the verdict of a run's records.

    An inconsistency in the records or an internal error outranks all; a deviation outranks an incomplete run.
    """
    gathered = _Gathered()
    for record in records:
        gathered.take(record)
    inconsistent, unfinished = _inconsistencies(gathered), _unfinished(gathered)
    if inconsistent:
        code = SUITE_FAILED
    elif any(_deviates(cell) for cell in gathered.cells.values()):
        code = DEVIATIONS
    else:
        code = INCOMPLETE if unfinished else CONFORMANT
    word = _WORDS[code]
    counts, reasons = _counts(gathered), (*inconsistent, *unfinished)
    not_run = tuple(key for key in gathered.planned if key not in gathered.cells)
    sentence = _sentence(word, counts, reasons)
    return Verdict(word, code, sentence, counts, _causes(gathered.failures), not_run, reasons, _NEXT[word])
