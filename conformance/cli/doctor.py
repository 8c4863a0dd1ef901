"""torch-conformance doctor: what is installed and whether it fits together, before any test runs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from torch_conformance.conformance.doctor.checks import findings
from torch_conformance.conformance.doctor.model import Finding
from torch_conformance.conformance.doctor.observation import observe
from torch_conformance.reports.text import one_line

_NO_TORCH, _MISFIT = 4, 1
_COLOURS = {"ok": "green", "note": "yellow", "problem": "red"}
_WIDTH = 400


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports", "out"),
    show_default=True,
    help="Where a run would write.",
)
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
def doctor(*, out: Path, form: str) -> int:
    """Say what is installed and whether it fits together, with the way out.

    Exits with 0 when it does, 1 when something does not fit, and 4 without torch.
    """
    situation = observe(out)
    found = list(findings(situation))
    if form == "json":
        click.echo(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
    else:
        for each in found:
            _tell(each)
        click.echo(_summary(found))
    if situation.found is None:
        return _NO_TORCH
    return _MISFIT if any(each.level == "problem" for each in found) else 0


def _tell(finding: Finding) -> None:
    level = click.style(f"{finding.level:<8}", fg=_COLOURS[finding.level], bold=finding.level == "problem")
    click.echo(f"{level} {finding.check:<15} {one_line(finding.sentence, _WIDTH)}")
    if finding.way_out:
        click.echo(f"{'':<24} -> {one_line(finding.way_out, _WIDTH)}")


def _summary(found: list[Finding]) -> str:
    problems = sum(each.level == "problem" for each in found)
    notes = sum(each.level == "note" for each in found)
    said = {0: "everything fits together", 1: "1 thing does not fit"}.get(problems, f"{problems} things do not fit")
    return f"{said}{f', {notes} to know' if notes else ''}"
