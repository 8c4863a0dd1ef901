"""The plan is a pure function of specification, torch version and options."""

from __future__ import annotations

import pytest

from torch_conformance.conformance.devices.selection import DeviceError, resolve
from torch_conformance.conformance.engine.cell import cell_seed
from torch_conformance.conformance.run.plan import CellKey, Selection, make_plan
from torch_conformance.spec import load

SPECIFICATION = load()
VERSION = "2.13.0+cpu"


def test_every_clause_has_a_cell_on_every_device() -> None:
    plan = make_plan(SPECIFICATION, Selection(("cpu", "cuda")), VERSION)
    applying = {each.id for each in SPECIFICATION.clauses.values() if each.applies_to(VERSION)}
    for device in ("cpu", "cuda"):
        assert {key.clause for key in plan.cells if key.device == device} == applying
    assert len(set(plan.cells)) == len(plan.cells)


@pytest.mark.parametrize("count", [2, 4, 7])
def test_shards_part_the_plan(count: int) -> None:
    whole = set(make_plan(SPECIFICATION, Selection(("cpu",)), VERSION).cells)
    shards = [
        set(make_plan(SPECIFICATION, Selection(("cpu",), shard=(number, count)), VERSION).cells)
        for number in range(1, count + 1)
    ]
    assert set().union(*shards) == whole
    everywhere = set.intersection(*shards)
    assert everywhere
    assert sum(len(each - everywhere) for each in shards) == len(whole) - len(everywhere)


def test_meta_takes_what_can_be_judged_without_data_and_says_why_not() -> None:
    plan = make_plan(SPECIFICATION, Selection(("meta",)), VERSION)
    kinds = {SPECIFICATION.clauses[key.clause].kind for key in plan.cells}
    assert kinds <= {"dtype", "shape", "layout"}
    assert kinds
    assert all("a meta tensor holds no data" in reason or "documented" in reason for _, reason in plan.inapplicable)


def test_dtypes_and_clauses_narrow_the_plan() -> None:
    plan = make_plan(SPECIFICATION, Selection(("cpu",), dtypes=("int8",), clauses=("creation",)), VERSION)
    assert {key.dtype for key in plan.cells} == {"int8"}
    assert {key.clause.partition(".")[0] for key in plan.cells} == {"creation"}


def test_one_representative_dtype_stands_for_all_unless_one_is_asked_for() -> None:
    few = ("bool", "float32")
    plan = make_plan(SPECIFICATION, Selection(("cpu",), representative=few), VERSION)
    whole = make_plan(SPECIFICATION, Selection(("cpu",)), VERSION)
    assert {key.clause for key in plan.cells} == {key.clause for key in whole.cells}
    assert len(plan.cells) == len({key.clause for key in whole.cells})
    assert {"bool", "float32"} <= {key.dtype for key in plan.cells}
    asked = make_plan(SPECIFICATION, Selection(("cpu",), dtypes=("int8",), representative=few), VERSION)
    assert {key.dtype for key in asked.cells} == {"int8"}


def test_old_torch_has_no_wide_unsigned_cells() -> None:
    plan = make_plan(SPECIFICATION, Selection(("cpu",)), "2.0.1")
    assert not {"uint16", "uint32", "uint64"} & {key.dtype for key in plan.cells}


def test_a_cell_has_one_seed_on_every_device() -> None:
    seeds = {
        cell_seed(seed, clause, dtype) for seed in (0, 1) for clause in ("a.b.c", "a.b.d") for dtype in ("int8", "-")
    }
    assert len(seeds) == 8
    assert cell_seed(0, "a.b.c", "int8") == cell_seed(0, "a.b.c", "int8")


def test_parameters_name_device_and_dtype() -> None:
    assert CellKey("a.b.c", "cuda:1", "int8").parameter == "cuda:1-int8"
    assert CellKey("a.b.c", "cpu", "-").parameter == "cpu"


def test_devices() -> None:
    assert resolve(["meta", "cpu", "meta"]) == ("cpu", "meta")
    assert resolve([])[0] == "cpu"
    assert resolve(["all"])[0] == "cpu"


@pytest.mark.parametrize(("name", "message"), [("gpu", "torch knows no such device"), ("xla:9", "cannot use it here")])
def test_a_missing_device_is_named_with_the_way_out(name: str, message: str) -> None:
    with pytest.raises(DeviceError) as caught:
        resolve([name])
    assert message in str(caught.value)
    assert "cpu" in str(caught.value)
    assert "\n" not in str(caught.value)
