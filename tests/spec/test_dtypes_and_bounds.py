"""The loader refuses bad dtypes, sets of dtypes and accuracy bounds, and reads good ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance import spec

DTYPES = """\
[dtype]
bool  = { category = "bool", bits = 8, signed = false, since = "2.0", numpy = "bool" }
int8  = { category = "integral", bits = 8, signed = true, since = "2.0", numpy = "int8" }

[set]
all = { about = "every type", members = ["pair"] }
pair = { about = "both", members = ["int8", "bool"] }
"""
BOUND = """\
# one row

[[bound]]
operation = "exp"
dtypes = "all"
ulp = 0.5
basis = "derived"
argument = "It rounds once."
"""


def problem_of(folder: Path) -> str:
    with pytest.raises(spec.SpecificationError) as caught:
        spec.load(folder)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            '"integral"',
            '"integer"',
            (
                "3: dtype int8: category = 'integer': expected one of bool, integral, floating, complex; "
                "did you mean 'integral'?"
            ),
        ),
        ("bits = 8, signed = true", "bits = 7, signed = true", "3: dtype int8: bits = 7: expected one of"),
        ("signed = true", "signed = 1", "3: dtype int8: signed = 1: expected true or false"),
        ('"2.0", numpy = "int8"', '"x", numpy = "int8"', "3: dtype int8: since = 'x': expected a torch version"),
        ('numpy = "int8"', "numpy = 8", "3: dtype int8: numpy = 8: expected text"),
        (', numpy = "int8"', "", "3: dtype int8: the table has no key 'numpy'; add it"),
        ('numpy = "int8"', 'numpy = "int8", bit = 1', "3: dtype int8: unknown key 'bit'; one of category, bits,"),
        ("[set]", "int9 = 9\n[set]", "5: dtype int9 = 9: expected a table { ... }"),
        (DTYPES[: DTYPES.index("[set]")], "dtype = 3\n", "1: dtype = 3: expected a table [dtype]"),
        (DTYPES[: DTYPES.index("[set]")], "[dtype]\n", "1: no dtypes; add a table [dtype]"),
        ("[set]", "[sets]\n[set]", "5: unknown table 'sets'; one of dtype, set; did you mean 'set'?"),
        ('about = "both", ', "", "7: set pair: the table has no key 'about'; add it"),
        ('about = "both"', 'about = ""', "7: set pair: about = '': expected text"),
        ('members = ["pair"]', "members = []", "6: set all: members = []: expected a list of at least one"),
        ('["int8", "bool"]', '["int8", 1]', "7: set pair: members = ['int8', 1]: expected a list of at least one"),
        ('["int8", "bool"]', '["int9"]', "7: set pair: 'int9' is no dtype and no set; did you mean 'int8'?"),
        ('["int8", "bool"]', '["pair"]', "7: set pair: 'pair' would contain itself; take it out"),
        ("pair = {", 'int8 = { about = "x", members = ["int8"] }\npair = {', "7: set int8: the name is taken"),
        ("pair = {", 'none = { about = "x", members = ["int8"] }\npair = {', "7: set none: the name is taken"),
    ],
)
def test_refuses_dtypes_and_sets(folder: Path, old: str, new: str, expected: str) -> None:
    (folder / "tables" / "accuracy.toml").write_text("")
    assert DTYPES.count(old) == 1
    (folder / "tables" / "dtypes.toml").write_text(DTYPES.replace(old, new))
    if "no dtypes" in expected or "dtype = 3" in expected:
        with pytest.raises(spec.SpecificationError) as caught:
            spec.load(folder)
        problem = caught.value.problems[0]
    else:
        problem = problem_of(folder)
    assert problem.startswith(f"{folder / 'tables' / 'dtypes.toml'}:{expected}")


def test_one_bad_dtype_is_one_problem(folder: Path) -> None:
    path = folder / "tables" / "dtypes.toml"
    path.write_text(path.read_text().replace("bits = 128, ", ""))
    assert problem_of(folder).endswith("dtype complex128: the table has no key 'bits'; add it")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("0.5", "inf", "6: ulp = inf: expected 'exact' or a finite number from 0"),
        ("0.5", "nan", "6: ulp = nan: expected 'exact' or a finite number from 0"),
        ("0.5", "-1", "6: ulp = -1: expected 'exact' or a finite number from 0"),
        ("0.5", "true", "6: ulp = True: expected 'exact' or a finite number from 0"),
        ("0.5", '"exactly"', "6: ulp = 'exactly': expected 'exact' or a finite number from 0"),
        ('"all"', '"al"', "5: dtypes = 'al': no such set of dtypes in dtypes.toml; did you mean 'all'?"),
        ('"all"', '["all"]', "5: dtypes = ['all']: expected text"),
        ('"exp"', "3", "4: operation = 3: expected text"),
        ('"derived"', '"guessed"', "7: basis = 'guessed': expected one of documented, derived, measured"),
        ('basis = "derived"\n', "", "3: the table has no key 'basis'; add it"),
        ("ulp = 0.5", "ulps = 0.5", "6: unknown key 'ulps'; one of operation, dtypes, basis, argument, ulp;"),
        ("# one row", "[bounds]", "1: unknown table 'bounds'; one of bound; did you mean 'bound'?"),
        (BOUND, "bound = 3\n", "1: bound: expected tables; head each with [[bound]]"),
        (BOUND, BOUND + BOUND, "12: operation = 'exp' with dtypes = 'all' is taken by "),
    ],
)
def test_refuses_bounds(folder: Path, old: str, new: str, expected: str) -> None:
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace(old, new))
    assert problem_of(folder).startswith(f"{folder / 'tables' / 'accuracy.toml'}:{expected}")


@pytest.mark.parametrize(("written", "read"), [("ulp = 2\n", 2.0), ('ulp = "exact"\n', 0.0), ("", None)])
def test_reads_bounds(folder: Path, written: str, read: float | None) -> None:
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace("ulp = 0.5\n", written))
    assert spec.load(folder).bounds == (spec.Bound("exp", "all", read, "derived", "It rounds once."),)


def test_sets_keep_the_order_of_dtypes(folder: Path) -> None:
    (folder / "tables" / "accuracy.toml").write_text("")
    (folder / "tables" / "dtypes.toml").write_text(DTYPES)
    assert spec.load(folder).dtype_sets == {
        "bool": ("bool",),
        "int8": ("int8",),
        "all": ("bool", "int8"),
        "pair": ("bool", "int8"),
    }


def test_shipped_sets() -> None:
    known = spec.load()
    sets = known.dtype_sets
    assert sets["all"] == tuple(known.dtypes)
    assert len(sets["all"]) == 15
    assert sets["half"] == ("float16", "bfloat16")
    assert sets["integral"] == ("uint8", "int8", "int16", "int32", "int64")
    assert sets["unsigned-wide"] == ("uint16", "uint32", "uint64")
    assert sets["floating"] == ("float16", "bfloat16", "float32", "float64")
    assert sets["real"] == (*sets["integral"], *sets["floating"])
    assert sets["inexact"] == (*sets["floating"], *sets["complex"])
    assert (sets["double"], sets["single"], sets["bool"]) == (("float64",), ("float32",), ("bool",))
    assert set(sets["all"]) - set(sets["classic"]) == set(sets["unsigned-wide"])
    assert set(sets["all"]) - set(sets["numpy"]) == {"bfloat16"}
