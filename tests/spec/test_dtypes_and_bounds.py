"""The loader refuses bad dtypes, sets of dtypes and accuracy bounds, and reads good ones."""

from __future__ import annotations

import fnmatch
import sys
from pathlib import Path
from typing import Any

import pytest

from torch_conformance import spec

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(spec.__file__).parent / "tables" / "accuracy.toml"

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
argument = "once"

[argument]
once = "It rounds once."

[formula]
sum = "of the sum of the terms' magnitudes"
"""
SECOND = BOUND[BOUND.index("[[bound]]") : BOUND.index("[argument]")]


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
        (
            "ulp = 0.5",
            "ulp = 1\nulps = 0.5",
            "7: unknown key 'ulps'; one of operation, dtypes, basis, argument, device, ulp",
        ),
        ("# one row", "[bounds]", "1: unknown table 'bounds'; one of argument, formula, bound; did you mean 'bound'?"),
        (BOUND, "bound = 3\n", "1: bound: expected tables; head each with [[bound]]"),
        ("[argument]", SECOND + "[argument]", "11: operation = 'exp' with dtypes = 'all' is taken by "),
        (
            "[argument]",
            SECOND.replace("all", "half") + "[argument]",
            "11: operation = 'exp' with dtypes = 'half' is taken",
        ),
        ('"exp"', "[]", "4: operation = []: expected text, or a list of at least one"),
        ('"once"', '"one"', "8: argument = 'one': no such text in [argument]; add it there; did you mean 'once'?"),
        (
            "ulp = 0.5",
            'formula = "sums"',
            "6: formula = 'sums': no such text in [formula]; add it there; did you mean 'sum'?",
        ),
        ("ulp = 0.5\n", "", "3: a bound has one of ulp, through, formula, and this has none of them"),
        (
            "ulp = 0.5",
            'ulp = 1\nformula = "sum"',
            "3: a bound has one of ulp, through, formula, and this has ulp and formula",
        ),
        ("ulp = 0.5", "ulp = 1\nroundings = 3", "7: roundings = 3: roundings of what? add formula"),
        ("ulp = 0.5", "ulp = 1\neps = inf", "7: eps = inf: expected a finite number from 0"),
        (
            "ulp = 0.5",
            'ulp = 1\ncounted_from = "nearest"',
            "7: counted_from = 'nearest': expected one of exact, rounded",
        ),
        (
            "ulp = 0.5",
            'through = "float31"',
            "6: through = 'float31': no such set of dtypes in dtypes.toml; did you mean 'float32'",
        ),
        (
            "ulp = 0.5",
            'formula = "sum"\ncounted_from = "rounded"',
            "7: counted_from = 'rounded': of no ulp; take it out",
        ),
        ("once = ", "twice = 2\nonce = ", "11: argument twice = 2: expected text"),
    ],
)
def test_refuses_bounds(folder: Path, old: str, new: str, expected: str) -> None:
    assert BOUND.count(old) == 1
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace(old, new))
    assert problem_of(folder).startswith(f"{folder / 'tables' / 'accuracy.toml'}:{expected}")


def test_a_dtype_that_results_go_through_has_a_bound_in_ulp(folder: Path) -> None:
    through = SECOND.replace("all", "half").replace("ulp = 0.5", 'through = "float32"')
    file = folder / "tables" / "accuracy.toml"
    file.write_text(BOUND.replace("[[bound]]", through + "[[bound]]").replace("all", "single"))
    assert spec.load(folder).bound("exp", "float16").through == "float32"
    file.write_text(BOUND.replace("[[bound]]", through + "[[bound]]").replace("all", "double"))
    assert problem_of(folder).endswith("through = 'float32': exp has no bound in ulp for float32; add a row for that")


@pytest.mark.parametrize(
    ("written", "fields", "words"),
    [
        ("ulp = 2\n", {"ulp": 2.0}, "2 ULP"),
        ('ulp = "exact"\n', {"ulp": 0.0}, "exact"),
        ('ulp = 2\ncounted_from = "rounded"\n', {"ulp": 2.0, "counted_from": "rounded"}, "2 + 1/2 ULP"),
        ("ulp = 1\neps = 4\ntiny = 2\n", {"ulp": 1.0, "eps": 4.0, "tiny": 2.0}, "1 ULP + 4 eps + 2 smallest normals"),
        ('ulp = 1\ndevice = "cuda"\n', {"ulp": 1.0, "device": "cuda"}, "1 ULP"),
        ('ulp = 1\nclauses = "a.*"\n', {"ulp": 1.0, "clauses": ("a.*",)}, "1 ULP"),
        (
            'formula = "sum"\nroundings = 2\nper_term = 1\n',
            {"formula": "of the sum of the terms' magnitudes", "roundings": 2.0, "per_term": 1.0},
            "(2 + 1 n) u of the sum of the terms' magnitudes",
        ),
        (
            'formula = "sum"\n',
            {"formula": "of the sum of the terms' magnitudes"},
            "of the sum of the terms' magnitudes",
        ),
    ],
)
def test_reads_bounds(folder: Path, written: str, fields: dict[str, Any], words: str) -> None:
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace("ulp = 0.5\n", written))
    expected = spec.Bound("exp", "all", basis="derived", argument="It rounds once.", **fields)
    assert spec.load(folder).bounds == (expected,)
    assert expected.describe() == words


def test_a_row_of_several_operations_is_a_bound_for_each(folder: Path) -> None:
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace('"exp"', '["exp", "log"]'))
    assert [each.operation for each in spec.load(folder).bounds] == ["exp", "log"]


def test_a_device_has_its_own_bound_or_that_of_all(folder: Path) -> None:
    own = SECOND.replace("all", "single").replace("ulp = 0.5", 'ulp = 2\ncounted_from = "rounded"\ndevice = "cuda"')
    (folder / "tables" / "accuracy.toml").write_text(BOUND.replace("[argument]", own + "[argument]"))
    known = spec.load(folder)
    assert known.bound("exp", "float32", "cuda:0").ulp_from_exact == 2.5
    assert known.bound("exp", "float32", "cpu").ulp_from_exact == 0.5
    assert known.bound("exp", "float64", "cuda:0").ulp_from_exact == 0.5
    with pytest.raises(spec.SpecificationError, match="has no bound for 'expp' of float32 on cpu; closest: exp"):
        known.bound("expp", "float32")


def test_counts_roundings() -> None:
    bound = spec.Bound("x", "all", "derived", "", formula="", roundings=6, per_term=2, per_condition=3)
    assert (bound.count(), bound.count(4), bound.count(4, 10)) == (6, 14, 44)
    conditioned = spec.Bound("x", "all", "derived", "", formula="", per_conditioned_term=4)
    assert conditioned.count(5, 2) == 40


def test_shipped_bounds() -> None:
    known = spec.load()
    for bound in known.bounds:
        patterns = bound.clauses
        assert all(fnmatch.filter(known.clauses, pattern) for pattern in patterns), bound
        assert bound.describe()
    arguments = {bound.argument for bound in known.bounds}
    assert len(arguments) == len(set(tomllib.loads(SHIPPED.read_text())["argument"].values()))


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
