"""The loader reads good chapters and refuses bad ones with file, line, key, value and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance import spec


def problems_of(folder: Path) -> tuple[str, ...]:
    with pytest.raises(spec.SpecificationError) as caught:
        spec.load(folder)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_reads_every_field(folder: Path) -> None:
    clause = spec.load(folder).clauses["demo.full.fills"]
    assert (clause.chapter, clause.subject, clause.line) == ("demo", "full", 5)
    assert clause.file == str(folder / "chapters" / "demo.toml")
    assert clause.faults == ("full-loses-tail",)
    assert (clause.seed, clause.since, clause.until, clause.optional, clause.note) == (None,) * 5
    assert spec.load(folder).chapters == (spec.Chapter("demo", "Demo", "Clauses for tests."),)


NOT_A_SET = "no such set of dtypes in dtypes.toml"
NAMES = "a list of at least one kebab-case name"
SENTENCE = "7: statement: expected one sentence on one line, ending in '.'"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"must"', '"musst"', "8: level = 'musst': expected one of must, should, may; did you mean 'must'?"),
        ('"must"', "3", "8: level = 3: expected text"),
        (
            '"documented"',
            '"document"',
            "9: basis = 'document': expected one of documented, derived, de-facto; did you mean 'documented'?",
        ),
        ('"torch.full"', '" "', "10: source = ' ': expected text"),
        (
            '"value"',
            '"valve"',
            f"11: kind = 'valve': expected one of {', '.join(spec.KINDS)}; did you mean 'value'?",
        ),
        ('"all"', '"al"', f"12: dtypes = 'al': {NOT_A_SET}; did you mean 'all'?"),
        ('"all"', '["all"]', "12: dtypes = ['all']: expected text"),
        ('["full-loses-tail"]', "[]", f"13: faults = []: expected {NAMES}"),
        ('["full-loses-tail"]', '["Bad Name"]', f"13: faults = ['Bad Name']: expected {NAMES}"),
        ('["full-loses-tail"]', '"full"', f"13: faults = 'full': expected {NAMES}"),
        ('["full-loses-tail"]', "[1]", f"13: faults = [1]: expected {NAMES}"),
        ("every element.", "every element", SENTENCE),
        ("every element.", "every element. It does.", SENTENCE),
        ('"full fills every element."', '"""full\\nfills."""', SENTENCE),
        ("full fills every element.", ".", SENTENCE),
        ('"demo.full.fills"', '"demo.full"', "6: id = 'demo.full': expected chapter.subject.fact in kebab-case"),
        (
            "demo.full.fills",
            "demo.Full.fills",
            "6: id = 'demo.Full.fills': expected chapter.subject.fact in kebab-case",
        ),
        (
            '"demo.full.fills"',
            '"other.full.fills"',
            "6: id = 'other.full.fills': a clause of demo.toml begins with 'demo.'",
        ),
        ("faults ", 'since = "new"\nfaults ', "13: since = 'new': expected a torch version such as '2.1'"),
        ("faults ", 'until = "2.x"\nfaults ', "13: until = '2.x': expected a torch version such as '2.1'"),
        ("faults ", "since = 2.1\nfaults ", "13: since = 2.1: expected text"),
        (
            "faults ",
            'since = "2.2"\nuntil = "2.1"\nfaults ',
            "14: until = '2.1': expected a version after since = '2.2'",
        ),
        ("faults ", 'optional = "hlaf"\nfaults ', f"13: optional = 'hlaf': {NOT_A_SET}; did you mean 'half'?"),
        ('source    = "torch.full"\n', "", "5: the table has no key 'source'; add it"),
        (
            "faults ",
            'sorce = "x"\nfaults ',
            (
                "13: unknown key 'sorce'; one of id, statement, basis, source, kind, dtypes, faults, "
                "level, seed, since, until, optional, note; did you mean 'source'?"
            ),
        ),
        ('title = "Demo"\n', "", "1: the table has no key 'title'; add it"),
        ('"Demo"', "3", "2: title = 3: expected text"),
        ("about ", "abuot = 1\nabout ", "3: unknown key 'abuot'; one of title, about; did you mean 'about'?"),
        (
            '[chapter]\ntitle = "Demo"\nabout = "Clauses for tests."\n',
            "",
            "1: a chapter begins with a table [chapter] that has title and about",
        ),
        (
            "[[clause]]",
            "[extra]\n\n[[clause]]",
            "5: unknown table 'extra'; one of chapter, clause, family",
        ),
        ("[[clause]]", "[clause]", "5: clause: expected tables; head each with [[clause]]"),
        ("[chapter]", "[chapter", "1: is not TOML: "),
        ('"torch.full"', '"torch.full', "10: is not TOML: "),
    ],
)
def test_refuses(folder: Path, chapter: str, old: str, new: str, expected: str) -> None:
    path = folder / "chapters" / "demo.toml"
    assert chapter.count(old) == 1
    path.write_text(chapter.replace(old, new))
    (problem,) = problems_of(folder)
    if expected.endswith("TOML: "):
        assert problem.startswith(f"{path}:{expected}")
    else:
        assert problem == f"{path}:{expected}"


def test_refuses_clauses_that_are_no_tables(folder: Path, chapter: str) -> None:
    path = folder / "chapters" / "demo.toml"
    path.write_text("# none\nclause = 3\n" + chapter[: chapter.index("[[clause]]")])
    assert problems_of(folder) == (f"{path}:2: clause: expected tables; head each with [[clause]]",)


def test_headers_and_keys_within_text_and_comments_do_not_count(folder: Path, chapter: str) -> None:
    note = "# [[clause]]\nnote = '''\n[[clause]]\nlevel = 1'''\n\n"
    second = chapter[chapter.index("[[clause]]") :].replace("fills", "stays").replace('"must"', '"most"')
    path = folder / "chapters" / "demo.toml"
    path.write_text(chapter + note + second)
    line = path.read_text().splitlines().index('level     = "most"') + 1
    (problem,) = problems_of(folder)
    assert problem.startswith(f"{path}:{line}: level = 'most'")


def test_refuses_an_id_that_is_taken_and_names_both_places(folder: Path, chapter: str) -> None:
    path = folder / "chapters" / "demo.toml"
    table = chapter[chapter.index("[[clause]]") :]
    path.write_text(chapter + table + table)
    assert problems_of(folder) == tuple(
        f"{path}:{line}: id = 'demo.full.fills' is taken by {path}:6; ids are unique" for line in (15, 24)
    )


def test_names_the_problems_of_every_file_at_once(folder: Path, chapter: str) -> None:
    chapters = folder / "chapters"
    (chapters / "demo.toml").write_text(chapter.replace('"must"', '"most"').replace('"value"', '"valve"'))
    (chapters / "other.toml").write_text("nonsense")
    (folder / "tables" / "accuracy.toml").write_text("bound = 3\n")
    places = [problem.split(": ")[0] for problem in problems_of(folder)]
    expected = (
        ("tables/accuracy.toml", 1),
        ("chapters/demo.toml", 8),
        ("chapters/demo.toml", 11),
        ("chapters/other.toml", 1),
    )
    assert places == [f"{folder / name}:{line}" for name, line in expected]


def test_refuses_text_that_is_not_utf_8(folder: Path) -> None:
    path = folder / "chapters" / "demo.toml"
    path.write_bytes(b"\xff")
    assert problems_of(folder) == (f"{path}:1: is not UTF-8 text",)


def test_without_dtypes_no_chapter_is_blamed(folder: Path) -> None:
    (folder / "tables" / "dtypes.toml").unlink()
    assert problems_of(folder) == (f"{folder / 'tables' / 'dtypes.toml'}:1: cannot be read: No such file or directory",)


def test_a_folder_without_chapters_is_refused(folder: Path) -> None:
    (folder / "chapters" / "demo.toml").unlink()
    (problem,) = problems_of(folder)
    assert problem.startswith(f"{folder / 'chapters'}:1: holds no chapter")


def test_manifest_ignores_comments_formatting_and_place(folder: Path, chapter: str) -> None:
    path = folder / "chapters" / "demo.toml"
    first = spec.load(folder).manifest
    path.write_text("# a comment\n\n" + chapter.replace("     =", " ="))
    assert spec.load(folder).manifest == first
    moved = folder.parent / f"{folder.name}-moved"
    folder.rename(moved)
    assert spec.load(moved).manifest == first


def test_manifest_notices_statements_dtypes_and_bounds(folder: Path, chapter: str) -> None:
    seen = {spec.load(folder).manifest}
    (folder / "chapters" / "demo.toml").write_text(chapter.replace("fills every", "fills each"))
    seen.add(spec.load(folder).manifest)
    dtypes = folder / "tables" / "dtypes.toml"
    dtypes.write_text(dtypes.read_text().replace("2.3", "2.4"))
    seen.add(spec.load(folder).manifest)
    accuracy = folder / "tables" / "accuracy.toml"
    accuracy.write_text(accuracy.read_text().replace('ulp = "exact"', "ulp = 1"))
    seen.add(spec.load(folder).manifest)
    assert len(seen) == 4


def test_the_shipped_chapters_load() -> None:
    known = spec.load()
    assert known is spec.load()
    assert {"creation", "dtypes", "interop"} <= {chapter.name for chapter in known.chapters}
    assert len(known.manifest) == 64
    assert {"conversion", "arange", "linspace", "logspace"} <= {bound.operation for bound in known.bounds}
