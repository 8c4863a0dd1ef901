"""A small specification in a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from torch_conformance import spec

CHAPTER = """\
[chapter]
title = "Demo"
about = "Clauses for tests."

[[clause]]
id        = "demo.full.fills"
statement = "full fills every element."
level     = "must"
basis     = "documented"
source    = "torch.full"
kind      = "value"
dtypes    = "all"
faults    = ["full-loses-tail"]
"""


@pytest.fixture
def chapter() -> str:
    """The text of the folder's only chapter, chapters/demo.toml."""
    return CHAPTER


@pytest.fixture
def folder(tmp_path: Path, chapter: str) -> Path:
    shipped = Path(spec.__file__).parent
    (tmp_path / "tables").mkdir()
    for name in ("dtypes.toml", "accuracy.toml"):
        shutil.copy(shipped / "tables" / name, tmp_path / "tables" / name)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "demo.toml").write_text(chapter)
    return tmp_path
