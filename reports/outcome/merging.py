"""Put the shards of a run together: one plan, one verdict, one file; and refuse what is no part of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from torch_conformance.reports.outcome.resuming import difference
from torch_conformance.reports.outcome.verdict import Key, deviates, key_of
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
    Surface,
    Writer,
)

# Shards run on nodes of one kind, which have names and loads of their own.
_FREE = ("--shard", "the selection", "the platform", "the environment variables")


class MergeError(ValueError):
    """Results that do not belong together; one sentence."""


class Part(msgspec.Struct, frozen=True):
    """The records of one results file, with the name that messages give it."""

    name: str
    records: Sequence[Record]

    @property
    def run(self) -> Run:
        """The record of the run."""
        return next(each for each in self.records if isinstance(each, Run))

    @property
    def shard(self) -> tuple[int, int]:
        """Which of how many; (1, 1) for a run that is no shard."""
        number, _, count = self.run.selection.get("shard", "1/1").partition("/")
        return (int(number), int(count)) if number.isdigit() and count.isdigit() else (1, 1)


def is_shard(part: Part) -> bool:
    """Whether a file holds one of several shards."""
    return part.shard[1] > 1


def merged(parts: Iterable[Part]) -> list[Record]:
    """Return the records of the run whose shards these are, the same for every order in which they come.

    A cell that several shards ran counts once, the worse result of them, and where they differ an event tells so. A
    shard that is missing makes the run incomplete, by an event that names it.

    Raises:
        MergeError: When they are shards of different runs or installs, or one comes twice.
    """
    ordered = sorted(parts, key=lambda part: part.shard)
    first = ordered[0]
    for part in ordered[1:]:
        _check_fits(first, part)
    for one, other in itertools.pairwise(ordered):
        if one.shard == other.shard:
            raise MergeError(
                f"{one.name} and {other.name} are both shard {one.shard[0]}/{one.shard[1]}; give one of them"
            )
    plan = _plan(ordered)
    body = [*_cells(ordered), *_others(ordered), *_disagreements(ordered), *_missing(ordered)]
    return [_run(ordered), plan, *body, *_end(ordered, body)]


def _check_fits(first: Part, part: Part) -> None:
    if part.shard[1] != first.shard[1]:
        counts = f"one of {first.shard[1]} and one of {part.shard[1]}"
        raise MergeError(f"{first.name} and {part.name} are shards of different cuts ({counts}); merge those of one")
    found = difference(first.run, part.run, _FREE)
    if found is not None:
        raise MergeError(f"{part.name} is no shard of the run of {first.name}: {found}")


def _run(parts: Sequence[Part]) -> Run:
    runs = [part.run for part in parts]
    selection = {name: value for name, value in runs[0].selection.items() if name not in ("shard", "identity")}
    return msgspec.structs.replace(
        runs[0],
        started=min(run.started for run in runs),
        workers=sum(run.workers for run in runs),
        command=["torch-conformance", "merge"],
        selection=selection,
    )


def _plan(parts: Sequence[Part]) -> Plan:
    plans = [each for part in parts for each in part.records if isinstance(each, Plan)]
    cells: dict[Key, PlannedCell] = {key_of(each): each for plan in plans for each in plan.cells}
    inapplicable: dict[Key, Inapplicable] = {key_of(each): each for plan in plans for each in plan.inapplicable}
    return Plan(cells=list(cells.values()), inapplicable=list(inapplicable.values()))


def _cells(parts: Sequence[Part]) -> Iterator[Record]:
    """Yield each cell once, with its failure and its pictures behind it."""
    results: dict[Key, tuple[Cell, Part]] = {}
    for part in parts:
        for cell in _last_results(part).values():
            key = key_of(cell)
            before = results.get(key)
            if before is not None:
                _check_same_inputs(key, before[0], cell)
            if before is None or (deviates(cell) and not deviates(before[0])):
                results[key] = (cell, part)
    for key, (cell, part) in results.items():
        yield cell
        yield from (each for each in part.records if isinstance(each, Failure | Picture) and key_of(each) == key)


def _last_results(part: Part) -> dict[Key, Cell]:
    """Return what became of each cell at last: a resumed run tries lost ones again."""
    return {key_of(each): each for each in part.records if isinstance(each, Cell)}


def _check_same_inputs(key: Key, one: Cell, other: Cell) -> None:
    if one.fingerprint and other.fingerprint and one.fingerprint != other.fingerprint:
        raise MergeError(f"{' '.join(key)} had different inputs in two shards: they are not of one run")


def _others(parts: Sequence[Part]) -> Iterator[Record]:
    surfaces = [each for part in parts for each in part.records if isinstance(each, Surface)]
    yield from surfaces[:1]
    told: set[Event] = set()
    for part in parts:
        number, count = part.shard
        for each in part.records:
            if isinstance(each, Event) and each.kind == "drift":
                same = Event(kind="drift", message=each.message, cell=None, time="")
                if same not in told:
                    told.add(same)
                    yield same
            elif isinstance(each, Event) and each.kind != "resumed":
                yield msgspec.structs.replace(each, message=f"shard {number}/{count}: {each.message}")


def _disagreements(parts: Sequence[Part]) -> Iterator[Event]:
    """Yield an event for each cell that equal installs judged differently: one of their machines computes wrongly."""
    results: dict[Key, tuple[Cell, Part]] = {}
    for part in parts:
        for key, cell in _last_results(part).items():
            if cell.execution != "completed":
                continue
            before, home = results.setdefault(key, (cell, part))
            if before.verdict != cell.verdict:
                said = " and ".join(
                    f"{each.verdict} in shard {_place(at)}" for each, at in ((before, home), (cell, part))
                )
                message = f"{' '.join(key)}: {said}, with equal inputs on equal installs; suspect one of the machines"
                yield Event(kind="disagreement", message=message, cell=None, time="")


def _place(part: Part) -> str:
    return "/".join(map(str, part.shard))


def _missing(parts: Sequence[Part]) -> Iterator[Record]:
    """Yield an event for each shard that is not there, or was not closed."""
    count = parts[0].shard[1]
    present = {part.shard[0] for part in parts}
    for number in sorted(set(range(1, count + 1)) - present):
        message = f"shard {number}/{count} is missing: run it, and merge again"
        yield Event(kind="missing-shard", message=message, cell=None, time="")
    for part in parts:
        if not isinstance(part.records[-1], End):
            message = f"shard {part.shard[0]}/{count} was not run to its end: resume it, and merge again"
            yield Event(kind="missing-shard", message=message, cell=None, time="")


def _end(parts: Sequence[Part], body: Sequence[Record]) -> Iterator[End]:
    ends = [part.records[-1] for part in parts]
    closing = [each for each in ends if isinstance(each, End)]
    if closing:
        cells = [each for each in body if isinstance(each, Cell)]
        yield End(
            digest="",
            finished=max(each.finished for each in closing),
            seconds=max(each.seconds for each in closing),
            cpu_seconds=round(sum(each.cpu_seconds for each in closing), 3),
            cells=len(cells),
            failures=sum(isinstance(each, Failure) for each in body),
            comparisons=sum(each.comparisons for each in cells),
        )


def write(found: Iterable[Record], path: Path) -> None:
    """Write the records of a merged run as a results file.

    Raises:
        RecordError: When it cannot be written.
    """
    with Writer(path) as writer:
        for record in found:
            writer.write(record)


def label(part: Part) -> str:
    """Return a short name for the install of a run."""
    return f"torch-{part.run.torch.version}"


def installs(parts: Iterable[Part]) -> list[list[Part]]:
    """Return shards grouped by what they judged, as `difference` sees it."""
    groups: list[list[Part]] = []
    for part in parts:
        home = next((group for group in groups if difference(group[0].run, part.run, _FREE) is None), None)
        if home is None:
            groups.append([part])
        else:
            home.append(part)
    return groups


def complete(parts: Sequence[Part]) -> bool:
    """Whether each shard of a run is there."""
    return {part.shard[0] for part in parts} == set(range(1, parts[0].shard[1] + 1))
