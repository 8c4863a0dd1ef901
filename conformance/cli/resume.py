"""What `run --resume` takes over from the run that it goes on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from torch_conformance.reports.outcome.resuming import unfinished
from torch_conformance.reports.records.model import RecordError

_SEVERAL = ("device", "dtype", "clause")


def earlier_settings(out: Path, context: click.Context) -> dict[str, Any]:
    """Return the settings of a run for the options that were not given; given ones are compared with it later.

    Raises:
        click.UsageError: When there is no such run.
    """
    try:
        run = unfinished(out / "results.jsonl").run
    except RecordError as error:
        raise click.UsageError(f"--resume: {error}; run it without --resume") from None
    recorded: dict[str, Any] = {name: tuple(filter(None, run.selection.get(name, "").split(","))) for name in _SEVERAL}
    recorded |= {"profile": run.profile, "seed": str(run.seed), "shard": run.selection.get("shard", "1/1")}
    default = (ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP)
    return {name: value for name, value in recorded.items() if context.get_parameter_source(name) in default}
