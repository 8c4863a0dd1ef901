"""Families give the same clauses as tables of their own, and mistakes in them are told where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance import spec

HEAD = '[chapter]\ntitle = "Demo"\nabout = "A chapter to try the loader on."\n\n'
FAMILY = """\
[[family]]
fact = "fills"
statement = "{} fills every element."
source = "torch.{}"
basis = "documented"
kind = "value"
dtypes = "all"

[[family.clause]]
subject = "zeros"
says = "zeros"
faults = ["zeros-loses-tail"]

[[family.clause]]
subject = "ones"
says = "ones"
dtypes = "int8"
faults = ["ones-loses-tail"]
"""
ALONE = """
[[clause]]
id = "demo.full.fills"
statement = "full fills every element."
level = "should"
basis = "documented"
source = "torch.full"
kind = "value"
dtypes = "all"
faults = ["full-loses-tail"]
"""


def load(folder: Path, text: str) -> spec.Specification:
    (folder / "chapters" / "demo.toml").write_text(HEAD + text)
    return spec.load(folder)


def test_a_family_is_its_clauses(folder: Path) -> None:
    known = load(folder, FAMILY + ALONE)
    assert list(known.clauses) == ["demo.zeros.fills", "demo.ones.fills", "demo.full.fills"]
    zeros, ones, full = known.clauses.values()
    assert (zeros.statement, zeros.source) == ("zeros fills every element.", "torch.zeros")
    assert (zeros.dtypes, ones.dtypes, ones.faults) == ("all", "int8", ("ones-loses-tail",))
    assert (zeros.level, ones.level, full.level) == ("must", "must", "should")
    assert [clause.line for clause in (zeros, ones, full)] == [13, 18, 24]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('kind = "value"', 'kind = "valve"', "10: kind = 'valve': expected one of"),
        ('dtypes = "int8"', 'dtypes = "int9"', "21: dtypes = 'int9': no such set of dtypes"),
        ('says = "zeros"\n', "", "13: the family's statement has a {}; add says, or a statement of the subject's own"),
        ('"{} fills every element."', '"It fills."', ""),
        ('fact = "fills"\n', "", "5: the table has no key 'fact'; add it"),
        ('subject = "ones"\n', "", "18: the table has no key 'subject'; add it"),
        ('subject = "ones"', 'subject = "zeros"', "19: id = 'demo.zeros.fills' is taken by"),
        ('says = "ones"', 'sais = "ones"', "20: unknown key 'sais'; one of subject, says"),
        ('faults = ["ones-loses-tail"]\n', "", "18: the table has no key 'faults'; add it"),
        ('basis = "documented"\n', "", "12: the table has no key 'basis'; add it"),
    ],
)
def test_mistakes_are_told_where_they_stand(folder: Path, old: str, new: str, expected: str) -> None:
    assert FAMILY.count(old) == 1
    if not expected:
        assert len(load(folder, FAMILY.replace(old, new)).clauses) == 2
        return
    with pytest.raises(spec.SpecificationError) as caught:
        load(folder, FAMILY.replace(old, new))
    assert any(
        problem.startswith(f"{folder / 'chapters' / 'demo.toml'}:{expected}") for problem in caught.value.problems
    )


def test_what_fills_no_blank_is_refused(folder: Path) -> None:
    text = FAMILY.replace('"{} fills every element."', '"It fills."').replace('"torch.{}"', '"torch.zeros"')
    with pytest.raises(spec.SpecificationError, match=r"the family has no \{\} to put it in"):
        load(folder, text)
