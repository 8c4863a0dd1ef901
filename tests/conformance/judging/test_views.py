"""At every seed a quick profile has something to judge."""

from __future__ import annotations

import pytest

from torch_conformance.conformance.chapters.shape.operations import SHAPE
from torch_conformance.conformance.chapters.views.whole_operations import VIEWS
from torch_conformance.conformance.engine.cell import Cell, Enough, cell_seed
from torch_conformance.conformance.engine.profiles import PROFILES
from torch_conformance.conformance.judging import views
from torch_conformance.spec import load

CLAUSES = load().clauses


@pytest.mark.parametrize("clause", ["shape.ravel.shares-memory", "views.slice.shares-memory"])
def test_sharing_is_judged_at_every_seed(clause: str) -> None:
    subject = clause.split(".")[1]
    rows = SHAPE[subject] if clause.startswith("shape") else VIEWS[subject]
    for seed in range(200):
        cell = Cell(CLAUSES[clause], "cpu", "-", PROFILES["smoke"], cell_seed(seed, clause, "-"))
        try:
            views.judge_sharing(cell, rows)
        except Enough:
            continue
        assert cell.tally.comparisons, seed
