"""Decide whether a cell's deviation is a known one, and whether the known one is still there."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.devices.registry import synchronize
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.transcript import MARK
from torch_conformance.conformance.engine.trial import Discrepancy
from torch_conformance.spec import Waiver


@dataclasses.dataclass(frozen=True)
class Settlement:
    """What a cell's result counts as, and why."""

    disposition: str
    reason: str


def still_deviates(waiver: Waiver, device: str) -> bool:
    """Run a waiver's witness; what it raises shows that the deviation is there, as does the end of our own scripts."""
    namespace: dict[str, Any] = {"torch": torch, "np": np, "device": torch.device(device)}
    try:
        exec(compile(waiver.witness, waiver.place, "exec"), namespace)  # noqa: S102
        synchronize(namespace["device"])
    except SystemExit as ended:
        return str(ended.code).startswith(MARK)
    except Exception:  # noqa: BLE001
        return True
    return False


def settle(
    waivers: tuple[Waiver, ...], cell: Cell, torch_version: str, verdict: str, discrepancy: Discrepancy | None
) -> Settlement:
    """Return what a cell counts as.

    A waiver whose witness no longer deviates is stale, whatever the cell's verdict: it would hide the next deviation.

    Args:
        waivers: All of the run.
        cell: The cell.
        torch_version: The torch that was judged.
        verdict: pass, fail, unsupported or vacuous.
        discrepancy: What deviates, where something does.
    """
    today = dt.datetime.now(dt.timezone.utc).date()
    place = (cell.clause.id, cell.device, cell.dtype)
    applying = []
    for waiver in waivers:
        if waiver.applies_to(*place, torch_version, today):
            if still_deviates(waiver, cell.device):
                applying.append(waiver)
            elif not waiver.depends_on_machine:
                return Settlement("waiver-stale", f"waiver {waiver.place} is stale: its witness no longer deviates")
    if verdict != "fail":
        return Settlement("as-required", "")
    for waiver in applying:
        if discrepancy is not None and _covers(waiver, discrepancy):
            return Settlement("waived", f"{waiver.why} ({waiver.judgement} is wrong; {waiver.issue})")
    return Settlement("unexpected", "")


def _covers(waiver: Waiver, discrepancy: Discrepancy) -> bool:
    ulp = discrepancy.mismatch.ulp if discrepancy.mismatch else None
    return waiver.covers(discrepancy.aspect, discrepancy.script, ulp)
