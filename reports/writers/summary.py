"""The verdict on one screen of a terminal, in colour or as plain lines."""

from __future__ import annotations

from collections.abc import Mapping

import rich.console
import rich.panel
import rich.table
import rich.text

from torch_conformance.reports.outcome.verdict import Cause, Verdict
from torch_conformance.reports.records.model import Run
from torch_conformance.reports.text import one_line
from torch_conformance.spec import Specification

_COLOURS = {"conformant": "green", "deviations": "red", "incomplete": "yellow", "suite-failed": "magenta"}
_STATES = {
    "pass": "as documented",
    "fail": "deviating",
    "waived": "waived",
    "lost": "lost",
    "not-run": "not run",
    "vacuous": "vacuous",
    "unsupported": "unsupported",
    "inapplicable": "inapplicable",
}
_QUIET = ("pass", "inapplicable")
_CAUSES = 5
_CHAPTERS = 8
_WIDTH = 160


def environment_line(run: Run) -> str:
    """Return what was judged, in one line."""
    devices = ", ".join(f"{device.name} ({device.model})" if device.model else device.name for device in run.devices)
    return one_line(f"torch {run.torch.version}, Python {run.python}, NumPy {run.numpy}, on {devices}", _WIDTH)


def _settings_line(verdict: Verdict, run: Run) -> str:
    text = (
        f"profile {run.profile}, seed {run.seed}, specification {run.manifest[:12]}, "
        f"{verdict.counts['comparisons']} comparisons"
    )
    return one_line(text, _WIDTH)


def _cause_lines(number: int, cause: Cause) -> tuple[str, str]:
    """Return which clauses a cause breaks and where its script is, and the diagnosis."""
    more = f" and {len(cause.clauses) - 1} more" if len(cause.clauses) > 1 else ""
    cells = "1 cell" if cause.cells == 1 else f"{cause.cells} cells"
    script = f"script in the report under this clause, reproduced {cause.first.reproduced}"
    head = f"{number}. {cause.clauses[0]}{more} ({cells}; {script if cause.first.script else 'no script'})"
    return one_line(head, _WIDTH), f"   {one_line(cause.first.diagnosis, _WIDTH)}"


def _causes(verdict: Verdict) -> list[str]:
    lines = [line for number, cause in enumerate(verdict.causes[:_CAUSES], 1) for line in _cause_lines(number, cause)]
    if len(verdict.causes) > _CAUSES:
        lines.append(f"... and {len(verdict.causes) - _CAUSES} causes more in the report")
    return lines


def _shown_chapters(verdict: Verdict) -> tuple[dict[str, Mapping[str, int]], int]:
    """Return the chapters to show, the troubled ones first where not all fit, and how many are left out."""
    chapters = dict(verdict.chapters)
    if len(chapters) > _CHAPTERS:
        troubled = sorted(chapters, key=lambda name: all(state in _QUIET for state in chapters[name]))
        chapters = {name: chapters[name] for name in troubled[:_CHAPTERS]}
    return chapters, len(verdict.chapters) - len(chapters)


def _chapter_lines(verdict: Verdict) -> list[str]:
    chapters, left_out = _shown_chapters(verdict)
    lines = []
    for name, states in chapters.items():
        counts = ", ".join(f"{states[state]} {words}" for state, words in _STATES.items() if states.get(state))
        lines.append(one_line(f"{name}: {counts}", _WIDTH))
    return [*lines, f"... and {left_out} chapters more in the report"] if left_out else lines


def plain(verdict: Verdict, run: Run) -> str:
    """Return the summary as plain lines, for logs."""
    lines = [
        one_line(verdict.sentence, 4 * _WIDTH),
        environment_line(run),
        _settings_line(verdict, run),
        *_chapter_lines(verdict),
        *_causes(verdict),
        verdict.next_step,
    ]
    return "\n".join(lines)


def _table(verdict: Verdict, specification: Specification | None) -> rich.table.Table:
    chapters, left_out = _shown_chapters(verdict)
    titles = {chapter.name: chapter.title for chapter in specification.chapters} if specification else {}
    columns = [state for state in _STATES if any(states.get(state) for states in chapters.values())]
    table = rich.table.Table(box=None, pad_edge=False)
    table.add_column("chapter")
    for state in columns:
        table.add_column(_STATES[state], justify="right")
    for name, states in chapters.items():
        style = "" if all(state in _QUIET for state in states) else "bold"
        label = one_line(titles.get(name, name), 40)
        table.add_row(rich.text.Text(label, style), *(str(states.get(state, "")) for state in columns))
    if left_out:
        table.caption = f"and {left_out} chapters more in the report"
    return table


def render(verdict: Verdict, run: Run, specification: Specification | None = None) -> rich.panel.Panel:
    """Return the summary as a coloured panel; the specification gives chapters their titles."""
    colour = _COLOURS[verdict.word]
    environment = rich.text.Text(f"{environment_line(run)}\n{_settings_line(verdict, run)}", style="dim")
    parts: list[rich.console.RenderableType] = [
        rich.text.Text(one_line(verdict.sentence, 4 * _WIDTH), style=f"bold {colour}"),
        environment,
        _table(verdict, specification),
        *(rich.text.Text(line) for line in _causes(verdict)),
        rich.text.Text(verdict.next_step, style="bold"),
    ]
    return rich.panel.Panel(rich.console.Group(*parts), border_style=colour, title=verdict.word)
