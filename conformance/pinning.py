"""Pin workers to the units of a machine that has several: a unit's cells go to processes that drive no other."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from torch_conformance.conformance.plan import CellKey


def units(devices: Iterable[str]) -> tuple[str, ...]:
    """Return the accelerator units among devices."""
    return tuple(name for name in devices if name.partition(":")[0] not in ("cpu", "meta"))


class UnitScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each unit its share of the workers; cells of the CPU go where there is room.

    With fewer workers than units, a worker goes from unit to unit.
    """

    def __init__(self, config: pytest.Config, log: Any, cells: Mapping[str, CellKey], found: tuple[str, ...]) -> None:
        """Begin.

        Args:
            config: Of the process that gathers results.
            log: What xdist hands to its schedulers.
            cells: Of the run, by what stands in brackets behind a test's name.
            found: The units.
        """
        super().__init__(config, log)
        self._cells = cells
        self._units = found
        self._each_gets = max(1, self.numnodes // len(found))

    def _split_scope(self, nodeid: str) -> str:
        key = self._cells.get(nodeid.partition("[")[2].removesuffix("]"))
        if key is None or key.device not in self._units:
            return nodeid
        return f"{key.device}, share {zlib.crc32(nodeid.encode()) % self._each_gets}"
