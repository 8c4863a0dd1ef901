"""Parts of a plan for several machines: packed by what cells have cost, the same on every machine."""

from __future__ import annotations

import heapq
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch_conformance.reports.records import model, reading

COSTS = Path(__file__).resolve().parent / "costs.json"
# Cells every shard runs besides its own, where the selection has them: cheap, exact, and on every device's main paths.
PROBES = ("creation.full.infers-dtype", "indexing.where.takes-python-numbers", "matmul.addmm.adds-scaled-integers")
DEFAULT_SECONDS = 0.1


def load_costs(file: Path = COSTS) -> dict[str, float]:
    """Return the recorded seconds of one cell of each clause.

    Raises:
        TypeError: When the file is not a JSON object of numbers.
    """
    table = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(table, dict):
        raise TypeError(f"{file.name}: expected a JSON object of seconds by clause")
    return {str(clause): float(seconds) for clause, seconds in table.items()}


def pack(jobs: Iterable[tuple[float, tuple[str, ...]]], count: int) -> list[list[tuple[str, ...]]]:
    """Deal jobs to `count` parts: the longest first, each to the part that has least to do.

    Args:
        jobs: Seconds and name of each; names differ.
        count: How many parts.
    """
    parts: list[list[tuple[str, ...]]] = [[] for _ in range(count)]
    loads = [(0.0, number) for number in range(count)]
    for seconds, name in sorted(jobs, key=lambda job: (-job[0], job[1])):
        load, number = heapq.heappop(loads)
        parts[number].append(name)
        heapq.heappush(loads, (load + seconds, number))
    return parts


def probes(clauses: Sequence[str], costs: dict[str, float]) -> tuple[str, ...]:
    """Return the clauses of a selection that every shard runs: the fixed ones, else its cheapest."""
    found = tuple(each for each in PROBES if each in clauses)
    if found or not clauses:
        return found
    return (min(clauses, key=lambda each: (costs.get(each, DEFAULT_SECONDS), each)),)


def measured(cells: Iterable[model.Cell]) -> dict[str, float]:
    """Return the mean seconds of the completed cells of each clause."""
    seconds: dict[str, list[float]] = {}
    for cell in cells:
        if cell.execution == "completed":
            seconds.setdefault(cell.clause, []).append(cell.seconds)
    return {clause: round(sum(each) / len(each), 4) for clause, each in sorted(seconds.items())}


if (
    __name__ == "__main__"
):  # python -m torch_conformance.conformance.run.sharding RESULTS.JSONL > conformance/run/costs.json
    found = reading.read(Path(sys.argv[1])).records
    sys.stdout.write(json.dumps(measured(each for each in found if isinstance(each, model.Cell)), indent=0) + "\n")
