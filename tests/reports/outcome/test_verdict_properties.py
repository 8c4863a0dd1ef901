"""What no change of a run's records may do to its verdict."""

from __future__ import annotations

import dataclasses
import itertools

import msgspec
import pytest
import record_builders as build
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import model as records
from torch_conformance.spec import load

FIRST, SECOND, THIRD = build.KEYS
Found = list[records.Record]
RESULTS = st.sampled_from(["pass", "fail", "waived", "unsupported", "inapplicable", "vacuous", "crashed", "missing"])
KEYS = st.lists(
    st.tuples(st.sampled_from(["a.b.c", "a.b.d", "e.f.g"]), st.sampled_from(["cpu", "cuda:0"]), st.sampled_from("-xy")),
    unique=True,
    max_size=6,
)


def cell_as(key: build.Key, result: str) -> Found:
    if result == "missing":
        return []
    if result == "crashed":
        return [build.cell(key, "none", execution="crashed", disposition="unexpected")]
    if result == "waived":
        return [build.cell(key, "fail", disposition="waived"), build.failure(key)]
    return [build.cell(key, result), *([build.failure(key)] if result == "fail" else [])]


def closed(found: Found) -> Found:
    cells = sum(isinstance(each, records.Cell) for each in found)
    return [*found, build.end(cells, sum(isinstance(each, records.Failure) for each in found))]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Found, list[str]]:
    keys = draw(KEYS)
    results = [draw(RESULTS) for _ in keys]
    found: Found = [build.run(), build.plan(tuple(keys))]
    for key, result in zip(keys, results, strict=True):
        found += cell_as(key, result)
    return closed(found), results


@given(runs())
def test_the_exit_code_is_what_the_cells_say(drawn: tuple[Found, list[str]]) -> None:
    found, results = drawn
    expected = 0 if results else 2
    if {"vacuous", "crashed", "missing"} & set(results):
        expected = 2
    if "fail" in results:
        expected = 1
    verdict = judge(found)
    assert verdict.exit_code == expected, verdict.sentence
    assert (
        verdict.counts["planned"] == len(results) == sum(sum(states.values()) for states in verdict.chapters.values())
    )
    assert bool(verdict.causes) == ("fail" in results)


@given(runs(), st.data())
def test_no_record_can_be_dropped_from_a_conformant_run(drawn: tuple[Found, list[str]], data: st.DataObject) -> None:
    found, _ = drawn
    index = data.draw(st.integers(0, len(found) - 1))
    assert judge([*found[:index], *found[index + 1 :]]).exit_code != 0


@given(runs(), st.data())
def test_no_record_can_be_doubled(drawn: tuple[Found, list[str]], data: st.DataObject) -> None:
    found, _ = drawn
    index = data.draw(st.integers(0, len(found) - 1))
    doubled = [*found[:index], found[index], *found[index:]]
    empty_plan = isinstance(found[index], records.Plan) and not found[index].cells
    assert judge(doubled).exit_code == (2 if empty_plan else 3)


@given(runs(), RESULTS)
def test_a_failure_more_is_never_conformant(drawn: tuple[Found, list[str]], other: str) -> None:
    found, _ = drawn
    key = ("z.z.z", "cpu", "-")
    plan = found[1]
    assert isinstance(plan, records.Plan)
    planned = msgspec.structs.replace(
        plan, cells=[*plan.cells, records.PlannedCell(clause="z.z.z", device="cpu", dtype="-")]
    )
    assert judge(closed([found[0], planned, *found[2:-1], *cell_as(key, "fail")])).exit_code == 1
    # And with the failing cell recorded twice, or its plan forgotten, the records are not believed.
    twice = [found[0], planned, *found[2:-1], *cell_as(key, "fail"), *cell_as(key, other)]
    assert judge(closed(twice)).exit_code == (1 if other == "missing" else 3)
    assert judge(closed([*found[:-1], *cell_as(key, "fail")])).exit_code == 3


@given(runs(), st.data())
def test_the_order_of_cells_does_not_matter(drawn: tuple[Found, list[str]], data: st.DataObject) -> None:
    found, _ = drawn
    middle = data.draw(st.permutations(found[2:-1]))
    assert judge([*found[:2], *middle, found[-1]]).exit_code == judge(found).exit_code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"verdict": "none"}, 3),
        ({"execution": "crashed"}, 3),
        ({"execution": "not-run"}, 3),
        ({"disposition": "unexpected"}, 3),
        ({"disposition": "waived"}, 3),
        ({"disposition": "waiver-stale"}, 1),
        ({"verdict": "unsupported", "disposition": "unexpected"}, 1),
        ({"verdict": "unsupported"}, 0),
        ({"verdict": "none", "execution": "timed-out", "disposition": "unexpected"}, 2),
        ({"verdict": "none", "execution": "device-lost", "disposition": "unexpected"}, 2),
        ({"verdict": "none", "execution": "not-run", "disposition": "unexpected"}, 2),
        ({"verdict": "vacuous", "disposition": "unexpected"}, 2),
    ],
)
def test_one_cell_decides(changes: dict[str, str], code: int) -> None:
    found = build.conformant()
    found[2] = msgspec.structs.replace(build.cell(FIRST), **changes)
    assert judge(found).exit_code == code


def test_precedence() -> None:
    """Internal errors before deviations before what is missing, whatever else there is."""
    crashed = cell_as(SECOND, "crashed")
    for fails, crashes, broken in itertools.product((False, True), repeat=3):
        found: Found = [build.run(), build.plan(), *cell_as(FIRST, "fail" if fails else "pass"), build.cell(THIRD)]
        found += crashed if crashes else [build.cell(SECOND)]
        found += [build.event("internal-error", "boom")] if broken else []
        expected = 3 if broken else 1 if fails else 2 if crashes else 0
        assert judge(closed(found)).exit_code == expected


def test_an_accident_without_a_lost_cell_is_not_passed_over() -> None:
    good = build.conformant()
    assert judge([*good[:-1], build.event("worker-crash"), good[-1]]).exit_code == 2
    place = records.PlannedCell(clause=FIRST[0], device=FIRST[1], dtype=FIRST[2])
    event = records.Event(kind="device-lost", message="gone", cell=place, time="")
    assert judge([*good[:-1], event, good[-1]]).exit_code == 2
    lost: Found = [build.run(), build.plan(), event, *cell_as(FIRST, "crashed"), build.cell(SECOND), build.cell(THIRD)]
    assert judge(closed(lost)).reasons == ("1 cell crashed",)
    for kind in ("drift", "note", "interrupted"):
        assert judge([*good[:-1], build.event(kind), good[-1]]).exit_code == 0


def test_a_run_killed_between_a_failing_cell_and_its_failure_deviates() -> None:
    found = build.deviating()[:3]
    assert judge(found).exit_code == 1
    assert judge([*found, build.cell(SECOND)]).exit_code == 3


@pytest.mark.parametrize("end", [build.end(4), build.end(failures=1), build.end(comparisons=31)])
def test_the_closing_record_counts_right(end: records.End) -> None:
    assert judge([*build.conformant()[:-1], end]).exit_code == 3


def test_planned_twice_and_planned_although_inapplicable() -> None:
    assert judge([build.run(), build.plan((FIRST, FIRST)), build.cell(FIRST), build.end(1)]).exit_code == 3
    assert judge([build.run(), build.plan((FIRST,), (FIRST,)), build.cell(FIRST), build.end(1)]).exit_code == 3


def test_no_records_at_all() -> None:
    assert judge([]).exit_code == 3


def test_causes_that_break_a_must_come_first() -> None:
    shipped = load()
    lax, strict = (dataclasses.replace(each, level="may") for each in list(shipped.clauses.values())[:2])
    strict = dataclasses.replace(strict, level="must")
    specification = dataclasses.replace(shipped, clauses={lax.id: lax, strict.id: strict})
    keys = ((lax.id, "cpu", "-"), (lax.id, "cuda:0", "-"), (strict.id, "cpu", "-"))
    found: Found = [build.run(), build.plan(keys)]
    for key, name in zip(keys, ("lax", "lax", "strict"), strict=True):
        found += [build.cell(key, "fail"), build.failure(key, signature=name)]
    assert [cause.signature for cause in judge(closed(found)).causes] == ["lax", "strict"]
    causes = judge(closed(found), specification).causes
    assert [(cause.signature, cause.level, cause.cells) for cause in causes] == [
        ("strict", "must", 1),
        ("lax", "may", 2),
    ]


def test_a_waived_failure_is_no_cause() -> None:
    found: Found = [build.run(), build.plan((FIRST,)), *cell_as(FIRST, "waived")]
    assert judge(closed(found)).causes == ()
    assert "1 waived" in judge(closed(found)).sentence
    assert "deviating" not in judge(closed(found)).sentence


def test_the_first_of_a_cause_is_reproduced_and_small() -> None:
    keys = tuple(("a.b.c", f"cuda:{unit}", "-") for unit in range(4))
    found: Found = [build.run(), build.plan(keys)]
    for key, reproduced, elements in zip(keys, ("0/3", "3/3", "3/3", "not replayed"), (1, 9, 4, 1), strict=True):
        found += [build.cell(key, "fail"), build.failure(key, reproduced=reproduced, elements=elements)]
    (cause,) = judge(closed(found)).causes
    assert cause.first.device == "cuda:2"
