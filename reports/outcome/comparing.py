"""What changed between runs: cells that deviate now, that no longer do, that came or went, and results that drifted."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from torch_conformance.reports.outcome.merging import Part
from torch_conformance.reports.outcome.states import WORST_FIRST, states
from torch_conformance.reports.outcome.verdict import Key, key_of
from torch_conformance.reports.records.model import Cell, Failure

Kind = Literal[
    "newly-deviating", "newly-lost", "newly-unsupported", "drifted", "worse", "better", "fixed", "added", "removed"
]
WORSE: tuple[Kind, ...] = ("newly-deviating", "newly-lost", "newly-unsupported", "worse", "drifted", "removed")
TITLES: Mapping[Kind, str] = {
    "newly-deviating": "Newly deviating",
    "newly-lost": "Newly crashed, lost or not run",
    "newly-unsupported": "Newly unsupported",
    "worse": "Worse in another way",
    "drifted": "Further from the reference, within the bound",
    "removed": "No longer there",
    "added": "New",
    "fixed": "Deviating before, and no longer",
    "better": "Better in another way",
}
# How much of its bound an error must have gained to be called drift, and by which factor it must have grown.
_GAINED, _GREW = 0.1, 2.0
_LOST = ("lost", "not-run", "vacuous")


@dataclasses.dataclass(frozen=True)
class Change:
    """A cell that is not what it was.

    Attributes:
        kind: In which way.
        key: Clause, device and dtype.
        before: Its state, a key of `states.LETTERS`; empty where it was not there.
        after: Likewise.
        detail: The diagnosis, the reason, or the two errors.
    """

    kind: Kind
    key: Key
    before: str
    after: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs beside each other.

    Attributes:
        before: Name of the earlier one.
        after: Name of the later one.
        obstacles: What keeps them from being compared cell by cell, in sentences.
        caveats: What they do not have in common, and a reader must know.
        changes: The cells that changed, the worst first.
        unequal: How many cells had other inputs: their errors are not compared.
    """

    before: str
    after: str
    obstacles: tuple[str, ...]
    caveats: tuple[str, ...]
    changes: tuple[Change, ...]
    unequal: int

    @property
    def exit_code(self) -> int:
        """0: nothing got worse; 1: something did; 2: these cannot be compared."""
        if self.obstacles:
            return 2
        return 1 if any(change.kind in WORSE for change in self.changes) else 0


def compare(before: Part, after: Part) -> Comparison:
    """Return what changed from one run to the next."""
    obstacles = tuple(_obstacles(before, after))
    caveats = tuple(_caveats(before, after))
    if obstacles:
        return Comparison(before.name, after.name, obstacles, caveats, (), 0)
    then, now = _cells(before), _cells(after)
    unequal = {key for key in then.keys() & now.keys() if then[key].fingerprint != now[key].fingerprint}
    changes = [*_state_changes(before, after), *_drifts(then, now, unequal)]
    changes.sort(key=lambda change: (list(TITLES).index(change.kind), change.key))
    return Comparison(before.name, after.name, obstacles, caveats, tuple(changes), len(unequal))


def _obstacles(before: Part, after: Part) -> Iterator[str]:
    then, now = before.run, after.run
    if then.manifest != now.manifest:
        yield (
            f"{before.name} and {after.name} were judged by different specifications "
            f"({then.manifest[:12]} and {now.manifest[:12]}); judge both by one suite"
        )
    if then.profile != now.profile:
        profiles = f"{before.name} is a run of profile {then.profile}, {after.name} of {now.profile}"
        yield f"{profiles}; compare runs of one profile"


def _caveats(before: Part, after: Part) -> Iterator[str]:
    then, now = before.run, after.run
    facts = (
        ("seed", then.seed, now.seed),
        ("torch", then.torch.version, now.torch.version),
        ("Python", then.python, now.python),
        ("NumPy", then.numpy, now.numpy),
        ("Hypothesis", then.hypothesis, now.hypothesis),
        ("processor", then.cpu_model, now.cpu_model),
        ("CPU capability", then.cpu_capability, now.cpu_capability),
        ("devices", _devices(before), _devices(after)),
    )
    for name, one, other in facts:
        if one != other:
            yield f"{name}: {one}, then {other}"


def _devices(part: Part) -> str:
    return ", ".join(f"{device.name} {device.model}".strip() for device in part.run.devices)


def _cells(part: Part) -> dict[Key, Cell]:
    return {key_of(each): each for each in part.records if isinstance(each, Cell)}


def _state_changes(before: Part, after: Part) -> Iterator[Change]:
    then, now = states(before.records), states(after.records)
    diagnoses = {key_of(each): each.diagnosis for each in after.records if isinstance(each, Failure)}
    for key in sorted(then.keys() | now.keys()):
        was, (state, reason) = then.get(key, ("", ""))[0], now.get(key, ("", ""))
        if was == state:
            continue
        yield Change(_kind(was, state), key, was, state, diagnoses.get(key) or reason)


def _kind(was: str, state: str) -> Kind:
    """Return in which way a state changed."""
    named: tuple[tuple[Kind, bool], ...] = (
        ("removed", not state),
        ("newly-deviating", state == "fail"),
        ("newly-lost", state in _LOST and was not in _LOST),
        ("added", not was),
        ("fixed", was == "fail"),
        ("newly-unsupported", state == "unsupported"),
    )
    fallback: Kind = "worse" if WORST_FIRST.index(state or "pass") < WORST_FIRST.index(was or "pass") else "better"
    return next((kind for kind, holds in named if holds), fallback)


def _drifts(then: Mapping[Key, Cell], now: Mapping[Key, Cell], unequal: set[Key]) -> Iterator[Change]:
    """Yield the operations whose largest error grew, on equal inputs, by a factor and by a part of its bound."""
    for key in sorted((then.keys() & now.keys()) - unequal):
        errors = {each.operation: each.ulp for each in then[key].worst}
        for each in now[key].worst:
            was, became = errors.get(each.operation), each.ulp
            if was is None or became is None:
                continue
            if became > _GREW * was and became - was > _GAINED * each.bound:
                detail = f"{each.operation}: {was:.3g} ULP, then {became:.3g}, of {each.bound:.3g} allowed"
                yield Change("drifted", key, "pass", "pass", detail)


def compare_all(parts: Sequence[Part]) -> list[Comparison]:
    """Return what changed from each run to the next."""
    return [compare(one, other) for one, other in itertools.pairwise(parts)]
