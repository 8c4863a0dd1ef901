"""The pytest plugin: options, and the hooks that make one pytest item of each cell.

It is registered for every pytest run in the environment, so it imports neither torch nor the chapters until a run
collects `torch_conformance.conformance`.
"""

from __future__ import annotations

import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import pluggy
import pytest

from torch_conformance.conformance.run.options import NO_TORCH, OPTIONS, PACKAGE, PACKAGE_NAME

# Workers share the cores with each other's threads: a thread that waits must sleep, not spin (measured: a quarter of
# the time). The OpenMP runtime reads these when torch is loaded; what the user has set stays.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
_TYPES: dict[str, type] = {"whole number": int, "number": float}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that select cells, each with a prefix of ours."""
    group = parser.getgroup("torch-conformance", "conformance of torch")
    for option in OPTIONS:
        told = f"{option.help}  [default: {option.shown}]" if option.shown else option.help
        named: dict[str, Any] = {"dest": f"conformance_{option.key}", "help": told}
        if option.kind == "flag":
            group.addoption(f"--conformance-{option.name}", action="store_true", **named)
            continue
        named |= {"type": _TYPES.get(option.kind, str), "metavar": option.metavar}
        if option.choices:
            named |= {"choices": option.choices}
        if option.several:
            group.addoption(f"--conformance-{option.name}", action="append", default=[], **named)
        else:
            group.addoption(f"--conformance-{option.name}", default=option.default, **named)


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

        # When the gathering process was killed, its workers end, too, and print nothing.
        warnings.filterwarnings("ignore", category=pluggy.PluggyTeardownRaisedWarning)
        # Before torch is imported, which can crash or hang too.
        config.stash[watchdog.KEY] = watchdog.Watchdog(failures.announce(worker_input))
    from torch_conformance.conformance.run import recording, running, session  # noqa: PLC0415

    config.stash[session.KEY] = session.start(config)
    break_on_purpose(config)
    config.pluginmanager.register(running.Running(config.stash[session.KEY]), "torch-conformance-running")
    if worker_input is not None and not getattr(config.option, "htmlpath", None):
        # The table of pytest-html takes a test for ended when it has been torn down.
        config.pluginmanager.register(running.OneReport(), "torch-conformance-one-report")
    if worker_input is None:
        recorder = recording.Recorder(config, config.stash[session.KEY])
        config.pluginmanager.register(recorder, "torch-conformance-recorder")


def break_on_purpose(config: pytest.Config) -> None:
    """Install the faults named by the environment, in each process that runs cells.

    Raises:
        pytest.UsageError: For a name that the fault library does not have.
    """
    from torch_conformance.conformance.run.replay import ACTIVE_FAULT  # noqa: PLC0415
    from torch_conformance.conformance.run.session import workers_of  # noqa: PLC0415

    names = os.environ.get(ACTIVE_FAULT, "")
    if not names or workers_of(config):
        return
    from torch_conformance.conformance.power.registry import install, installed, library  # noqa: PLC0415

    for name in names.split(","):
        if name not in library():
            raise pytest.UsageError(f"{ACTIVE_FAULT}={names}: no fault is named {name}")
        if name not in installed():
            install(name)
