"""Pin workers to the units of a machine that has several: a unit's cells go to processes that drive no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
from xdist.scheduler import WorkStealingScheduling

from torch_conformance.conformance.run.plan import CellKey


def units(devices: Iterable[str]) -> tuple[str, ...]:
    """Return the accelerator units among devices."""
    return tuple(name for name in devices if name.partition(":")[0] not in ("cpu", "meta"))


class _Part(WorkStealingScheduling):  # type: ignore[misc]  # xdist has no types
    """Some of the workers, which have some of the cells and steal from each other alone."""

    def __init__(self, config: pytest.Config, log: Any, workers: int, owns: Callable[[int], bool]) -> None:
        super().__init__(config, log)
        self.numnodes = workers
        self._owns = owns
        self._dealt = False

    def check_schedule(self) -> None:
        """Keep only what is its own of the cells that are dealt at first; then go on as xdist does."""
        if self.collection is not None and not self._dealt:
            self._dealt = True
            self.pending[:] = [index for index in self.pending if self._owns(index)]
        super().check_schedule()


class UnitScheduling:
    """Gives each unit workers of its own, and each worker that dies a successor at the same unit.

    With fewer workers than units, a worker has several units. Cells of the CPU are dealt to all in turn.
    """

    def __init__(self, config: pytest.Config, log: Any, cells: Mapping[str, CellKey], found: tuple[str, ...]) -> None:
        """Begin.

        Args:
            config: Of the process that gathers results.
            log: What xdist hands to its schedulers.
            cells: Of the run, by what stands in brackets behind a test's name.
            found: The units.
        """
        workers = WorkStealingScheduling(config, log).numnodes
        count = min(workers, len(found))
        self._cells = cells
        self._numbers: dict[str, int] = {unit: number % count for number, unit in enumerate(found)}
        self._owners: list[int] = []
        self._parts = [
            _Part(config, log, workers // count + (number < workers % count), self._owner_is(number))
            for number in range(count)
        ]
        self._homes: dict[Any, _Part] = {}

    def _owner_is(self, number: int) -> Callable[[int], bool]:
        return lambda index: self._owners[index] == number

    def _owner(self, index: int, nodeid: str) -> int:
        key = self._cells.get(nodeid.partition("[")[2].removesuffix("]"))
        return self._numbers.get(key.device if key else "", index % len(self._parts))

    @property
    def nodes(self) -> list[Any]:
        """Workers that are up."""
        return [node for part in self._parts for node in part.nodes]

    @property
    def collection_is_completed(self) -> bool:
        """Whether the first workers have collected."""
        return all(part.collection_is_completed for part in self._parts)

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left to hand out."""
        return all(part.tests_finished for part in self._parts)

    @property
    def has_pending(self) -> bool:
        """Whether something still runs, or waits."""
        return any(part.has_pending for part in self._parts)

    def add_node(self, node: Any) -> None:
        """Put a worker where there are fewest: the successor of one that died takes its place."""
        part = min(self._parts, key=lambda each: len(each.nodes))
        self._homes[node] = part
        part.add_node(node)

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """Take note of what a worker has collected, which is the same for all."""
        self._owners = self._owners or [self._owner(index, nodeid) for index, nodeid in enumerate(collection)]
        self._homes[node].add_node_collection(node, collection)

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Take note that a worker has run a cell."""
        self._homes[node].mark_test_complete(node, item_index, duration)

    def mark_test_pending(self, item: str) -> None:
        """Have a cell run again."""
        part = next(part for part in self._parts if part.collection is not None)
        self._parts[self._owners[part.collection.index(item)]].mark_test_pending(item)

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Take back cells that a worker gave up."""
        self._homes[node].remove_pending_tests_from_node(node, indices)

    def remove_node(self, node: Any) -> str | None:
        """Forget a worker; return the test in which it died, if it did."""
        crashed: str | None = self._homes.pop(node).remove_node(node)
        return crashed

    def schedule(self) -> None:
        """Hand out cells."""
        for part in self._parts:
            part.schedule()
