"""HTML for a report built on pytest-html: the verdict, the clauses with their cells, and each failure.

pytest-html keeps the table of single tests and its filters; what it has no place for (a verdict, clauses, grids of
cells) stands above that table. Every text is escaped by the templates: device names, messages and inputs are data,
never markup. Nothing here needs a script.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from torch_conformance.reports.records import Cell, Event, Failure, Plan, Record, Run
from torch_conformance.reports.verdict import judge
from torch_conformance.spec import Specification

LETTERS = {
    "pass": ("P", "as documented"),
    "fail": ("F", "deviates"),
    "unsupported": ("U", "unsupported"),
    "inapplicable": ("I", "inapplicable"),
    "vacuous": ("V", "vacuous"),
    "lost": ("C", "crashed or lost"),
    "not-run": ("N", "not run"),
}
_WORST = ("fail", "lost", "not-run", "vacuous", "unsupported", "inapplicable", "pass")

Key = tuple[str, str, str]


@functools.cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("torch_conformance.reports")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)


def _render(template: str, **content: Any) -> str:
    return _environment().get_template(template).render(letters=LETTERS, **content)


def states(records: Iterable[Record]) -> dict[Key, tuple[str, str]]:
    """Return the state of every planned and inapplicable cell, a key of LETTERS, with its reason."""
    found: dict[Key, tuple[str, str]] = {}
    for record in records:
        if isinstance(record, Plan):
            for planned in record.cells:
                found[planned.clause, planned.device, planned.dtype] = ("not-run", "planned, and not run")
            for each in record.inapplicable:
                found[each.clause, each.device, each.dtype] = ("inapplicable", each.reason)
        elif isinstance(record, Cell):
            state = record.verdict if record.execution == "completed" else "lost"
            found[record.clause, record.device, record.dtype] = (state, record.reason)
    return found


def _grid(cells: dict[tuple[str, str], tuple[str, str]]) -> dict[str, Any]:
    devices = list(dict.fromkeys(device for device, _ in cells))
    dtypes = list(dict.fromkeys(dtype for _, dtype in cells))
    return {"devices": devices, "dtypes": dtypes, "cells": cells}


def _clauses(records: list[Record], specification: Specification) -> list[dict[str, Any]]:
    by_clause: dict[str, dict[tuple[str, str], tuple[str, str]]] = {}
    for (clause, device, dtype), state in states(records).items():
        by_clause.setdefault(clause, {})[device, dtype] = state
    failures: dict[str, list[Failure]] = {}
    for record in records:
        if isinstance(record, Failure):
            failures.setdefault(record.clause, []).append(record)
    rows = []
    for identifier, cells in by_clause.items():
        counts = Counter(state for state, _ in cells.values())
        worst = next(state for state in _WORST if counts[state])
        rows.append(
            {
                "id": identifier,
                "chapter": identifier.partition(".")[0],
                "clause": specification.clauses.get(identifier),
                "grid": _grid(cells),
                "counts": counts,
                "worst": worst,
                "failures": _representative(failures.get(identifier, [])),
                "more": max(0, len(failures.get(identifier, [])) - _SHOWN_FAILURES),
            }
        )
    return sorted(rows, key=lambda row: _WORST.index(row["worst"]))


_SHOWN_FAILURES = 3


def _representative(failures: list[Failure]) -> list[Failure]:
    """Return the failures to show in full: replayed ones first."""
    return sorted(failures, key=lambda failure: failure.reproduced == "not replayed")[:_SHOWN_FAILURES]


def _chapters(rows: list[dict[str, Any]], specification: Specification) -> list[dict[str, Any]]:
    titles = {chapter.name: chapter.title for chapter in specification.chapters}
    chapters: dict[str, dict[str, Any]] = {}
    for name in (*titles, *(row["chapter"] for row in rows)):
        chapters.setdefault(name, {"name": name, "title": titles.get(name, name), "rows": [], "counts": Counter()})
    for row in rows:
        chapters[row["chapter"]]["rows"].append(row)
        chapters[row["chapter"]]["counts"] += row["counts"]
    return [chapter for chapter in chapters.values() if chapter["rows"]]


def summary_html(records: list[Record], specification: Specification) -> str:
    """Return the verdict, the environment, the counts per chapter, and every clause with its cells and failures."""
    rows = _clauses(records, specification)
    return _render(
        "summary.html.j2",
        verdict=judge(records),
        run=next((record for record in records if isinstance(record, Run)), None),
        events=[record for record in records if isinstance(record, Event)],
        style=style(),
        failing=[row for row in rows if row["worst"] == "fail"],
        chapters=_chapters(rows, specification),
    )


def failure_html(failure: Failure) -> str:
    """Return one failure: diagnosis, inputs, expected and observed, script."""
    return _render("failure.html.j2", failure=failure)


def header_cells() -> list[str]:
    """Return the heads of the columns that pytest-html's table gets."""
    return [f"<th>{name}</th>" for name in ("Clause", "Device", "Dtype")]


def row_cells(clause: str, device: str, dtype: str) -> list[str]:
    """Return a row's columns."""
    return [str(Markup("<td>{}</td>").format(text)) for text in (clause, device, dtype)]


@functools.cache
def style() -> str:
    """Return the style sheet of the fragments."""
    return Path(__file__).with_name("templates").joinpath("style.css").read_text(encoding="utf-8")
