"""What of a results file is kept when its run goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from torch_conformance.reports.outcome.verdict import Key, key_of
from torch_conformance.reports.records.model import Cell, End, Failure, Picture, Plan, Record, RecordError, Run
from torch_conformance.reports.records.reading import read

_SHOWN = 60


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """A run that can go on.

    Attributes:
        records: Those that are kept, the first of them the run's.
        length: How many bytes they take: what comes after them is half a line, or a failing cell without its failure.
    """

    records: list[Record]
    length: int

    @property
    def run(self) -> Run:
        """The record of the run."""
        run = self.records[0]
        if not isinstance(run, Run):
            raise TypeError("a results file begins with the record of its run")
        return run

    @property
    def planned(self) -> tuple[Key, ...] | None:
        """The cells of the plan; None where the run ended before there was one."""
        plans = [each for each in self.records if isinstance(each, Plan)]
        return tuple(key_of(each) for each in plans[0].cells) if plans else None

    @property
    def cells(self) -> dict[Key, Cell]:
        """What became of each cell at last."""
        return {key_of(each): each for each in self.records if isinstance(each, Cell)}

    @property
    def left(self) -> frozenset[Key] | None:
        """The cells to run: those that were not, and those that were lost. None for all."""
        if self.planned is None:
            return None
        completed = {key for key, cell in self.cells.items() if cell.execution == "completed"}
        return frozenset(self.planned) - completed

    @property
    def seconds(self) -> tuple[float, float]:
        """Wall and CPU time so far, as far as they were recorded."""
        ends = [each for each in self.records if isinstance(each, End)]
        return sum(each.seconds for each in ends), sum(each.cpu_seconds for each in ends)


def unfinished(path: Path) -> Unfinished:
    """Return what a run that was killed or interrupted has left.

    Raises:
        RecordError: When that is nothing, or not to be believed.
    """
    found = _without_half_a_failure(read(path).records)
    with path.open("rb") as file:
        lines = [file.readline() for _ in found]
    if lines and not lines[-1].endswith(b"\n"):
        found, lines = found[:-1], lines[:-1]
    if not found:
        raise RecordError(f"{path}: ends before its first record does")
    return Unfinished(found, sum(map(len, lines)))


def _without_half_a_failure(found: list[Record]) -> list[Record]:
    """Leave out a last cell that fails, with its pictures, where the run was killed before its failure was written."""
    kept = len(found)
    while kept and isinstance(found[kept - 1], Picture):
        kept -= 1
    last = found[kept - 1] if kept else None
    described = {key_of(each) for each in found if isinstance(each, Failure)}
    if isinstance(last, Cell) and last.verdict == "fail" and key_of(last) not in described:
        return found[: kept - 1]
    return found


_SAME: tuple[tuple[str, Callable[[Run], Any]], ...] = (
    ("torch-conformance", lambda run: run.suite),
    ("the specification", lambda run: run.manifest),
    ("--profile", lambda run: run.profile),
    ("--seed", lambda run: run.seed),
    ("--device", lambda run: run.selection.get("device", "")),
    ("--dtype", lambda run: run.selection.get("dtype", "")),
    ("--clause", lambda run: run.selection.get("clause", "")),
    ("--shard", lambda run: run.selection.get("shard", "")),
    ("--waivers", lambda run: run.selection.get("waivers", "")),
    ("the selection", lambda run: run.selection),
    ("torch", lambda run: run.torch.version),
    ("torch's commit", lambda run: run.torch.git),
    ("Python", lambda run: run.python),
    ("NumPy", lambda run: run.numpy),
    ("Hypothesis", lambda run: run.hypothesis),
    ("the platform", lambda run: run.platform),
    ("the processor", lambda run: run.cpu_model),
    ("the CPU capability", lambda run: run.cpu_capability),
    ("the number of threads", lambda run: run.threads),
    # After the facts of the processor, which it repeats.
    ("torch's build", lambda run: run.torch.config),
    ("the devices", lambda run: run.devices),
    ("the environment variables", lambda run: run.environment),
)


def difference(then: Run, now: Run, free: Container[str] = ()) -> str | None:
    """Say what makes another run of two, or None: results of different installs do not go into one verdict.

    Args:
        then: A run.
        now: Another.
        free: Names of facts that may differ.
    """
    for name, fact in _SAME:
        if name in free:
            continue
        before, after = str(fact(then)), str(fact(now))
        if before != after:
            if max(len(before), len(after)) > _SHOWN:
                return f"{name} differs"
            return f"{name} was {before or 'not given'} and is {after or 'not given'}"
    return None
