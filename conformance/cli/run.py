"""torch-conformance run: plan, judge, report."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from torch_conformance import spec
from torch_conformance.conformance.cli.progress import Progress
from torch_conformance.conformance.cli.resume import earlier_settings
from torch_conformance.conformance.run.options import (
    NO_TORCH,
    OPTIONS,
    PACKAGE,
    PACKAGE_NAME,
    Option,
    pytest_command,
)

SUITE_FAILED = 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_MAXIMUM_RESTARTS = 100
# The others are pytest's own marks, which are there when a test runs this command.
_SET_BY_PEOPLE = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_DEBUG")
DEFAULT_OUT = Path("reports", "out")


def _declared(function: Callable[..., int]) -> Callable[..., int]:
    """Add the options of a run that the table declares."""
    for option in reversed([each for each in OPTIONS if each.command]):
        told = f"{option.help}  [default: {option.shown}]" if option.shown else option.help
        if option.kind == "flag":
            add = click.option(f"--{option.name}", is_flag=True, help=told)
        else:
            default = DEFAULT_OUT if option.name == "out" else option.default
            add = click.option(
                f"--{option.name}",
                default=default,
                multiple=option.several,
                type=_type_of(option),
                metavar=option.metavar,
                help=told,
            )
        function = add(function)
    return function


def _type_of(option: Option) -> click.ParamType[Any]:
    if option.choices:
        return click.Choice(option.choices)
    if option.kind == "file":
        return click.Path(path_type=Path)
    if option.kind == "whole number":
        return click.IntRange(min=option.least)
    return click.FloatRange(min=option.least) if option.kind == "number" else click.STRING


@click.command(context_settings={"ignore_unknown_options": False})
@_declared
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=None,
    help="Worker processes.  [default: one per core, 8 at most]",
)
@click.option(
    "--tx",
    multiple=True,
    metavar="SPEC",
    help="Instead of --jobs: a worker elsewhere, as pytest-xdist names it, such as ssh=HOST//python=PATH. Repeatable.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first deviation.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST ARGUMENTS]")
def run(
    *, jobs: int | None, tx: tuple[str, ...], exitfirst: bool, pytest_arguments: tuple[str, ...], **settings: Any
) -> int:
    """Judge the torch of this environment, clause by clause, and write a report."""
    out: Path = settings["out"]
    if settings["resume"]:
        settings |= earlier_settings(out, click.get_current_context())
    _check_environment(settings["clause"])
    _check_writable(out)
    _check_workers(tx)
    # Workers elsewhere find the package by name: paths are other ones there.
    targets = ("--pyargs", PACKAGE_NAME) if tx else (str(PACKAGE),)
    arguments = [
        *pytest_command(targets, settings),
        *((f"--tx={each}" for each in tx) if tx else (f"--numprocesses={jobs or _default_jobs()}",)),
        "--dist=worksteal",
        # A worker that crashed is replaced; when hardly any cell completes, the recorder gives up long before.
        f"--max-worker-restart={_MAXIMUM_RESTARTS}",
        *(("-x",) if exitfirst else ()),
        *pytest_arguments,
    ]
    return judge(arguments, out)


def judge(arguments: list[str], out: Path) -> int:
    """Run pytest with progress and a summary; return the exit code of the verdict."""
    import pytest  # noqa: PLC0415

    _set_aside_the_callers_pytest()
    progress = Progress(out)
    try:
        status = int(pytest.main(arguments, plugins=[progress]))
    except pytest.UsageError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        click.echo(f"torch-conformance: {out / 'index.html'} cannot be written ({error.strerror})", err=True)
        status = SUITE_FAILED
    progress.close()
    return progress.exit_code(status)


def _set_aside_the_callers_pytest() -> None:
    """Take out of the environment what is meant for other runs of pytest: it could leave cells out, or plugins."""
    for name in sorted(name for name in os.environ if name.startswith("PYTEST_")):
        value = os.environ.pop(name)
        if name in _SET_BY_PEOPLE:
            click.echo(f"torch-conformance: {name}={value} is not used here; give options after --", err=True)


def _check_environment(patterns: tuple[str, ...]) -> None:
    try:
        spec.load().select(patterns)
    except spec.SpecificationError as error:
        if patterns and _loads():
            raise click.UsageError(f"--clause: {error}") from None
        click.echo(f"torch-conformance: the specification cannot be read: {error}", err=True)
        sys.exit(SUITE_FAILED)
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError(NO_TORCH)


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.UsageError(f"--out {out}: cannot be written ({reason}); name another folder") from None


def _check_workers(specs: tuple[str, ...]) -> None:
    for each in specs:
        kind = re.match(r"(?:\d+\*)?(popen|ssh=.|vagrant_ssh=.|socket=.)", each)
        if kind is None:
            raise click.UsageError(
                f"--tx {each}: expected popen, ssh=HOST or socket=HOST:PORT, as pytest-xdist has them"
            )


def _loads() -> bool:
    try:
        spec.load()
    except spec.SpecificationError:
        return False
    return True


def _default_jobs() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores, 8)
