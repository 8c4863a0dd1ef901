"""Shards are parts of one plan: of like cost, the same on every machine, and together the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import run

from torch_conformance.conformance.run import sharding
from torch_conformance.conformance.run.plan import Plan, Selection, make_plan
from torch_conformance.spec import load

SPECIFICATION = load()
COSTS = sharding.load_costs()


def _plan(number: int, count: int) -> Plan:
    return make_plan(SPECIFICATION, Selection(("cpu",), shard=(number, count)), "2.13.0+cpu")


@pytest.mark.parametrize("count", [2, 4, 7])
def test_loads_are_within_two_percent_of_their_mean(count: int) -> None:
    loads = []
    for number in range(1, count + 1):
        plan = _plan(number, count)
        loads.append(sum(COSTS.get(key.clause, sharding.DEFAULT_SECONDS) for key in plan.cells))
    mean = sum(loads) / count
    assert max(abs(load - mean) for load in loads) < 0.02 * mean


def test_a_shard_is_the_same_every_time_and_has_the_fixed_probes() -> None:
    plan = _plan(2, 4)
    assert plan == _plan(2, 4)
    assert plan.identity == sharding.PROBES
    assert set(plan.identity) <= {key.clause for key in plan.cells}


def test_a_selection_without_the_fixed_probes_has_its_cheapest_clause_everywhere() -> None:
    assert sharding.probes(["b", "a", "c"], {"b": 0.1, "a": 0.1, "c": 2.0}) == ("a",)
    assert sharding.probes([], {}) == ()


def test_more_shards_than_cells_leave_some_with_the_probes_alone() -> None:
    assert [len(part) for part in sharding.pack([(1.0, ("a",))], 3)] == [1, 0, 0]


def _records(folder: Path) -> tuple[dict[str, Any], dict[tuple[str, ...], tuple[str, str]]]:
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    cells = {
        (each["clause"], each["device"], each["dtype"]): (each["fingerprint"], each["verdict"])
        for each in lines
        if "fingerprint" in each
    }
    return lines[0], cells


def test_four_shards_together_are_the_full_run(tmp_path: Path) -> None:
    options = ("--profile", "smoke", "--clause", "creation.full.*", "--device", "cpu", "--jobs", "1", "--replay", "0")
    run("run", *options, "--out", "whole", folder=tmp_path)
    _, whole = _records(tmp_path / "whole")
    union: dict[tuple[str, ...], tuple[str, str]] = {}
    for number in range(1, 5):
        run("run", *options, "--shard", f"{number}/4", "--out", f"part{number}", folder=tmp_path)
        first, part = _records(tmp_path / f"part{number}")
        assert first["selection"]["identity"] == "creation.full.infers-dtype"
        assert all(union.get(key, answer) == answer for key, answer in part.items())
        assert len(part) < len(whole)
        union |= part
    assert whole
    assert union == whole
