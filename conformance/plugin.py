"""The pytest plugin: options, and the hooks that make one pytest item of each cell.

It is registered for every pytest run in the environment, so it imports neither torch nor the chapters until a run
collects `torch_conformance.conformance`.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path

import pluggy
import pytest

PACKAGE = Path(__file__).resolve().parent
PACKAGE_NAME = "torch_conformance.conformance"
NO_TORCH = "torch is not installed in this environment; install it (pip install torch), then run this again"
# Workers share the cores with each other's threads: a thread that waits must sleep, not spin (measured: a quarter of
# the time). The OpenMP runtime reads these when torch is loaded; what the user has set stays.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
PROFILE_NAMES = ("smoke", "standard", "deep")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that select cells."""
    group = parser.getgroup("torch-conformance", "conformance of torch")
    group.addoption(
        "--device",
        action="append",
        default=[],
        dest="conformance_device",
        metavar="DEVICE",
        help="torch device to judge; several times, or 'all'; default cpu and, where present, cuda",
    )
    group.addoption(
        "--dtype",
        action="append",
        default=[],
        dest="conformance_dtype",
        metavar="DTYPE",
        help="keep only the cells of this dtype; several times",
    )
    group.addoption(
        "--clause",
        action="append",
        default=[],
        dest="conformance_clause",
        metavar="PATTERN",
        help="keep only clauses whose id matches; several times",
    )
    group.addoption(
        "--profile",
        default="standard",
        choices=PROFILE_NAMES,
        dest="conformance_profile",
        help="how much each cell tries (default: standard)",
    )
    group.addoption(
        "--seed",
        default="0",
        dest="conformance_seed",
        metavar="N",
        help="whole number, or 'random' (default: 0)",
    )
    group.addoption("--shard", default="1/1", dest="conformance_shard", metavar="K/N", help="run the k-th of n parts")
    group.addoption(
        "--waivers",
        action="append",
        default=[],
        dest="conformance_waivers",
        metavar="FILE",
        help="known deviations, beside those shipped; several times",
    )
    group.addoption(
        "--conformance-out",
        default=None,
        dest="conformance_out",
        metavar="FOLDER",
        help="write results.jsonl and junit.xml there",
    )
    group.addoption(
        "--conformance-replay",
        type=int,
        default=3,
        dest="conformance_replay",
        metavar="N",
        help="run each reproducer script in N fresh processes (default: 3)",
    )
    group.addoption(
        "--conformance-timeout",
        type=float,
        default=None,
        dest="conformance_timeout",
        metavar="SECONDS",
        help="end a worker whose cell takes longer; 0 for never (default: the profile's)",
    )
    group.addoption(
        "--conformance-redact",
        default="default",
        choices=("default", "none"),
        dest="conformance_redact",
        help="none: keep names of host and user, and paths, in results and reports",
    )
    group.addoption(
        "--conformance-resume",
        action="store_true",
        dest="conformance_resume",
        help="go on with the run that --conformance-out holds",
    )
    group.addoption(
        "--conformance-no-shrink",
        action="store_true",
        dest="conformance_no_shrink",
        help="report a failing case as it was drawn",
    )


def is_ours(config: pytest.Config) -> bool:
    """Whether this pytest run collects the conformance package."""
    for argument in config.args:
        target = str(argument).split("::")[0]
        if target.startswith(PACKAGE_NAME):
            return True
        path = Path(config.invocation_params.dir, target).resolve()
        if path == PACKAGE or PACKAGE in path.parents:
            return True
    return False


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Prepare the run, where it is one of ours."""
    config.addinivalue_line("markers", "clause(id): the clause that a property judges")
    if not is_ours(config):
        return
    if importlib.util.find_spec("torch") is None:
        raise pytest.UsageError(NO_TORCH)
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        from torch_conformance.conformance.run.workers import failures, watchdog  # noqa: PLC0415

        # When the gathering process was killed, its workers leave without a word.
        warnings.filterwarnings("ignore", category=pluggy.PluggyTeardownRaisedWarning)
        # Before torch is imported, which can crash or hang too.
        config.stash[watchdog.KEY] = watchdog.Watchdog(failures.announce(worker_input))
    from torch_conformance.conformance.run import recording, running, session  # noqa: PLC0415

    config.stash[session.KEY] = session.start(config)
    session.break_on_purpose(config)
    config.pluginmanager.register(running.Running(config.stash[session.KEY]), "torch-conformance-running")
    if worker_input is not None and not getattr(config.option, "htmlpath", None):
        # The table of pytest-html takes a test for ended when it has been torn down.
        config.pluginmanager.register(running.OneReport(), "torch-conformance-one-report")
    if worker_input is None:
        recorder = recording.Recorder(config, config.stash[session.KEY])
        config.pluginmanager.register(recorder, "torch-conformance-recorder")
