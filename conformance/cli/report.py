"""torch-conformance report: all that a run writes beside its results, from the results again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from torch_conformance import spec
from torch_conformance.conformance.cli.results import parts
from torch_conformance.reports import page
from torch_conformance.reports.outcome import merging, verdict
from torch_conformance.reports.outcome.comparing import compare_all
from torch_conformance.reports.records.model import Record
from torch_conformance.reports.text import one_line
from torch_conformance.reports.writers import changes, job, junit

_WIDTH = 200


def write_reports(records: Sequence[Record], label: str, out: Path) -> int:
    """Write index.html, junit.xml, summary.md and verdict.json; say the verdict and return its exit code.

    Raises:
        OSError: When they cannot be written.
    """
    specification = spec.load()
    out.mkdir(parents=True, exist_ok=True)
    junit.write(records, out / "junit.xml")
    job.write(records, specification, out)
    page.write([page.Install(label, records)], specification, out / "index.html")
    found = verdict.judge(records, specification)
    click.echo(found.sentence)
    click.echo(f"report: {out / 'index.html'}")
    return found.exit_code


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
def report(*, file: Path, out: Path) -> int:
    """Write the page, JUnit XML, Markdown and JSON of a results file again.

    Exits with the code of its verdict.
    """
    found = parts([file])
    if len(found) > 1:
        raise click.UsageError(f"{file}: holds {len(found)} results; name one, or use 'merge' for all")
    try:
        return write_reports(found[0].records, merging.label(found[0]), out)
    except OSError as error:
        raise click.UsageError(f"--out {out}: cannot be written ({error.strerror}); name another folder") from None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write a page of all of them to this file."
)
def history(*, folder: Path, out: Path | None) -> int:
    """Say how the results under a folder followed each other, and what changed from each to the next.

    Exits with the code of the last verdict.
    """
    found = sorted(parts([folder]), key=lambda part: part.run.started)
    specification = spec.load()
    comparisons = compare_all(found)
    code = 0
    for place, part in enumerate(found):
        judged = verdict.judge(part.records, specification)
        code = judged.exit_code
        about = f"{part.run.started}  {judged.word:<12} torch {part.run.torch.version}, profile {part.run.profile}"
        counts = f"{judged.counts['planned']} cells, {judged.counts['deviate']} deviating"
        click.echo(one_line(f"{about}: {counts} ({part.name})", _WIDTH))
        if place:
            click.echo(f"    {one_line(changes.headline(comparisons[place - 1]), _WIDTH)}")
    if out is not None:
        installs = [page.Install(f"{part.run.started[:10]} {part.name}", part.records) for part in found]
        try:
            page.write(installs, specification, out, changes.notices(comparisons))
        except OSError as error:
            raise click.UsageError(f"--out {out}: cannot be written ({error.strerror}); name another file") from None
        click.echo(f"report: {out}")
    return code
