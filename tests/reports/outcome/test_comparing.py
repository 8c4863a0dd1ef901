from __future__ import annotations

import json
from typing import Any

from record_builders import KEYS, cell, conformant, end, failure, plan, run

from torch_conformance.reports.outcome.comparing import compare, compare_all
from torch_conformance.reports.outcome.merging import Part
from torch_conformance.reports.records import model as records
from torch_conformance.reports.writers import changes

FIRST, SECOND, THIRD = KEYS


def _run(*cells: records.Record, failures: int = 0, **about: Any) -> Part:
    count = sum(isinstance(each, records.Cell) for each in cells)
    return Part("later", [run(**about), plan(), *cells, end(count, failures)])


CLEAN = Part("earlier", conformant())
FAILING = _run(cell(FIRST, "fail"), failure(FIRST), cell(SECOND), cell(THIRD), failures=1)


def _kinds(before: Part, after: Part) -> list[tuple[str, Any]]:
    return [(change.kind, change.key) for change in compare(before, after).changes]


def test_equal_runs_have_no_changes() -> None:
    found = compare(CLEAN, CLEAN)
    assert (found.changes, found.exit_code) == ((), 0)
    assert "nothing got worse" in changes.headline(found)


def test_what_deviates_now_is_worse_and_what_no_longer_does_is_fixed() -> None:
    assert _kinds(CLEAN, FAILING) == [("newly-deviating", FIRST)]
    assert compare(CLEAN, FAILING).exit_code == 1
    assert _kinds(FAILING, CLEAN) == [("fixed", FIRST)]
    assert compare(FAILING, CLEAN).exit_code == 0
    assert "expected 0" in changes.text([compare(CLEAN, FAILING)])


def test_lost_and_unsupported_cells_are_worse_than_passing_ones() -> None:
    crashed = _run(cell(FIRST, "none", execution="crashed"), cell(SECOND), cell(THIRD))
    assert _kinds(CLEAN, crashed) == [("newly-lost", FIRST)]
    unsupported = _run(cell(FIRST, "unsupported", reason="no kernel"), cell(SECOND), cell(THIRD))
    assert _kinds(CLEAN, unsupported) == [("newly-unsupported", FIRST)]
    assert _kinds(unsupported, CLEAN) == [("better", FIRST)]


def test_a_cell_that_is_gone_is_worse_and_a_new_one_is_not() -> None:
    smaller = Part("smaller", [run(), plan(KEYS[:2]), cell(FIRST), cell(SECOND), end(2)])
    assert _kinds(CLEAN, smaller) == [("removed", THIRD)]
    assert compare(CLEAN, smaller).exit_code == 1
    assert _kinds(smaller, CLEAN) == [("added", THIRD)]


def _with_error(ulp: float | None, fingerprint: str = "00") -> Part:
    worst = [records.WorstError(operation="exp", ulp=ulp, bound=4.0, input="")]
    return _run(cell(FIRST, worst=worst, fingerprint=fingerprint), cell(SECOND), cell(THIRD))


def test_an_error_that_grew_within_its_bound_is_drift_on_equal_inputs_alone() -> None:
    assert _kinds(_with_error(0.5), _with_error(3.0)) == [("drifted", FIRST)]
    assert _kinds(_with_error(0.5), _with_error(0.8)) == []
    assert _kinds(_with_error(0.001), _with_error(0.01)) == []
    assert _kinds(_with_error(None), _with_error(3.0)) == []
    other = compare(_with_error(0.5), _with_error(3.0, "ff"))
    assert (other.changes, other.unequal) == ((), 1)


def test_runs_of_other_suites_or_profiles_are_not_compared() -> None:
    for about in ({"manifest": "cd" * 32}, {"profile": "deep"}):
        found = compare(CLEAN, _run(cell(FIRST), **about))
        assert found.exit_code == 2
        assert "cannot be compared" in changes.headline(found)
    assert compare(CLEAN, _run(*conformant()[2:-1], numpy="1.26")).caveats == ("NumPy: 2.4.6, then 1.26",)


def test_every_form_shows_hostile_text_as_text() -> None:
    nasty = "`` | <script>\u202e\n# x"
    after = _run(cell(FIRST, "fail"), failure(FIRST, diagnosis=nasty), cell(SECOND), cell(THIRD), failures=1)
    comparisons = compare_all([CLEAN, after])
    for shown in (changes.text(comparisons), changes.markdown(comparisons)):
        assert "\u202e" not in shown
        assert "\n# x" not in shown
    assert "``` " in changes.markdown(comparisons)
    assert json.loads(changes.as_json(comparisons))[0]["exit_code"] == 1
