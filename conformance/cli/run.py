"""torch-conformance run: plan, judge, report."""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path

import click

from torch_conformance import spec
from torch_conformance.conformance.cli.progress import Progress
from torch_conformance.conformance.cli.resume import settings
from torch_conformance.conformance.plugin import NO_TORCH, PACKAGE, PACKAGE_NAME, PROFILE_NAMES

SUITE_FAILED = 3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_MAXIMUM_RESTARTS = 100
DEFAULT_OUT = Path("reports", "out")


@click.command(context_settings={"ignore_unknown_options": False})
@click.option(
    "--device",
    multiple=True,
    metavar="DEVICE",
    help="Torch device to judge; several times, or 'all'.  [default: cpu, and cuda where present]",
)
@click.option("--dtype", multiple=True, metavar="DTYPE", help="Keep only cells of this dtype; several times.")
@click.option(
    "--clause",
    multiple=True,
    metavar="PATTERN",
    help="Keep only clauses whose id matches, such as 'creation.full.*'; several times.",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILE_NAMES),
    default="standard",
    show_default=True,
    help="How much each cell tries.",
)
@click.option("--seed", default="0", show_default=True, help="Whole number, or 'random'.")
@click.option("--shard", default="1/1", metavar="K/N", help="Run the k-th of n parts.")
@click.option(
    "--waivers",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Known deviations, beside those shipped; several times.",
)
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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUT,
    show_default=True,
    help="Folder for results.jsonl, junit.xml and index.html.",
)
@click.option("-x", "--exitfirst", is_flag=True, help="Stop at the first deviation.")
@click.option(
    "--replay",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="N",
    help="Run reproducer scripts in N fresh processes.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=None,
    metavar="SECONDS",
    help="What a cell may take; 0: no limit.  [default: 120, 300 or 3600 by profile]",
)
@click.option(
    "--redact",
    type=click.Choice(("default", "none")),
    default="default",
    show_default=True,
    help="none: keep names of host and user, and paths, in results and reports.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out that was killed or interrupted.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- PYTEST ARGUMENTS]")
def run(
    *,
    device: tuple[str, ...],
    dtype: tuple[str, ...],
    clause: tuple[str, ...],
    profile: str,
    seed: str,
    shard: str,
    waivers: tuple[Path, ...],
    jobs: int | None,
    tx: tuple[str, ...],
    out: Path,
    exitfirst: bool,
    replay: int,
    timeout: float | None,
    redact: str,
    resume: bool,
    pytest_arguments: tuple[str, ...],
) -> int:
    """Judge the torch of this environment, clause by clause, and write a report."""
    if resume:
        earlier = settings(out, click.get_current_context())
        device, dtype = earlier.get("device", device), earlier.get("dtype", dtype)
        clause, shard = earlier.get("clause", clause), earlier.get("shard", shard)
        profile, seed = earlier.get("profile", profile), earlier.get("seed", seed)
    _check_environment(clause)
    _check_writable(out)
    _check_workers(tx)
    # Workers elsewhere find the package by name: paths are other ones there.
    target = ("--pyargs", PACKAGE_NAME) if tx else (str(PACKAGE),)
    arguments = [
        *target,
        f"--config-file={PACKAGE / 'pytest.ini'}",
        f"--rootdir={PACKAGE}",
        *("-p", "torch_conformance.conformance.plugin", "--assert=plain"),
        *("-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:logging", "-p", "no:randomly"),
        # It collects garbage five times at the end of each process, a third of a second.
        *("-p", "no:unraisableexception"),
        # Cells have seeds of their own; the option spares Hypothesis a digest of every property's source.
        "--hypothesis-seed=0",
        *((f"--tx={each}" for each in tx) if tx else (f"--numprocesses={jobs or _default_jobs()}",)),
        "--dist=worksteal",
        # A worker that crashed is replaced; when hardly any cell completes, the recorder gives up long before.
        f"--max-worker-restart={_MAXIMUM_RESTARTS}",
        *(() if timeout is None else (f"--conformance-timeout={timeout:g}",)),
        *(f"--device={name}" for name in device),
        *(f"--dtype={name}" for name in dtype),
        *(f"--clause={pattern}" for pattern in clause),
        *(f"--profile={profile}", f"--seed={seed}", f"--shard={shard}"),
        *(f"--waivers={file.absolute()}" for file in waivers),
        *(f"--conformance-out={out}", f"--conformance-replay={replay}"),
        f"--conformance-redact={redact}",
        *(("-x",) if exitfirst else ()),
        *(("--conformance-resume",) if resume else ()),
        *pytest_arguments,
    ]
    return judge(arguments, out)


def judge(arguments: list[str], out: Path) -> int:
    """Run pytest with progress and a summary; return the exit code of the verdict."""
    import pytest  # noqa: PLC0415

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
