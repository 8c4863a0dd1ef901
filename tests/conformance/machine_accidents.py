"""Runs in which the plugin `accident` lets something happen to one cell."""

from __future__ import annotations

import os
from pathlib import Path

from torch_conformance.reports.records import model as records

HERE = Path(__file__).parent
VICTIM = "creation.full.holds-edge-values"
QUICK = ("--profile", "smoke", "--clause", "creation.full.*", "--jobs", "1", "--replay", "0", "--out", "out")
ACCIDENT = ("--", "-p", "accident")
PATHS = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(HERE))))


def lost(found: list[records.Record]) -> list[records.Cell]:
    return [each for each in found if isinstance(each, records.Cell) and each.execution != "completed"]
