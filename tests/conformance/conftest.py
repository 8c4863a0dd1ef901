"""A clause and a cell to try the machinery on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.profiles import PROFILES
from torch_conformance.spec import Clause

sys.path.insert(0, str(Path(__file__).parent))

CLAUSE = Clause(
    id="demo.subject.fact",
    statement="A sentence.",
    level="must",
    basis="documented",
    source="torch.add",
    kind="value",
    dtypes="all",
    faults=("x",),
    seed=None,
    since=None,
    until=None,
    optional=None,
    note=None,
    chapter="demo",
    file="demo.toml",
    line=1,
)


@pytest.fixture
def make_cell() -> Callable[..., Cell]:
    def make(dtype: str = "float32", *, device: str = "cpu", may_lack: bool = False) -> Cell:
        return Cell(CLAUSE, device, dtype, PROFILES["smoke"], 0, may_lack)

    return make
