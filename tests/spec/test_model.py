"""Clauses know their link and their versions; a specification knows dtypes per version and selects by pattern."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from torch_conformance import spec


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("torch.full", "generated/torch.full.html"),
        ("torch.Tensor.to", "generated/torch.Tensor.to.html"),
        ("notes/broadcasting", "notes/broadcasting.html"),
        ("torch", "torch.html"),
    ],
)
def test_url(folder: Path, source: str, page: str) -> None:
    clause = dataclasses.replace(spec.load(folder).clauses["demo.full.fills"], source=source)
    assert clause.url == f"https://docs.pytorch.org/docs/stable/{page}"


@pytest.mark.parametrize(
    ("version", "holds"),
    [
        ("2.0.1+cu117", False),
        ("2.1.0", True),
        ("2.1.0a0+git1", True),
        ("2.3.1+cpu", True),
        ("2.4.0.dev20240601", False),
        ("2.4.0a0+git1", False),
        ("2.14.1", False),
    ],
)
def test_applies_from_since_to_before_until(folder: Path, version: str, *, holds: bool) -> None:
    clause = spec.load(folder).clauses["demo.full.fills"]
    assert clause.applies_to(version)
    assert dataclasses.replace(clause, since="2.1", until="2.4").applies_to(version) is holds


def test_dtypes_of_a_version(folder: Path) -> None:
    known = spec.load(folder)
    clause = known.clauses["demo.full.fills"]
    assert known.dtypes_of(clause, "2.2.0") == known.dtype_sets["classic"]
    assert known.dtypes_of(clause, "2.3.0+cpu") == known.dtype_sets["all"]
    assert known.dtypes_of(dataclasses.replace(clause, dtypes=spec.NO_DTYPES), "2.3.0") == ()


@pytest.fixture
def selected_from(folder: Path, chapter: str) -> spec.Specification:
    more = chapter[chapter.index("[[clause]]") :].replace("full.fills", "full-like.fills")
    (folder / "chapters" / "demo.toml").write_text(chapter + more)
    return spec.load(folder)


@pytest.mark.parametrize(
    ("patterns", "subjects"),
    [
        ([], ["full", "full-like"]),
        (["demo"], ["full", "full-like"]),
        (["demo.full"], ["full"]),
        (["demo.full-like.fills"], ["full-like"]),
        (["*like*"], ["full-like"]),
        (["demo.full-like", "demo.full", "*"], ["full", "full-like"]),
    ],
)
def test_select(selected_from: spec.Specification, patterns: list[str], subjects: list[str]) -> None:
    assert [clause.subject for clause in selected_from.select(patterns)] == subjects


def test_select_names_the_pattern_that_matches_nothing(selected_from: spec.Specification) -> None:
    with pytest.raises(spec.SpecificationError, match=r"^no clause matches 'demo\.ful'; closest: demo\.full\.fills"):
        selected_from.select(["demo", "demo.ful"])


def test_nothing_can_be_changed(folder: Path) -> None:
    known = spec.load(folder)
    frozen = (known, known.clauses["demo.full.fills"], known.dtypes["bool"], known.bounds[0], known.chapters[0])
    for each in frozen:
        name = dataclasses.fields(each)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(each, name, None)
        assert not hasattr(each, "__dict__")
