"""torch-conformance merge: shards become one run, and runs of several installs one page."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import click

from torch_conformance import spec
from torch_conformance.conformance.cli.report import write_reports
from torch_conformance.conformance.cli.results import FILE_NAME, parts
from torch_conformance.reports import page
from torch_conformance.reports.outcome import merging
from torch_conformance.reports.outcome.merging import MergeError, Part
from torch_conformance.reports.records.model import RecordError
from torch_conformance.reports.writers import grid

OUT = Path("reports", "merged")


@click.command()
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True), metavar="RUN...")
@click.option("--out", type=click.Path(path_type=Path), default=OUT, show_default=True, help="Folder to write to.")
def merge(*, places: tuple[Path, ...], out: Path) -> int:
    """Put the shards of a run together, or runs of several installs beside each other.

    RUN is a results file or a folder that holds some. Shards of one run become one results.jsonl with one verdict;
    shards of different installs or suites are refused. Complete runs become a page and a table with a column for each.

    Exits with the verdict's code; of several runs, that of the worst.
    """
    found = parts(places)
    shards = [part for part in found if merging.is_shard(part)]
    whole = [part for part in found if not merging.is_shard(part)]
    try:
        joined = [*whole, *_joined(shards)]
    except MergeError as error:
        raise click.UsageError(str(error)) from None
    try:
        out.mkdir(parents=True, exist_ok=True)
        if len(joined) == 1:
            return _write_run(joined[0], out)
        return _write_grid(joined, out)
    except (OSError, RecordError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.UsageError(f"--out {out}: cannot be written ({reason}); name another folder") from None


def _joined(shards: Sequence[Part]) -> list[Part]:
    """Return a run for each install of which all shards are there, or of all shards the one run that they must be."""
    groups = merging.installs(shards)
    if len(groups) > 1 and all(merging.complete(group) for group in groups):
        return [Part(f"{merging.label(group[0])}-{n}", merging.merged(group)) for n, group in enumerate(groups, 1)]
    every = list(itertools.chain.from_iterable(groups))
    return [Part(merging.label(every[0]), merging.merged(every))] if every else []


def _write_run(part: Part, out: Path) -> int:
    merging.write(part.records, out / FILE_NAME)
    return write_reports(part.records, part.name, out)


def _write_grid(found: Sequence[Part], out: Path) -> int:
    specification = spec.load()
    for part in found:
        (out / part.name.replace("/", "_")).mkdir(exist_ok=True)
        merging.write(part.records, out / part.name.replace("/", "_") / FILE_NAME)
    table = grid.build(found, specification)
    (out / "summary.md").write_text(grid.markdown(table), encoding="utf-8")
    (out / "grid.json").write_text(grid.as_json(table), encoding="utf-8")
    page.write([page.Install(part.name, part.records) for part in found], specification, out / "index.html")
    click.echo(grid.text(table))
    click.echo(f"report: {out / 'index.html'}")
    return table.exit_code
