"""The records of one install, sorted for the page."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from torch_conformance.reports.outcome.states import states
from torch_conformance.reports.outcome.verdict import Key, Verdict, judge, key_of
from torch_conformance.reports.records.model import Cell, End, Event, Failure, Picture, Record, Run, Surface
from torch_conformance.reports.text import one_line
from torch_conformance.spec import Specification

_LABEL = 60


@dataclasses.dataclass(frozen=True)
class Install:
    """What was judged in one run, under the name that the page gives it.

    Attributes:
        label: A short name, such as "torch 2.13.0"; the page numbers labels that occur twice.
        records: The records of its run.
        truncated: Whether the last line of its file was cut off.
    """

    label: str
    records: Sequence[Record]
    truncated: bool = False


@dataclasses.dataclass(frozen=True)
class Gathered:
    """An install with its records by what they are.

    Attributes:
        label: Its name on the page, safe to show and different from every other.
        verdict: What its records amount to.
        run: The record of the run; None for records without one.
        states: State and reason of each cell.
        cells: The record of each cell that has one.
        failures: Failures of each clause, those worth showing first.
        pictures: In the order in which they came.
        surface: Public callables of its torch.
        events: What happened beside the cells.
        seconds: How long the run took; None for one that was not closed.
    """

    label: str
    verdict: Verdict
    run: Run | None
    states: dict[Key, tuple[str, str]]
    cells: dict[Key, Cell]
    failures: dict[str, list[Failure]]
    pictures: list[Picture]
    surface: frozenset[str]
    events: list[Event]
    seconds: float | None


def gather(installs: Sequence[Install], specification: Specification) -> list[Gathered]:
    """Return the installs with their records sorted.

    Raises:
        ValueError: For no install at all.
    """
    if not installs:
        raise ValueError("a page needs the records of at least one run")
    taken: dict[str, int] = {}
    gathered = []
    for install in installs:
        label = one_line(install.label, _LABEL) or "run"
        taken[label] = taken.get(label, 0) + 1
        unique = label if taken[label] == 1 else f"{label} ({taken[label]})"
        gathered.append(_gather_one(unique, install, specification))
    return gathered


def _gather_one(label: str, install: Install, specification: Specification) -> Gathered:
    found = Gathered(
        label=label,
        verdict=judge(install.records, specification),
        run=next((each for each in install.records if isinstance(each, Run)), None),
        states=states(install.records),
        cells={},
        failures={},
        pictures=[each for each in install.records if isinstance(each, Picture)],
        surface=frozenset(name for each in install.records if isinstance(each, Surface) for name in each.names if name),
        events=[each for each in install.records if isinstance(each, Event)],
        seconds=next((each.seconds for each in install.records if isinstance(each, End)), None),
    )
    for record in install.records:
        if isinstance(record, Cell):
            found.cells[key_of(record)] = record
        elif isinstance(record, Failure):
            found.failures.setdefault(record.clause, []).append(record)
    for failures in found.failures.values():
        failures.sort(key=_worth)
    return found


def _worth(failure: Failure) -> tuple[bool, int]:
    """Sort failures that were reproduced before others, and small ones before large ones."""
    return failure.reproduced.startswith(("not replayed", "0/")), failure.elements
