"""The verdict on one screen of a terminal, in colour or as plain lines."""

from __future__ import annotations

import rich.console
import rich.panel
import rich.text
from torch_conformance.reports.records import Run
from torch_conformance.reports.verdict import Verdict

_COLOURS = {"conformant": "green", "deviations": "red", "incomplete": "yellow", "suite-failed": "magenta"}
_CAUSES = 5


def environment_line(run: Run) -> str:
    """Return what was judged, in one line."""
    devices = ", ".join(f"{device.name} ({device.model})" if device.model else device.name for device in run.devices)
    return f"torch {run.torch.version}, Python {run.python}, NumPy {run.numpy}, on {devices}"


def _cause_lines(verdict: Verdict) -> list[str]:
    lines = []
    for number, cause in enumerate(verdict.causes[:_CAUSES], 1):
        clauses = f"{cause.clauses[0]}" + (f" and {len(cause.clauses) - 1} more" if len(cause.clauses) > 1 else "")
        lines.append(f"{number}. {clauses} ({cause.cells} cells, reproduced {cause.first.reproduced})")
        lines.append(f"   {cause.first.diagnosis}")
    if len(verdict.causes) > _CAUSES:
        lines.append(f"... and {len(verdict.causes) - _CAUSES} causes more in the report")
    return lines


def plain(verdict: Verdict, run: Run) -> str:
    """Return the summary as plain lines."""
    settings = f"profile {run.profile}, seed {run.seed}, {verdict.counts['comparisons']} comparisons"
    lines = [verdict.sentence, environment_line(run), settings, *_cause_lines(verdict), verdict.next_step]
    return "\n".join(lines)


def render(verdict: Verdict, run: Run) -> rich.panel.Panel:
    """Return the summary as a coloured panel."""
    colour = _COLOURS[verdict.word]
    body = rich.text.Text("\n".join(plain(verdict, run).splitlines()[1:]))
    title = rich.text.Text(verdict.sentence, style=f"bold {colour}")
    return rich.panel.Panel(rich.console.Group(title, body), border_style=colour, title=verdict.word)
