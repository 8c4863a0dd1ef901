"""A profile's limit of cases ends a cell that is as documented, and never one that has failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.engine.cell import Cell, Enough
from torch_conformance.conformance.engine.profiles import PROFILES
from torch_conformance.conformance.run.running import deviation_in, noting_failure
from torch_conformance.spec import load

CLAUSE = load().clauses["creation.full.infers-dtype"]
LIMIT = PROFILES["smoke"].trials


@given(number=st.integers(0, 9))
def cases(cell: Cell, wrong: int, number: int) -> None:
    for case in range(LIMIT + 2):
        trial = cell.trial(n=number)
        trial.expect_equal("n", number + (case == wrong))


@pytest.mark.parametrize("wrong", range(LIMIT))
def test_a_failure_found_before_the_limit_is_reported_though_it_is_tried_again(wrong: int) -> None:
    cell = Cell(CLAUSE, "cpu", "-", PROFILES["smoke"], 1)
    inner = cases.hypothesis.inner_test
    cases.hypothesis.inner_test = noting_failure(cell, inner)
    try:
        # Enough is a skip, which would end this test as one too.
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - Hypothesis may group it
            cases(cell, wrong)
    finally:
        cases.hypothesis.inner_test = inner
    assert not isinstance(caught.value, Enough)
    assert deviation_in(caught.value) is not None
    assert cell.tally.failed


def test_a_cell_that_is_as_documented_ends_at_the_limit() -> None:
    cell = Cell(CLAUSE, "cpu", "-", PROFILES["smoke"], 1)
    with pytest.raises(Enough):
        cases(cell, -1)
    assert cell.tally.trials == LIMIT
