"""Which cells a run consists of: a pure function of the specification, the installed torch and the options.

Shards: every machine makes the whole plan and takes the k-th of n parts, so that equal specification, torch, options
and cost table give parts that together are the whole. The cells of a few clauses, `Plan.identity`, are in every part;
they are recorded as `Run.selection["identity"]`. Merging counts such a cell once, refuses shards in which its inputs
differ (they are not of one run), and tells where its verdict differs (one of the machines computes wrongly).
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from torch_conformance.conformance.engine.cell import NO_DTYPE
from torch_conformance.conformance.run import sharding
from torch_conformance.spec import Clause, Specification

# Clauses whose sentence can be judged on tensors that hold no data.
_META_KINDS = frozenset({"dtype", "shape", "layout"})


class CellKey(NamedTuple):
    """Names a cell."""

    clause: str
    device: str
    dtype: str

    @property
    def parameter(self) -> str:
        """The pytest parameter id."""
        return self.device if self.dtype == NO_DTYPE else f"{self.device}-{self.dtype}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """Cells to run, cells that do not apply with the reason, and the clauses that every shard runs."""

    cells: tuple[CellKey, ...]
    inapplicable: tuple[tuple[CellKey, str], ...]
    identity: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Selection:
    """What of the specification a run takes.

    Attributes:
        devices: Resolved device strings.
        dtypes: Dtype names to keep; empty for all.
        clauses: Clause patterns; empty for all.
        shard: (k, n), one of n parts of like cost, counted from 1.
        representative: Dtypes one of which stands for all of a clause's, where no dtype is asked for; empty for all.
    """

    devices: tuple[str, ...]
    dtypes: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    shard: tuple[int, int] = (1, 1)
    representative: tuple[str, ...] = ()


def _shard(plan: Plan, shard: tuple[int, int]) -> Plan:
    """Return one part of a plan, with the cells that every part has."""
    number, count = shard
    if count == 1:
        return plan
    costs = sharding.load_costs()
    identity = sharding.probes(list(dict.fromkeys(key.clause for key in plan.cells)), costs)
    jobs = (
        (costs.get(key.clause, sharding.DEFAULT_SECONDS), tuple(key))
        for key in plan.cells
        if key.clause not in identity
    )
    own = set(sharding.pack(jobs, count)[number - 1])
    cells = tuple(key for key in plan.cells if key.clause in identity or key in own)
    return Plan(cells, plan.inapplicable[number - 1 :: count], identity)


def _why_not(clause: Clause, device: str, torch_version: str) -> str | None:
    if not clause.applies_to(torch_version):
        span = f"since {clause.since}" if clause.since else f"until {clause.until}"
        return f"documented {span}; this is torch {torch_version}"
    if device.startswith("meta") and clause.kind not in _META_KINDS:
        return f"a meta tensor holds no data to judge a {clause.kind} clause by"
    return None


def _dtypes(clause: Clause, specification: Specification, torch_version: str, selection: Selection) -> list[str]:
    keep = selection.dtypes
    if clause.dtypes == "none":
        return [] if keep else [NO_DTYPE]
    names = specification.dtypes_of(clause, torch_version)
    if keep or not selection.representative:
        return [name for name in names if not keep or name in keep]
    few = [name for name in names if name in selection.representative] or list(names[:1])
    # The clauses of one kernel take turns, so that all of them together see each dtype.
    return [few[zlib.crc32(clause.id.encode()) % len(few)]] if few else []


def make_plan(
    specification: Specification,
    selection: Selection,
    torch_version: str,
    lacking: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Plan:
    """Return the cells of a run, in the order of the specification.

    Args:
        specification: What must hold.
        selection: What of it is run.
        torch_version: The torch that is judged.
        lacking: Dtypes that a device says it does not have.
    """
    cells: list[CellKey] = []
    inapplicable: list[tuple[CellKey, str]] = []
    for clause in specification.select(selection.clauses):
        for device in selection.devices:
            reason = _why_not(clause, device, torch_version)
            for dtype in _dtypes(clause, specification, torch_version, selection):
                key = CellKey(clause.id, device, dtype)
                if reason is None and dtype in lacking.get(device, ()):
                    inapplicable.append((key, f"{device} has no {dtype}, as its package says"))
                elif reason is None:
                    cells.append(key)
                else:
                    inapplicable.append((key, reason))
    return _shard(Plan(tuple(cells), tuple(inapplicable)), selection.shard)
