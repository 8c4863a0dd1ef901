"""torch-conformance verify: is a results file what a run wrote, and what does it say?"""

from __future__ import annotations

from pathlib import Path

import click

from torch_conformance import spec
from torch_conformance.reports.outcome import verdict
from torch_conformance.reports.records import checking
from torch_conformance.reports.records.model import RecordError

CHANGED = 3


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE..."
)
def verify(*, files: tuple[Path, ...]) -> int:
    """Compute the verdict again from the records of results files, and say whether they are as they were written.

    Exits with the verdict's code, the worst of several; with 3 for a file that was changed, moved about or damaged. A
    file that was cut off after a whole record cannot be told from one of a run that was killed: it is incomplete.
    """
    return max(_verify(file) for file in files)


def _verify(file: Path) -> int:
    try:
        sound = checking.check(file)
    except RecordError as error:
        click.echo(f"changed: {error}")
        return CHANGED
    found = verdict.judge(sound.records, spec.load())
    seal = "as it was written" if sound.sealed else "not closed by its run"
    click.echo(f"{file}: {seal}; {found.sentence}")
    return found.exit_code
