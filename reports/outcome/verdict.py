"""The one function that turns records into a verdict; the command line, the reports and merging all call it."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from torch_conformance.reports.records.model import (
    Cell,
    End,
    Event,
    Failure,
    Inapplicable,
    Picture,
    Plan,
    PlannedCell,
    Record,
    Run,
)
from torch_conformance.spec import LEVELS, Specification

Word = Literal["conformant", "deviations", "incomplete", "suite-failed"]
CONFORMANT, DEVIATIONS, INCOMPLETE, SUITE_FAILED = range(4)
_WORDS: tuple[Word, ...] = ("conformant", "deviations", "incomplete", "suite-failed")

ACCIDENTS = (
    *("worker-crash", "time-out", "device-lost", "out-of-memory", "disk-full"),
    *("missing-shard", "disagreement"),
)
_LINE_END = "\n"

Key = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Cause:
    """Failures that look alike.

    Attributes:
        signature: What they share.
        cells: How many cells show it.
        clauses: Which clauses.
        level: The strictest level among them; empty where the specification was not at hand.
        first: One of them: reproduced where one was, and the smallest of those.
    """

    signature: str
    cells: int
    clauses: tuple[str, ...]
    level: str
    first: Failure


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run's records amount to.

    Attributes:
        word: conformant, deviations, incomplete or suite-failed.
        exit_code: 0, 1, 2 or 3.
        sentence: What was planned, and what became of it.
        counts: Cells by planned, run, pass, fail (waived ones included), deviate, unsupported, inapplicable, waived,
            stale, vacuous, lost, not-run, retried (lost at first, and completed when the run was resumed); and
            comparisons.
        chapters: Cells of each chapter by state.
        causes: Failures that are not waived, grouped by signature, the worst first.
        not_run: Planned cells without a result.
        reasons: Why the verdict is not conformant, beside the failures.
        next_step: What to do now.
    """

    word: Word
    exit_code: int
    sentence: str
    counts: Mapping[str, int]
    chapters: Mapping[str, Mapping[str, int]]
    causes: tuple[Cause, ...]
    not_run: tuple[Key, ...]
    reasons: tuple[str, ...]
    next_step: str


def key_of(record: Cell | Failure | Inapplicable | Picture | PlannedCell) -> Key:
    """Return clause, device and dtype."""
    return record.clause, record.device, record.dtype


def state_of(cell: Cell) -> str:
    """Return the one word that a grid shows for a cell.

    Returns:
        pass, fail, waived, unsupported, inapplicable or vacuous; "lost" for a cell that did not complete.
    """
    if cell.execution != "completed":
        return "lost"
    if deviates(cell):
        return "fail"
    return "waived" if cell.disposition == "waived" else cell.verdict


def deviates(cell: Cell) -> bool:
    """Whether a cell shows that torch does not answer as documented, without a waiver that says so."""
    if cell.disposition == "waiver-stale":
        return True
    if cell.verdict == "fail":
        return cell.disposition != "waived"
    return cell.execution == "completed" and cell.verdict == "unsupported" and cell.disposition == "unexpected"


@dataclasses.dataclass
class _Gathered:
    runs: int = 0
    planned: dict[Key, None] = dataclasses.field(default_factory=dict)
    inapplicable: dict[Key, None] = dataclasses.field(default_factory=dict)
    cells: dict[Key, Cell] = dataclasses.field(default_factory=dict)
    failures: list[Failure] = dataclasses.field(default_factory=list)
    events: list[Event] = dataclasses.field(default_factory=list)
    ends: list[End] = dataclasses.field(default_factory=list)
    late: int = 0
    last: Record | None = None
    attempts: int = 0
    attempt_of: dict[Key, int] = dataclasses.field(default_factory=dict)
    retried: dict[Key, Cell] = dataclasses.field(default_factory=dict)
    contradictions: list[str] = dataclasses.field(default_factory=list)

    def take(self, record: Record) -> None:
        """Sort a record in; note what contradicts another record."""
        if isinstance(record, Event) and record.kind == "resumed":
            self._resume()
        self.late += bool(self.ends)
        self.last = record
        if isinstance(record, Run):
            self.runs += 1
        elif isinstance(record, Plan):
            self._take_plan(record)
        elif isinstance(record, Cell):
            self._take_cell(record)
        elif isinstance(record, Failure):
            self.failures.append(record)
        elif isinstance(record, Event):
            self.events.append(record)
        elif isinstance(record, End):
            self.ends.append(record)

    def _resume(self) -> None:
        """Let the run go on: what closed it closes nothing, and what the disk did not take then is past."""
        self.attempts += 1
        self.ends.clear()
        self.events = [event for event in self.events if event.kind != "disk-full"]

    def _take_plan(self, plan: Plan) -> None:
        for keys, into in (
            (map(key_of, plan.cells), self.planned),
            (map(key_of, plan.inapplicable), self.inapplicable),
        ):
            for key in keys:
                if key in self.planned or key in self.inapplicable:
                    self.contradictions.append(f"cell {_name(key)} is planned twice")
                into[key] = None

    def _take_cell(self, cell: Cell) -> None:
        key = key_of(cell)
        before = self.cells.get(key)
        if before is not None and before.execution != "completed" and self.attempt_of[key] < self.attempts:
            # A cell that was lost is tried again when the run is resumed; what became of it then counts.
            self.retried[key] = before
        elif before is not None:
            self.contradictions.append(f"cell {_name(key)} is recorded twice")
        self.attempt_of[key] = self.attempts
        if (cell.verdict == "none") == (cell.execution == "completed") and cell.verdict != "fail":
            self.contradictions.append(f"cell {_name(key)} is {cell.execution} with verdict {cell.verdict}")
        if (cell.verdict, cell.disposition) in (("pass", "waived"), ("pass", "unexpected")):
            self.contradictions.append(f"cell {_name(key)} passes and is {cell.disposition}")
        # The worse of two results counts: a second record never turns a deviation into something else.
        if key not in self.cells or not deviates(self.cells[key]):
            self.cells[key] = cell


def _name(key: Key) -> str:
    return " ".join(part for part in key if part != "-")


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _unfinished(gathered: _Gathered) -> Iterator[str]:
    """Yield why a run is incomplete, in words."""
    if not gathered.planned:
        yield "no cell was planned"
    missing = sum(key not in gathered.cells for key in gathered.planned)
    if missing:
        yield f"{_several(missing, 'planned cell')} not run"
    for execution in ("crashed", "timed-out", "device-lost", "not-run"):
        count = sum(cell.execution == execution for cell in gathered.cells.values())
        if count:
            yield f"{_several(count, 'cell')} {execution.replace('-', ' ')}"
    vacuous = sum(cell.verdict == "vacuous" for cell in gathered.cells.values())
    if vacuous:
        yield f"{_several(vacuous, 'cell')} vacuous"
    yield from _unaccounted(gathered)
    if not gathered.ends:
        yield "the record that closes the run is missing"


def _unaccounted(gathered: _Gathered) -> Iterator[str]:
    """Yield the accidents that no lost cell accounts for."""
    for event in gathered.events:
        if event.kind not in ACCIDENTS:
            continue
        message = event.message.partition(_LINE_END)[0]
        key = key_of(event.cell) if event.cell else None
        cell = gathered.cells.get(key) if key else None
        if cell is None or key not in gathered.retried:
            if cell is None or cell.execution == "completed":
                yield f"{event.kind}: {message}"
        elif cell.execution == "completed" and event.kind != "time-out":
            # Time is what the run allows: more of it settles a time-out. Nothing that ran later undoes a crash.
            yield f"{_name(key_of(cell))} completed when it was run again, but at first {event.kind}: {message}"


def _inconsistencies(gathered: _Gathered) -> Iterator[str]:
    """Yield why the records cannot be believed, in words."""
    yield from (event.message for event in gathered.events if event.kind == "internal-error")
    yield from gathered.contradictions
    if gathered.runs != 1:
        yield f"{_several(gathered.runs, 'record')} of a run, where one is needed"
    yield from (f"cell {_name(key)} was never planned" for key in gathered.cells if key not in gathered.planned)
    failing = {key for key, cell in gathered.cells.items() if cell.verdict == "fail"}
    described = {key_of(each) for each in gathered.failures}
    # A run that was killed between a failing cell and its failure ends with the cell.
    cut_off = {key_of(gathered.last)} if isinstance(gathered.last, Cell | Picture) else set()
    bare = sorted(failing - described - cut_off)
    yield from (f"cell {_name(key)} fails without a failure record" for key in bare)
    yield from (f"cell {_name(key)} has a failure record and does not fail" for key in sorted(described - failing))
    yield from _miscounts(gathered)


def _miscounts(gathered: _Gathered) -> Iterator[str]:
    if gathered.late:
        yield f"{_several(gathered.late, 'record')} after the one that closes the run"
    if gathered.ends:
        end = gathered.ends[0]
        comparisons = sum(cell.comparisons for cell in gathered.cells.values())
        pairs = (
            ("cell", end.cells, len(gathered.cells)),
            ("failure", end.failures, len(gathered.failures)),
            ("comparison", end.comparisons, comparisons),
        )
        for noun, said, found in pairs:
            if said != found:
                yield f"the record that closes the run counts {_several(said, noun)}, the records {found}"


def _reproduced(failure: Failure) -> bool:
    return failure.reproduced[:1].isdigit() and not failure.reproduced.startswith("0")


def _causes(gathered: _Gathered, specification: Specification | None) -> tuple[Cause, ...]:
    groups: dict[str, list[Failure]] = {}
    for failure in gathered.failures:
        cell = gathered.cells.get(key_of(failure))
        if cell is None or cell.disposition != "waived":
            groups.setdefault(failure.signature, []).append(failure)
    levels = {clause.id: clause.level for clause in specification.clauses.values()} if specification else {}
    causes = []
    for signature, group in groups.items():
        clauses = tuple(dict.fromkeys(each.clause for each in group))
        level = min((levels[name] for name in clauses if name in levels), key=LEVELS.index, default="")
        first = min(group, key=lambda each: (not _reproduced(each), each.elements))
        causes.append(Cause(signature, len({key_of(each) for each in group}), clauses, level, first))
    ranks = {level: rank for rank, level in enumerate(LEVELS)}
    return tuple(sorted(causes, key=lambda each: (ranks.get(each.level, 0), -each.cells, each.signature)))


def _states(gathered: _Gathered) -> dict[str, Counter[str]]:
    """Return the cells of each chapter by state, chapters in the order of the plan."""
    chapters: dict[str, Counter[str]] = {}
    for key in gathered.planned:
        cell = gathered.cells.get(key)
        chapters.setdefault(key[0].partition(".")[0], Counter())[state_of(cell) if cell else "not-run"] += 1
    for key in gathered.inapplicable:
        chapters.setdefault(key[0].partition(".")[0], Counter())["inapplicable"] += 1
    return chapters


def _counts(gathered: _Gathered) -> Counter[str]:
    cells = gathered.cells.values()
    counts: Counter[str] = Counter(cell.verdict for cell in cells if cell.verdict != "none")
    counts["planned"] = len(gathered.planned)
    counts["run"] = sum(cell.execution == "completed" for cell in cells)
    counts["lost"] = sum(cell.execution != "completed" for cell in cells)
    counts["not-run"] = sum(key not in gathered.cells for key in gathered.planned)
    counts["deviate"] = sum(deviates(cell) for cell in cells)
    counts["waived"] = sum(cell.disposition == "waived" for cell in cells)
    counts["stale"] = sum(cell.disposition == "waiver-stale" for cell in cells)
    counts["retried"] = sum(
        cell.execution == "completed" for key, cell in gathered.cells.items() if key in gathered.retried
    )
    counts["inapplicable"] += len(gathered.inapplicable)
    counts["comparisons"] = sum(cell.comparisons for cell in cells)
    return counts


_NAMED = (
    ("pass", "as documented"),
    ("deviate", "deviating"),
    ("waived", "waived"),
    ("stale", "with a stale waiver"),
    ("unsupported", "unsupported"),
    ("vacuous", "vacuous"),
    ("lost", "lost"),
    ("retried", "lost at first and run again"),
    ("inapplicable", "inapplicable"),
)
_SHOWN_REASONS = 4
_NEXT = {
    "conformant": "Nothing to do. Keep results.jsonl: it is the evidence that later runs are compared with.",
    "deviations": "Run the script of the first cause: it needs torch and NumPy only, and shows the deviation alone.",
    "stale": "Take the stale waivers out: what they excuse no longer happens.",
    "incomplete": "Nothing that ran deviates, but not all of it ran: see why above, and run it again.",
    "suite-failed": "This says nothing about torch. Report the message above as an error of torch-conformance.",
}


def _sentence(word: Word, counts: Mapping[str, int], reasons: tuple[str, ...]) -> str:
    parts = [f"{_several(counts['planned'], 'cell')} planned", f"{counts['run']} run"]
    parts += [f"{counts[key]} {name}" for key, name in _NAMED if counts[key] or key == "pass"]
    more = [f"{len(reasons) - _SHOWN_REASONS} reasons more"] if len(reasons) > _SHOWN_REASONS else []
    return "; ".join([f"{word}: {', '.join(parts)}", *reasons[:_SHOWN_REASONS], *more]) + "."


def judge(records: Iterable[Record], specification: Specification | None = None) -> Verdict:
    """Return the verdict of a run's records.

    An inconsistency in the records or an internal error outranks all; a deviation outranks an incomplete run.

    Args:
        records: What `reading.read` returned, or a run kept in memory.
        specification: Puts causes that break a "must" first; the verdict does not depend on it.
    """
    gathered = _Gathered()
    for record in records:
        gathered.take(record)
    inconsistent, unfinished = tuple(_inconsistencies(gathered)), tuple(_unfinished(gathered))
    counts = _counts(gathered)
    if inconsistent:
        code = SUITE_FAILED
    elif counts["deviate"]:
        code = DEVIATIONS
    else:
        code = INCOMPLETE if unfinished else CONFORMANT
    word = _WORDS[code]
    reasons = (*inconsistent, *unfinished)
    causes = _causes(gathered, specification)
    only_stale = word == "deviations" and not causes and counts["stale"] > 0
    return Verdict(
        word=word,
        exit_code=code,
        sentence=_sentence(word, counts, reasons),
        counts=counts,
        chapters=_states(gathered),
        causes=causes,
        not_run=tuple(key for key in gathered.planned if key not in gathered.cells),
        reasons=reasons,
        next_step=_NEXT["stale" if only_stale else word],
    )
