"""torch-conformance compare: what changed between runs."""

from __future__ import annotations

from pathlib import Path

import click

from torch_conformance import spec
from torch_conformance.conformance.cli.results import parts
from torch_conformance.reports import page
from torch_conformance.reports.outcome.comparing import Comparison, compare_all
from torch_conformance.reports.outcome.merging import Part
from torch_conformance.reports.writers import changes


@click.command()
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="A B [C ...]")
@click.option(
    "--format", "form", type=click.Choice(("text", "markdown", "json", "html")), default="text", show_default=True
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file.  [html: compare.html]"
)
def compare(*, places: tuple[Path, ...], form: str, out: Path | None) -> int:
    """Say what changed from each run to the next: results files, or the folders that hold them.

    Exits with 0 when nothing got worse, 1 when something did, and 2 when runs cannot be compared.
    """
    found = parts(places)
    if len(found) < 2:
        raise click.UsageError(f"{places[0]}: is one run; name two or more")
    comparisons = compare_all(found)
    if form == "html":
        _write_page(found, comparisons, out or Path("compare.html"))
    else:
        writers = {"text": changes.text, "markdown": changes.markdown, "json": changes.as_json}
        _tell(writers[form](comparisons), out)
    codes = [comparison.exit_code for comparison in comparisons]
    return 2 if 2 in codes else max(codes)


def _tell(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"--out {out}: cannot be written ({error.strerror}); name another file") from None


def _write_page(found: list[Part], comparisons: list[Comparison], out: Path) -> None:
    installs = [page.Install(part.name, part.records) for part in found]
    try:
        page.write(installs, spec.load(), out, changes.notices(comparisons))
    except OSError as error:
        raise click.UsageError(f"--out {out}: cannot be written ({error.strerror}); name another file") from None
    for comparison in comparisons:
        click.echo(changes.headline(comparison))
    click.echo(f"report: {out}")
