"""What one pytest process knows about the run: options, specification, profile, plan."""

from __future__ import annotations

import dataclasses
import functools
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torch_conformance import spec
from torch_conformance.conformance.devices.selection import DeviceError, lacking, load, resolve, waiver_files
from torch_conformance.conformance.engine.cell import Cell, cell_seed
from torch_conformance.conformance.engine.profiles import PROFILES, Profile, draw_seed, load_hypothesis_settings
from torch_conformance.conformance.run import sharding
from torch_conformance.conformance.run.discovery import BindingError, bindings, bound_clauses
from torch_conformance.conformance.run.plan import CellKey, Plan, Selection, make_plan
from torch_conformance.reports.outcome.resuming import Unfinished, unfinished
from torch_conformance.reports.records.model import RecordError

KEY: pytest.StashKey[Session] = pytest.StashKey()


@dataclasses.dataclass(frozen=True)
class Session:
    """The run as every process of it sees it.

    Attributes:
        specification: What must hold.
        selection: What of it is run.
        profile: How much is tried.
        seed: The run's seed.
        plan: The cells.
        torch_version: The torch that is judged.
        waivers: Known deviations.
        seconds: What a cell may take; 0 for no limit.
        earlier: What a run that is resumed has left; None in workers.
        left: The cells of a resumed run that are still to be run; None for all.
        misfit: Why this worker cannot take part in the run; empty where it can.
    """

    specification: spec.Specification
    selection: Selection
    profile: Profile
    seed: int
    plan: Plan
    torch_version: str
    waivers: tuple[spec.Waiver, ...]
    seconds: float
    earlier: Unfinished | None = None
    left: frozenset[tuple[str, str, str]] | None = None
    misfit: str = ""

    def cells_of(self, function: Any) -> list[Cell]:
        """Return the cells of a test function, in the order of the plan."""
        left = self.left
        clauses = bound_clauses(function, self.specification)
        keys = (key for clause in clauses for key in self._by_clause.get(clause, ()))
        return [self._cell(key) for key in keys if left is None or key in left]

    @functools.cached_property
    def _by_clause(self) -> dict[str, list[CellKey]]:
        found: dict[str, list[CellKey]] = {}
        for key in self.plan.cells:
            found.setdefault(key.clause, []).append(key)
        return found

    @functools.cached_property
    def _costs(self) -> dict[str, float]:
        return sharding.load_costs()

    def _cell(self, key: CellKey) -> Cell:
        clause = self.specification.clauses[key.clause]
        seed = cell_seed(self.seed, key.clause, key.dtype)
        optional = self.specification.dtype_sets[clause.optional] if clause.optional else ()
        profile = self.profile.for_cost(self._costs.get(key.clause, sharding.DEFAULT_SECONDS))
        return Cell(clause, key.device, key.dtype, profile, seed, key.dtype in optional)

    def inherited(self) -> dict[str, Any]:
        """Return what a worker must take over from the process that started it."""
        left = None if self.left is None else [list(key) for key in sorted(self.left)]
        install = _install(self.torch_version, self.specification)
        return {"devices": list(self.selection.devices), "seed": self.seed, "left": left, "install": install}


def _parse_shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise pytest.UsageError(f"--shard {text}: expected k/n with 1 <= k <= n, such as 2/4")
    return int(number), int(count)


def _parse_seed(text: str) -> int:
    if text == "random":
        return draw_seed()
    if not text.isdigit():
        raise pytest.UsageError(f"--seed {text}: expected a whole number from 0, or 'random'")
    return int(text)


def _parse_dtypes(names: list[str], known: spec.Specification) -> tuple[str, ...]:
    for name in names:
        if name not in known.dtypes:
            raise pytest.UsageError(f"--dtype {name}: unknown; one of {', '.join(known.dtypes)}")
    return tuple(names)


def _earlier(config: pytest.Config) -> Unfinished | None:
    """Return what a run that is to be resumed has left, in the process that gathers results."""
    if not config.getoption("conformance_resume") or hasattr(config, "workerinput"):
        return None
    folder = config.getoption("conformance_out")
    if folder is None:
        raise pytest.UsageError("--conformance-resume: needs the folder of the run, --conformance-out FOLDER")
    try:
        return unfinished(Path(folder, "results.jsonl"))
    except RecordError as error:
        raise pytest.UsageError(f"--resume: {error}; run it without --resume") from None


def _install(torch_version: str, specification: spec.Specification) -> str:
    """Say what judges and what is judged; workers on other machines must have the same."""
    return f"torch {torch_version}, NumPy {np.__version__}, specification {specification.manifest[:12]}"


def _misfit(inherited: dict[str, Any], own: str) -> str:
    """Say why this worker cannot take part, or nothing."""
    if not inherited or inherited["install"] == own:
        return ""
    return f"the worker on {platform.node()} has {own}, the run has {inherited['install']}: install the same on both"


def _left(inherited: dict[str, Any], earlier: Unfinished | None) -> frozenset[tuple[str, str, str]] | None:
    if inherited:
        return None if inherited["left"] is None else frozenset(CellKey(*each) for each in inherited["left"])
    return earlier.left if earlier is not None else None


def start(config: pytest.Config) -> Session:
    """Read the options, load and check the specification, import the chapters and plan the cells.

    Raises:
        pytest.UsageError: With one sentence, for whatever a user can put right.
    """
    inherited: dict[str, Any] = getattr(config, "workerinput", {}).get("torch_conformance", {})
    try:
        known = spec.load()
        import torch  # noqa: PLC0415

        profile = PROFILES[config.getoption("conformance_profile")]
        for name in inherited.get("devices", ()):
            load(name)
        selection = Selection(
            devices=tuple(inherited.get("devices", ())) or resolve(config.getoption("conformance_device")),
            dtypes=_parse_dtypes(config.getoption("conformance_dtype"), known),
            clauses=tuple(config.getoption("conformance_clause")),
            shard=_parse_shard(config.getoption("conformance_shard")),
            representative=profile.dtypes,
        )
        load_hypothesis_settings(profile, shrink=not config.getoption("conformance_no_shrink"))
        if not workers_of(config):
            bindings(known)
        version = str(torch.__version__)
        seed = inherited["seed"] if inherited else _parse_seed(config.getoption("conformance_seed"))
        plan = make_plan(known, selection, version, lacking(selection.devices))
        seconds = config.getoption("conformance_timeout")
        earlier = _earlier(config)
        files = [Path(name) for name in config.getoption("conformance_waivers")]
        waivers = spec.load_waivers(known, [*files, *waiver_files(selection.devices)])
    except (spec.SpecificationError, BindingError, DeviceError) as error:
        raise pytest.UsageError(str(error)) from None
    limit = profile.seconds if seconds is None else seconds
    left = _left(inherited, earlier)
    misfit = _misfit(inherited, _install(version, known))
    return Session(known, selection, profile, seed, plan, version, waivers, limit, earlier, left, misfit)


def workers_of(config: pytest.Config) -> int:
    """Return how many processes run cells for this one; 0 where it runs them itself."""
    if hasattr(config, "workerinput") or not getattr(config.option, "tx", None):
        return 0
    from xdist.workermanage import parse_tx_spec_config  # noqa: PLC0415 - it may be switched off

    return len(parse_tx_spec_config(config))
