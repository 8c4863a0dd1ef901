"""torch-conformance power: show that a green verdict means something here."""

from __future__ import annotations

import difflib
import importlib.util
import os

import click

from torch_conformance import spec
from torch_conformance.conformance.run.options import NO_TORCH, PROFILE_NAMES


@click.command()
@click.argument("fault", nargs=-1)
@click.option("--device", multiple=True, default=("cpu",), show_default=True, help="Torch device to judge.")
@click.option("--profile", type=click.Choice(PROFILE_NAMES), default="standard", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Faults at a time.")
@click.option("--whole", is_flag=True, help="Run every clause against each fault, not only those that name it.")
@click.option("--clause", multiple=True, metavar="PATTERN", help="Only faults that these clauses name.")
def power(
    *,
    fault: tuple[str, ...],
    device: tuple[str, ...],
    profile: str,
    seed: int,
    jobs: int,
    whole: bool,
    clause: tuple[str, ...],
) -> int:
    """Break torch on purpose, fault by fault, and see which clauses notice.

    Exits with 0 when every fault was caught by every clause that names it, and 1 when one was missed.
    """
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError(NO_TORCH)
    try:
        known = spec.load()
        selected = known.select(clause)
    except spec.SpecificationError as error:
        raise click.UsageError(str(error)) from None
    from torch_conformance.conformance.power import runner as judging  # noqa: PLC0415
    from torch_conformance.conformance.power.registry import library  # noqa: PLC0415

    for name in fault:
        if name not in library():
            close = ", ".join(difflib.get_close_matches(name, library(), n=3)) or "see torch-conformance list"
            raise click.UsageError(f"no fault is named {name}; close: {close}")
    names = fault or tuple(dict.fromkeys(name for each in selected for name in each.faults))
    counts: dict[str, int] = {}
    for outcome in judging.outcomes(known, names, profile=profile, devices=device, jobs=jobs, whole=whole, seed=seed):
        counts[outcome.word] = counts.get(outcome.word, 0) + 1
        click.echo(_line(outcome.word, outcome.fault, outcome.seconds, outcome.spoke, outcome.silent, outcome.reason))
    click.echo(", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "no fault selected")
    return 0 if set(counts) <= {"caught", "unavailable"} and counts.get("caught") else 1


def _line(word: str, fault: str, seconds: float, spoke: tuple[str, ...], silent: tuple[str, ...], reason: str) -> str:
    said = f" by {', '.join(spoke[:6])}" + (f" and {len(spoke) - 6} more" if len(spoke) > 6 else "") if spoke else ""
    quiet = f"; silent: {', '.join(silent)}" if silent else ""
    return f"{word:<11} {fault:<48} {seconds:5.1f} s{said}{quiet}{f' ({reason})' if reason else ''}"
