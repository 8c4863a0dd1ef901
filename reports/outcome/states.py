"""The one letter and the few words that a report has for each state of a cell, and which state is worse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch_conformance.reports.outcome.verdict import Key, key_of, state_of
from torch_conformance.reports.records.model import Cell, Plan, Record

LETTERS = {
    "pass": ("P", "as documented"),
    "fail": ("F", "deviates"),
    "waived": ("W", "deviates, waived"),
    "unsupported": ("U", "unsupported"),
    "inapplicable": ("I", "inapplicable"),
    "vacuous": ("V", "vacuous"),
    "lost": ("C", "crashed or lost"),
    "not-run": ("N", "not run"),
}
WORST_FIRST = ("fail", "lost", "not-run", "vacuous", "waived", "unsupported", "inapplicable", "pass")


def worst(counts: Mapping[str, int]) -> str:
    """Return the worst state that occurs; "not-run" where none does."""
    return next((state for state in WORST_FIRST if counts.get(state)), "not-run")


def states(records: Iterable[Record]) -> dict[Key, tuple[str, str]]:
    """Return the state of every planned and inapplicable cell, a key of LETTERS, with its reason."""
    found: dict[Key, tuple[str, str]] = {}
    results: dict[Key, tuple[str, str]] = {}
    for record in records:
        if isinstance(record, Plan):
            found |= {key_of(each): ("not-run", "planned, and not run") for each in record.cells}
            found |= {key_of(each): ("inapplicable", each.reason) for each in record.inapplicable}
        elif isinstance(record, Cell):
            state = state_of(record)
            reason = f"{record.execution}: {record.reason}" if state == "lost" else record.reason
            results[key_of(record)] = (state, reason)
    return found | results
