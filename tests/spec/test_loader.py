"""The loader reads good chapters and refuses bad ones with file, line, key, value and the way out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from torch_conformance import spec

SHIPPED = Path(spec.__file__).parent
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
def folder(tmp_path: Path) -> Path:
    for name in ("dtypes.toml", "accuracy.toml"):
        shutil.copy(SHIPPED / name, tmp_path / name)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "demo.toml").write_text(CHAPTER)
    return tmp_path


def refusal(folder: Path, old: str, new: str) -> str:
    path = folder / "chapters" / "demo.toml"
    assert old in CHAPTER
    path.write_text(CHAPTER.replace(old, new))
    with pytest.raises(spec.SpecificationError) as caught:
        spec.load(folder)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}:")
    return problem.removeprefix(f"{path}:")


def test_reads_every_field(folder: Path) -> None:
    clause = spec.load(folder).clauses["demo.full.fills"]
    assert (clause.chapter, clause.subject, clause.line) == ("demo", "full", 5)
    assert clause.faults == ("full-loses-tail",)
    assert clause.since is None
    assert clause.url == "https://docs.pytorch.org/docs/stable/generated/torch.full.html"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'level     = "must"',
            'level = "musst"',
            "8: level = 'musst': expected one of must, should, may; did you mean",
        ),
        ('level     = "must"', "level = 3", "8: level = 3: expected text"),
        ('kind      = "value"', 'kind = "colour"', "11: kind = 'colour': expected one of value, dtype"),
        ('dtypes    = "all"', 'dtypes = "al"', "12: dtypes = 'al': no such set of dtypes in dtypes.toml; did you mean"),
        ('faults    = ["full-loses-tail"]', "faults = []", "13: faults = []: expected a list of at least one"),
        ('faults    = ["full-loses-tail"]', 'faults = ["Bad Name"]', "13: faults = ['Bad Name']: expected a list"),
        ("fills every element.", "fills every element", "7: statement: expected one sentence"),
        ('"demo.full.fills"', '"demo.full"', "6: id = 'demo.full': expected chapter.subject.fact"),
        ('"demo.full.fills"', '"other.full.fills"', "6: id = 'other.full.fills': a clause of demo.toml begins with"),
        (
            'source    = "torch.full"',
            'since = "new"\nsource = "torch.full"',
            "10: since = 'new': expected a torch version",
        ),
        ('source    = "torch.full"\n', "", "5: the table has no key 'source'; add it"),
        ('kind      = "value"', 'kind = "value"\nsorce = "x"', "12: unknown key 'sorce'; one of id, statement"),
        ('title = "Demo"', "", "1: a chapter begins with a table [chapter]"),
        ("[chapter]", "[chapter", "1: is not TOML"),
    ],
)
def test_refuses(folder: Path, old: str, new: str, expected: str) -> None:
    assert refusal(folder, old, new).startswith(expected)


def test_refuses_an_id_that_is_taken_and_names_both_places(folder: Path) -> None:
    path = folder / "chapters" / "demo.toml"
    path.write_text(CHAPTER + CHAPTER[CHAPTER.index("[[clause]]") :])
    with pytest.raises(
        spec.SpecificationError, match=r"demo\.toml:15: id = 'demo\.full\.fills' is taken by .*:6; ids are unique"
    ):
        spec.load(folder)


def test_names_the_problems_of_every_file_at_once(folder: Path) -> None:
    (folder / "chapters" / "demo.toml").write_text(CHAPTER.replace('"must"', '"most"'))
    (folder / "chapters" / "other.toml").write_text("nonsense")
    with pytest.raises(spec.SpecificationError) as caught:
        spec.load(folder)
    assert len(caught.value.problems) == 2


def test_a_set_that_contains_itself_is_refused(folder: Path) -> None:
    path = folder / "dtypes.toml"
    path.write_text(path.read_text() + 'loop = { about = "x", members = ["loop"] }\n')
    with pytest.raises(spec.SpecificationError, match="set loop: 'loop' is no dtype and no set above it"):
        spec.load(folder)


def test_manifest_ignores_comments_and_notices_statements(folder: Path) -> None:
    path = folder / "chapters" / "demo.toml"
    first = spec.load(folder).manifest
    path.write_text("# a comment\n\n" + CHAPTER.replace("     =", " ="))
    assert spec.load(folder).manifest == first
    path.write_text(CHAPTER.replace("fills every", "fills each"))
    assert spec.load(folder).manifest != first


def test_infinity_is_no_bound(folder: Path) -> None:
    row = '\n[[bound]]\noperation = "exp"\ndtypes = "all"\nulp = inf\nbasis = "derived"\nargument = "x"\n'
    (folder / "accuracy.toml").write_text(row)
    with pytest.raises(spec.SpecificationError, match="expected a finite number"):
        spec.load(folder)


def test_sets_keep_the_order_of_dtypes() -> None:
    sets = spec.load().dtype_sets
    assert sets["half"] == ("float16", "bfloat16")
    assert sets["all"] == tuple(spec.load().dtypes)
    assert sets["float32"] == ("float32",)
    assert "bfloat16" not in sets["numpy"]


def test_versions(folder: Path) -> None:
    (folder / "chapters" / "demo.toml").write_text(CHAPTER + 'since = "2.1"\nuntil = "2.4"\n')
    known = spec.load(folder)
    clause = known.clauses["demo.full.fills"]
    holds = {
        version: clause.applies_to(version) for version in ("2.0.1+cu117", "2.1.0", "2.3.1", "2.4.0a0+git1", "2.14.1")
    }
    assert holds == {"2.0.1+cu117": False, "2.1.0": True, "2.3.1": True, "2.4.0a0+git1": False, "2.14.1": False}
    assert "uint16" not in known.dtypes_of(clause, "2.2.0")
    assert "uint16" in known.dtypes_of(clause, "2.3.0+cpu")


def test_select_by_id_prefix_and_pattern(folder: Path) -> None:
    more = CHAPTER[CHAPTER.index("[[clause]]") :].replace("full.fills", "full-like.fills")
    (folder / "chapters" / "demo.toml").write_text(CHAPTER + more)
    known = spec.load(folder)
    assert [clause.id for clause in known.select(["demo.full"])] == ["demo.full.fills"]
    assert [clause.id for clause in known.select(["*like*"])] == ["demo.full-like.fills"]
    assert len(known.select(["demo"])) == len(known.select([])) == 2
    with pytest.raises(spec.SpecificationError, match=r"no clause matches 'demo\.ful'; closest: demo\.full\.fills"):
        known.select(["demo.ful"])


def test_the_shipped_chapters_load() -> None:
    known = spec.load()
    assert {"creation", "dtypes", "interop"} <= {chapter.name for chapter in known.chapters}
    assert len(known.manifest) == 64
