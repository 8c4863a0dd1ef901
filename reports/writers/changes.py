"""Comparisons of runs as text for a terminal, as Markdown, as JSON, and as notices for the page."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence

from torch_conformance.reports.outcome.comparing import TITLES, WORSE, Change, Comparison, Kind
from torch_conformance.reports.page import Notice
from torch_conformance.reports.text import one_line

_WIDTH, _SHOWN = 200, 20


def _groups(comparison: Comparison) -> Iterator[tuple[Kind, list[Change]]]:
    for kind in TITLES:
        found = [change for change in comparison.changes if change.kind == kind]
        if found:
            yield kind, found


def _line(change: Change) -> str:
    clause, device, dtype = change.key
    where = device if dtype == "-" else f"{device} {dtype}"
    turn = f"{change.before or 'absent'} -> {change.after or 'absent'}" if change.kind != "drifted" else ""
    return one_line(" ".join(part for part in (clause, f"[{where}]", turn, change.detail) if part), _WIDTH)


def headline(comparison: Comparison) -> str:
    """Return what changed, in one sentence."""
    names = f"{comparison.before} -> {comparison.after}"
    if comparison.obstacles:
        return one_line(f"{names}: cannot be compared: {'; '.join(comparison.obstacles)}.", 2 * _WIDTH)
    counts = [f"{len(found)} {TITLES[kind][0].lower()}{TITLES[kind][1:]}" for kind, found in _groups(comparison)]
    verdict = "worse" if any(change.kind in WORSE for change in comparison.changes) else "nothing got worse"
    return one_line(f"{names}: {verdict}{': ' if counts else ''}{'; '.join(counts)}.", 2 * _WIDTH)


def _notes(comparison: Comparison) -> Iterator[str]:
    yield from comparison.caveats
    if comparison.unequal:
        yield f"{comparison.unequal} cells had other inputs: their errors are not compared"


def text(comparisons: Sequence[Comparison]) -> str:
    """Return comparisons as plain lines."""
    lines: list[str] = []
    for comparison in comparisons:
        lines.append(headline(comparison))
        lines += [f"  {one_line(note, _WIDTH)}" for note in _notes(comparison)]
        for kind, found in _groups(comparison):
            lines.append(f"{TITLES[kind]}: {len(found)}")
            lines += [f"  {_line(change)}" for change in found[:_SHOWN]]
            lines += [f"  ... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return "\n".join(lines)


def code(line: str) -> str:
    """Return text as Markdown that shows it as it is."""
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}"


def markdown(comparisons: Sequence[Comparison]) -> str:
    """Return comparisons as Markdown; what comes from records stands in code spans."""
    lines: list[str] = []
    for comparison in comparisons:
        lines += [f"### {code(headline(comparison))}", ""]
        lines += [f"- {code(one_line(note, _WIDTH))}" for note in _notes(comparison)]
        for kind, found in _groups(comparison):
            lines += ["", f"**{TITLES[kind]}**: {len(found)}", ""]
            lines += [f"- {code(_line(change))}" for change in found[:_SHOWN]]
            lines += [f"- and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        lines.append("")
    return "\n".join(lines)


def as_json(comparisons: Sequence[Comparison]) -> str:
    """Return comparisons as JSON: a list of objects with the attributes of `Comparison`, and its exit code."""
    return json.dumps([{**dataclasses.asdict(each), "exit_code": each.exit_code} for each in comparisons], indent=2)


def notices(comparisons: Sequence[Comparison]) -> list[Notice]:
    """Return comparisons as what the page shows under its verdict."""
    found = []
    for comparison in comparisons:
        lines = [*map(_line, comparison.changes[:100]), *_notes(comparison)]
        found.append(Notice(headline(comparison), lines or ["no cell changed"]))
    return found
