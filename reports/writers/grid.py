"""Runs of several installs beside each other: a verdict for each, and every clause on which they are not all clean."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from torch_conformance.reports.outcome.merging import Part
from torch_conformance.reports.outcome.states import LETTERS, states, worst
from torch_conformance.reports.outcome.verdict import Verdict, judge
from torch_conformance.reports.text import one_line
from torch_conformance.reports.writers.changes import code
from torch_conformance.spec import Specification

_CLEAN = ("pass", "inapplicable")
_WIDTH = 120


@dataclasses.dataclass(frozen=True)
class Grid:
    """The table of a grid.

    Attributes:
        verdicts: Of each run, in order.
        about: What was judged, of each run, in a line.
        rows: For each clause that is not clean everywhere, its worst state in each run; "" where it was not planned.
    """

    verdicts: Mapping[str, Verdict]
    about: Mapping[str, str]
    rows: Mapping[str, tuple[str, ...]]

    @property
    def exit_code(self) -> int:
        """The worst of the runs': a failure of the suite, a deviation, incompleteness."""
        codes = {verdict.exit_code for verdict in self.verdicts.values()}
        return next(code for code in (3, 1, 2, 0) if code in codes)


def build(parts: Sequence[Part], specification: Specification) -> Grid:
    """Return the table of some runs, whose names differ."""
    verdicts = {part.name: judge(part.records, specification) for part in parts}
    columns = [_worst_by_clause(part) for part in parts]
    clauses = sorted({clause for column in columns for clause in column})
    rows = {clause: tuple(column.get(clause, "") for column in columns) for clause in clauses}
    telling = {clause: row for clause, row in rows.items() if any(state not in (*_CLEAN, "") for state in row)}
    return Grid(verdicts, {part.name: _about(part) for part in parts}, telling)


def _worst_by_clause(part: Part) -> dict[str, str]:
    counts: dict[str, Counter[str]] = {}
    for (clause, _, _), (state, _) in states(part.records).items():
        counts.setdefault(clause, Counter())[state] += 1
    return {clause: worst(found) for clause, found in counts.items()}


def _about(part: Part) -> str:
    run = part.run
    devices = ", ".join(device.name for device in run.devices)
    where = f"Python {run.python}, NumPy {run.numpy}, {devices}, {run.cpu_capability}"
    return one_line(f"{where}, profile {run.profile}, seed {run.seed}", _WIDTH)


def text(grid: Grid) -> str:
    """Return the verdict of each run, a line each."""
    return "\n".join(one_line(f"{name}: {verdict.sentence}", 2 * _WIDTH) for name, verdict in grid.verdicts.items())


def markdown(grid: Grid) -> str:
    """Return verdicts and telling clauses as Markdown tables; what comes from records stands in code spans."""
    lines = ["| run | verdict | cells | deviating | waived | unsupported | comparisons | what |"]
    lines.append("|---|---|---:|---:|---:|---:|---:|---|")
    for name, verdict in grid.verdicts.items():
        counts = [verdict.counts[key] for key in ("planned", "deviate", "waived", "unsupported", "comparisons")]
        cells = [_cell(name), f"**{verdict.word}**", *map(str, counts), _cell(grid.about[name])]
        lines.append(f"| {' | '.join(cells)} |")
    if grid.rows:
        legend = ", ".join(f"{letter} {words}" for letter, words in LETTERS.values())
        names = " | ".join(map(_cell, grid.verdicts))
        lines += ["", f"Clauses that are not clean in every run ({legend}):", "", f"| clause | {names} |"]
        lines.append("|---" * (1 + len(grid.verdicts)) + "|")
        for clause, row in grid.rows.items():
            letters = " | ".join(LETTERS[state][0] if state else "" for state in row)
            lines.append(f"| {_cell(clause)} | {letters} |")
    return "\n".join([*lines, ""])


def _cell(content: str) -> str:
    return code(one_line(content, _WIDTH).replace("|", "\\|"))


def as_json(grid: Grid) -> str:
    """Return the grid as JSON: runs (name, verdict, exit_code, sentence, counts, about) and clauses (states by run)."""
    runs = [
        {
            "name": name,
            "verdict": verdict.word,
            "exit_code": verdict.exit_code,
            "sentence": verdict.sentence,
            "counts": dict(verdict.counts),
            "about": grid.about[name],
        }
        for name, verdict in grid.verdicts.items()
    ]
    names = list(grid.verdicts)
    clauses = {clause: dict(zip(names, row, strict=True)) for clause, row in grid.rows.items()}
    return json.dumps({"exit_code": grid.exit_code, "runs": runs, "clauses": clauses}, indent=2)
