"""HTML for a report built on pytest-html: the verdict, the clauses with their cells, and each failure.

pytest-html keeps the table of single tests and its filters; what it has no place for (a verdict, clauses, grids of
cells) stands above that table. Every text is escaped by the templates, and what a reader could not see in it is
written out: device names, messages and inputs are data, never markup. Nothing here needs a script.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from torch_conformance.reports.records import Cell, Event, Failure, Plan, Record, Run
from torch_conformance.reports.text import cut, visible
from torch_conformance.reports.verdict import judge, key_of, state_of
from torch_conformance.spec import Specification

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
_WORST = ("fail", "lost", "not-run", "vacuous", "waived", "unsupported", "inapplicable", "pass")
_SHOWN_FAILURES = 3
_EXPANDED_CLAUSES = 20
_SHOWN_EVENTS = 50
# What a text may take of the page; results.jsonl has all of it. Scripts are shown whole: they are there to be run.
_LINE, _BLOCK, _SCRIPT = 400, 4000, 200_000

Key = tuple[str, str, str]


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _web_address(text: str) -> str:
    """Return a link's target, or nothing where it is none on the web."""
    return text if text.startswith("https://") else ""


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("torch_conformance.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {"cut": cut, "anchor": anchor, "web_address": _web_address}
    environment.globals |= {"letters": LETTERS, "LINE": _LINE, "BLOCK": _BLOCK, "SCRIPT": _SCRIPT}
    return environment


def _render(template: str, **content: Any) -> str:
    return _environment().get_template(template).render(**content)


def anchor(clause: str) -> str:
    """Return the fragment identifier of a clause in the report: "clause-" and its id."""
    return f"clause-{re.sub(r'[^A-Za-z0-9.-]', '-', cut(clause, _LINE))}"


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


def _grid(cells: Mapping[tuple[str, str], tuple[str, str]]) -> dict[str, Any]:
    devices = list(dict.fromkeys(device for device, _ in cells))
    dtypes = list(dict.fromkeys(dtype for _, dtype in cells))
    return {"devices": devices, "dtypes": dtypes, "cells": cells}


def _reasons(cells: Mapping[tuple[str, str], tuple[str, str]]) -> list[dict[str, Any]]:
    """Return why cells are not as documented, as far as no failure tells, each reason once, with its cells."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for (device, dtype), (state, reason) in cells.items():
        if state not in ("pass", "not-run") and reason:
            grouped.setdefault((state, reason), []).append(device if dtype == "-" else f"{device} {dtype}")
    return [{"state": state, "reason": reason, "cells": names} for (state, reason), names in grouped.items()]


def _clauses(records: list[Record], specification: Specification) -> list[dict[str, Any]]:
    """Return a row per clause, the worst state first."""
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
        found = failures.get(identifier, [])
        rows.append(
            {
                "id": identifier,
                "chapter": identifier.partition(".")[0],
                "clause": specification.clauses.get(identifier),
                "grid": _grid(cells),
                "reasons": _reasons(cells),
                "counts": counts,
                "worst": next(state for state in _WORST if counts[state]),
                "failures": _representative(found),
                "more": max(0, len(found) - _SHOWN_FAILURES),
            }
        )
    return sorted(rows, key=lambda row: _WORST.index(row["worst"]))


def _representative(failures: list[Failure]) -> list[Failure]:
    """Return the failures to show in full: reproduced ones first, small ones before large ones."""
    replayed = ("not replayed", "0/")
    return sorted(failures, key=lambda each: (each.reproduced.startswith(replayed), each.elements))[:_SHOWN_FAILURES]


def _chapters(rows: list[dict[str, Any]], specification: Specification) -> list[dict[str, Any]]:
    titles = {chapter.name: chapter.title for chapter in specification.chapters}
    chapters: dict[str, dict[str, Any]] = {}
    for name in (*titles, *(row["chapter"] for row in rows)):
        chapters.setdefault(name, {"name": name, "title": titles.get(name, name), "rows": [], "counts": Counter()})
    for row in rows:
        chapters[row["chapter"]]["rows"].append(row)
        chapters[row["chapter"]]["counts"] += row["counts"]
    return [chapter for chapter in chapters.values() if chapter["rows"]]


def summary_html(records: Iterable[Record], specification: Specification) -> str:
    """Return the verdict, the environment, the counts per chapter, and every clause with its cells and failures.

    It carries its own style sheet, and belongs into the `prefix` of pytest-html's results summary.
    """
    found = list(records)
    rows = _clauses(found, specification)
    events = [record for record in found if isinstance(record, Event)]
    return _render(
        "summary.html.j2",
        verdict=judge(found, specification),
        run=next((record for record in found if isinstance(record, Run)), None),
        events=events[:_SHOWN_EVENTS],
        more_events=max(0, len(events) - _SHOWN_EVENTS),
        style=style(),
        failing=[row for row in rows if row["worst"] == "fail"],
        chapters=_chapters(rows, specification),
        expanded=_EXPANDED_CLAUSES,
    )


def failure_html(failure: Failure) -> str:
    """Return one failure: diagnosis, inputs, expected and observed, script."""
    return _render("failure.html.j2", failure=failure)


def header_cells() -> list[str]:
    """Return the heads of the columns that pytest-html's table gets."""
    columns = (("clause", "Clause"), ("device", "Device"), ("dtype", "Dtype"))
    return [f'<th class="sortable" data-column-type="{key}">{name}</th>' for key, name in columns]


def row_cells(clause: str, device: str, dtype: str) -> list[str]:
    """Return a row's columns."""
    columns = (("clause", clause), ("device", device), ("dtype", dtype))
    return [_cell(key, text) for key, text in columns]


def nodeid_cell(nodeid: str) -> str:
    """Return the column of the test's id, which pytest-html 4.2.0 writes without escaping (its issue 1024)."""
    return _cell("testId", nodeid)


def _cell(column: str, text: str) -> str:
    # On one line: pytest-html finds the text to sort by with a pattern that stops at line ends.
    shown = visible(cut(" ".join(text.split()), _LINE))
    return str(Markup('<td class="col-{}">{}</td>').format(column, shown))


@functools.cache
def style() -> str:
    """Return the style sheet of the fragments."""
    return Path(__file__).with_name("templates").joinpath("style.css").read_text(encoding="utf-8")


def with_policy(document: str) -> str:
    """Return pytest-html's finished page with a content-security policy in its head.

    The policy allows the page's own script, by its hash, and inline styles: no other script or handler runs, even one
    that found a way into the page, and nothing is loaded from anywhere. A policy counts in the head only, for which
    pytest-html has no hook.

    Raises:
        ValueError: For a page that is not pytest-html's.
    """
    head, begin, end = document.find("<head>"), document.rfind("<script>"), document.rfind("</script>")
    if not 0 <= head < begin < end:
        raise ValueError("this is no page of pytest-html: it has no head with a script after it")
    script = document[begin + len("<script>") : end].replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
    place = head + len("<head>")
    # The one handler of pytest-html's own page, on its reload button of a run that still goes on.
    rest = document[place:].replace(' onclick="location.reload()"', "")
    meta = Markup('\n    <meta http-equiv="Content-Security-Policy" content="{}"/>').format(policy)
    return f"{document[:place]}{meta}{rest}"
