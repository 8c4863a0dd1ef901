"""The published records are as their runs wrote them, and conformant."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records.checking import check
from torch_conformance.reports.records.model import Run

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
FILES = sorted(PUBLISHED.rglob("results.jsonl.gz"))


def test_at_least_five_versions_are_published() -> None:
    versions = {path.parent.name for path in FILES if path.parent.parent.name == "versions"}
    assert {"torch-2.0.1", "torch-2.4.1", "torch-2.8.0", "torch-2.13.0"} < versions


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_published_record_is_whole_and_conformant(path: Path) -> None:
    sound = check(path)
    assert sound.sealed
    verdict = judge(sound.records)
    assert verdict.word == "conformant", verdict.sentence
    (run,) = (each for each in sound.records if isinstance(each, Run))
    assert run.profile == "standard"
    assert "shard" not in run.selection or run.selection["shard"] == "1/1"
