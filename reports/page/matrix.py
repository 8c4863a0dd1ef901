"""The cells as data for the script of the page: a letter per cell, and what a reader finds behind it.

Letters are in one block, read at once; what stands behind them is in a block per chapter, read when it is asked for.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from torch_conformance.reports.outcome.states import LETTERS, worst
from torch_conformance.reports.outcome.verdict import Key
from torch_conformance.reports.page import drafts
from torch_conformance.reports.page.gathering import Gathered
from torch_conformance.reports.page.limits import BLOCK, DATA_SCRIPT, LINE
from torch_conformance.reports.page.numerics import Distance
from torch_conformance.reports.records.model import Cell, Failure
from torch_conformance.reports.text import cut, visible
from torch_conformance.spec import Specification

Column = tuple[int, str, str]
ABSENT = "."
_FAILURES_OF_A_CLAUSE = 3
# What failures may take of a page in all, in characters; results.jsonl has every one of them.
_BUDGET = 12_000_000
_INPUTS, _REASONS = 20, 40


def shown(text: str, limit: int = LINE) -> str:
    """Return text with what a reader cannot see written out, cut to a limit."""
    return visible(cut(text, limit))


@dataclasses.dataclass
class Matrix:
    """Clauses against columns; a column is a device and a dtype of an install.

    Attributes:
        columns: Index of the install, device, dtype.
        letters: A letter per column for each clause.
        counts: Cells of each clause by state.
    """

    columns: list[Column]
    letters: dict[str, str]
    counts: dict[str, Counter[str]]

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return sum(counts.total() for counts in self.counts.values())


def build(installs: Sequence[Gathered], specification: Specification) -> Matrix:
    """Return the matrix; clauses in the order of the specification, unknown ones last."""
    columns = {
        column: number
        for number, column in enumerate(
            dict.fromkeys(
                (index, device, dtype)
                for index, install in enumerate(installs)
                for device, dtype in _by_dtype(install.states, specification)
            )
        )
    }
    rows: dict[str, dict[int, str]] = {name: {} for name in specification.clauses}
    counts: dict[str, Counter[str]] = {}
    for index, install in enumerate(installs):
        for (clause, device, dtype), (state, _) in install.states.items():
            rows.setdefault(clause, {})[columns[index, device, dtype]] = LETTERS[state][0]
            counts.setdefault(clause, Counter())[state] += 1
    letters = {
        clause: "".join(row.get(number, ABSENT) for number in range(len(columns)))
        for clause, row in rows.items()
        if row
    }
    return Matrix(list(columns), letters, {clause: counts[clause] for clause in letters})


def _by_dtype(keys: Iterable[Key], specification: Specification) -> list[tuple[str, str]]:
    """Return devices and dtypes: devices as they came, the specification's order of dtypes, none and unknown last."""
    order = {name: number for number, name in enumerate(specification.dtypes)}
    pairs = dict.fromkeys((device, dtype) for _, device, dtype in keys)
    devices = {device: number for number, device in enumerate(dict.fromkeys(device for device, _ in pairs))}
    return sorted(pairs, key=lambda pair: (devices[pair[0]], order.get(pair[1], len(order)), pair[1]))


def summary(matrix: Matrix, installs: Sequence[Gathered], specification: Specification) -> dict[str, Any]:
    """Return what the script reads at once."""
    titles = {chapter.name: chapter.title for chapter in specification.chapters}
    chapters: dict[str, list[str]] = {}
    for clause in matrix.letters:
        chapters.setdefault(clause.partition(".")[0], []).append(clause)
    devices = list(dict.fromkeys(device for _, device, _ in matrix.columns))
    dtypes = list(dict.fromkeys(dtype for _, _, dtype in matrix.columns))
    return {
        "installs": [install.label for install in installs],
        "devices": [shown(name) for name in devices],
        "dtypes": ["any dtype" if name == "-" else shown(name) for name in dtypes],
        "columns": [[index, devices.index(device), dtypes.index(dtype)] for index, device, dtype in matrix.columns],
        "states": [[*LETTERS[state]] for state in LETTERS],
        "chapters": [[shown(name), shown(titles.get(name, name))] for name in chapters],
        "clauses": [
            [shown(clause), number, _statement(clause, specification), matrix.letters[clause], _heard(clause, installs)]
            for number, ids in enumerate(chapters.values())
            for clause in ids
        ],
    }


def _statement(identifier: str, specification: Specification) -> str:
    clause = specification.clauses.get(identifier)
    return shown(clause.statement) if clause else ""


def _heard(clause: str, installs: Sequence[Gathered]) -> str:
    """Return the diagnoses of a clause, for the search to look through."""
    found = (install.failures.get(clause, [])[:_FAILURES_OF_A_CLAUSE] for install in installs)
    return "\n".join(dict.fromkeys(shown(each.diagnosis) for failures in found for each in failures))


def details(matrix: Matrix, installs: Sequence[Gathered], specification: Specification) -> list[dict[str, Any]]:
    """Return what stands behind the cells: an object per chapter, by clause, in the order of `summary`."""
    chapters: dict[str, dict[str, Any]] = {}
    writer = _Details(matrix, installs, specification)
    for clause in matrix.letters:
        chapters.setdefault(clause.partition(".")[0], {})[shown(clause)] = writer.of(clause)
    return list(chapters.values())


class _Details:
    def __init__(self, matrix: Matrix, installs: Sequence[Gathered], specification: Specification) -> None:
        self._matrix = matrix
        self._installs = installs
        self._specification = specification
        self._left = _BUDGET

    def of(self, clause: str) -> dict[str, Any]:
        """Return all there is to say about a clause."""
        present = [
            (number, column)
            for number, column in enumerate(self._matrix.columns)
            if self._matrix.letters[clause][number] != ABSENT
        ]
        cells = [self._installs[index].cells.get((clause, device, dtype)) for _, (index, device, dtype) in present]
        failures, more = self._failures(clause)
        return self._facts(clause) | {
            "reasons": self._reasons(clause, present),
            "tests": list(dict.fromkeys(shown(cell.test.partition("[")[0]) for cell in cells if cell)),
            "columns": [number for number, _ in present],
            "comparisons": [cell.comparisons if cell else None for cell in cells],
            "examples": [cell.examples if cell else None for cell in cells],
            "seconds": [round(cell.seconds, 4) if cell else None for cell in cells],
            "inputs": _same_inputs(cells),
            "worst": [
                [number, *_distance(cell, index)]
                for (number, _), cell in zip(present, cells, strict=True)
                if cell
                for index in range(len(cell.worst))
            ],
            "failures": failures,
            "more": more,
        }

    def _facts(self, identifier: str) -> dict[str, Any]:
        clause = self._specification.clauses.get(identifier)
        if clause is None:
            return {"known": False}
        bounds = [
            [bound.operation, bound.dtypes, bound.device or "", bound.describe(), bound.basis, bound.argument]
            for bound in self._specification.bounds
            if bound.serves(identifier)
        ]
        facts = {
            "level": clause.level,
            "basis": clause.basis,
            "kind": clause.kind,
            "source": clause.source,
            "url": clause.url if clause.url.startswith("https://") else "",
            "seed": clause.seed,
            "since": clause.since,
            "until": clause.until,
            "note": clause.note,
            "faults": list(clause.faults),
        }
        return {"known": True, "bounds": bounds} | {key: value for key, value in facts.items() if value}

    def _reasons(self, clause: str, present: list[tuple[int, Column]]) -> list[list[Any]]:
        """Return why cells are not as documented, as far as no failure tells, each reason once with its cells."""
        grouped: dict[tuple[str, str], list[int]] = {}
        for number, (index, device, dtype) in present:
            state, reason = self._installs[index].states[clause, device, dtype]
            if state not in ("pass", "not-run") and reason:
                grouped.setdefault((LETTERS[state][0], shown(reason)), []).append(number)
        return [[letter, reason, numbers] for (letter, reason), numbers in list(grouped.items())[:_REASONS]]

    def _failures(self, clause: str) -> tuple[list[dict[str, Any]], int]:
        """Return the failures to show, and how many there are beside them."""
        found = []
        total = 0
        for index, install in enumerate(self._installs):
            failures = install.failures.get(clause, [])
            total += len(failures)
            for failure in _different(failures)[:_FAILURES_OF_A_CLAUSE]:
                fields = self._failure(failure, index)
                size = sum(len(value) for value in fields.values() if isinstance(value, str))
                if size <= self._left:
                    self._left -= size
                    found.append(fields)
        return found, total - len(found)

    def _failure(self, failure: Failure, index: int) -> dict[str, Any]:
        install = self._installs[index]
        column = (
            self._matrix.columns.index((index, failure.device, failure.dtype)) if self._known(failure, index) else None
        )
        whole = len(failure.script) <= DATA_SCRIPT
        return {
            "column": column,
            "waived": install.states.get((failure.clause, failure.device, failure.dtype), ("", ""))[0] == "waived",
            "signature": shown(failure.signature),
            "diagnosis": shown(failure.diagnosis),
            "statement": shown(failure.statement),
            "inputs": [
                [shown(each.name), shown(each.dtype), shown(each.text), _layout(each), shown(each.bits)]
                for each in failure.inputs[:_INPUTS]
            ],
            "expected": shown(failure.expected, BLOCK),
            "observed": shown(failure.observed, BLOCK),
            "first": failure.first_index,
            "mismatches": failure.mismatches,
            "elements": failure.elements,
            "ulp": failure.ulp,
            "script": visible(failure.script) if whole else "",
            "reproduced": shown(failure.reproduced),
            "traceback": shown(failure.traceback, BLOCK),
            "issue": drafts.issue(failure, install.run, self._specification),
            "waiver": drafts.waiver(failure, install.run),
        }

    def _known(self, failure: Failure, index: int) -> bool:
        return (failure.clause, failure.device, failure.dtype) in self._installs[index].states


def _different(failures: list[Failure]) -> list[Failure]:
    """Return failures with one of each signature first."""
    first: dict[str, Failure] = {}
    for each in failures:
        first.setdefault(each.signature, each)
    chosen = {id(each) for each in first.values()}
    return [*first.values(), *(each for each in failures if id(each) not in chosen)]


def _same_inputs(cells: list[Cell | None]) -> list[int | None]:
    """Return a number per cell, the same one for cells whose inputs have the same fingerprint."""
    sets: dict[str, int] = {}
    return [sets.setdefault(each.fingerprint, len(sets)) if each and each.fingerprint else None for each in cells]


def _layout(each: Any) -> str:
    return f"size {each.size}, stride {each.stride}, offset {each.offset}" if each.bits else ""


def _distance(cell: Cell, index: int) -> list[Any]:
    worst_error = cell.worst[index]
    distance = Distance("", "", "", "", worst_error.ulp, worst_error.bound, "", "")
    return [shown(worst_error.operation), worst_error.ulp, worst_error.bound, distance.share, shown(worst_error.input)]


@dataclasses.dataclass(frozen=True)
class ChapterRow:
    """A chapter with the cells of each column group by state, for the part of the page that needs no script."""

    name: str
    title: str
    clauses: int
    counts: Counter[str]
    groups: list[Counter[str]]

    @property
    def worst(self) -> str:
        """The worst state of its cells."""
        return worst(self.counts)


def groups(matrix: Matrix, installs: Sequence[Gathered]) -> tuple[str, list[str], list[int]]:
    """Return the axis that the columns are rolled up by at first, its names, and the group of each column."""
    devices = list(dict.fromkeys(device for _, device, _ in matrix.columns))
    dtypes = list(dict.fromkeys(dtype for _, _, dtype in matrix.columns))
    if len(installs) > 1:
        return "install", [install.label for install in installs], [index for index, _, _ in matrix.columns]
    if len(devices) > 1:
        return "device", devices, [devices.index(device) for _, device, _ in matrix.columns]
    names = ["any dtype" if name == "-" else name for name in dtypes]
    return "dtype", names, [dtypes.index(dtype) for _, _, dtype in matrix.columns]


def chapter_rows(matrix: Matrix, installs: Sequence[Gathered], specification: Specification) -> list[ChapterRow]:
    """Return a row per chapter, with the columns rolled up as `groups` says."""
    titles = {chapter.name: chapter.title for chapter in specification.chapters}
    _, names, group_of = groups(matrix, installs)
    states = {letter: state for state, (letter, _) in LETTERS.items()}
    rows: dict[str, ChapterRow] = {}
    for clause, letters in matrix.letters.items():
        name = clause.partition(".")[0]
        fresh = ChapterRow(name, titles.get(name, name), 0, Counter(), [Counter() for _ in names])
        row = rows.get(name, fresh)
        for letter, group in zip(letters, group_of, strict=True):
            if letter != ABSENT:
                row.groups[group][states[letter]] += 1
        rows[name] = dataclasses.replace(row, clauses=row.clauses + 1, counts=row.counts + matrix.counts[clause])
    return list(rows.values())
