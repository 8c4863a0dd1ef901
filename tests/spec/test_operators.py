"""The table of operators: bad rows are refused by file, line, key, value and way out; shipped ones hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from torch_conformance import spec
from torch_conformance.reference.ops import derivatives, elementwise
from torch_conformance.spec.operators import Gradient, operators, read_operators

ROW = """\
# one row

[[operator]]
name = "exp"
family = "transcendental"
operands = 1
dtypes = "floating"
integers = "kept"
result = "same"
domain = "any"
signed_zero = true
spellings = ["torch.exp(a)", "a.exp()"]
inplace = ["a.exp_()"]
out = []
limit = [88.5, 709]
gradient = { a = [-1, 1], at = [0] }
"""


def test_reads_a_row(tmp_path: Path) -> None:
    file = tmp_path / "operators.toml"
    file.write_text(ROW)
    row = read_operators(file)["exp"]
    assert (row.limit, row.gradient) == ((88.5, 709), Gradient(a=(-1, 1), at=(0,)))
    assert row.derived_spellings == row.spellings


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("operands = 1\n", "", "3: operator exp: the table has no key 'operands'; add it"),
        ("operands = 1", "operands = 3", "6: operator exp: operands = 3: expected 1 or 2"),
        ("limit = ", "limits = ", "15: operator exp: unknown key 'limits'; one of name, family,"),
        (
            '"kept"',
            '"keep"',
            "8: operator exp: integers = 'keep': expected one of kept, default-float, bool, refused; did",
        ),
        ('"same"', '"int"', "9: operator exp: result = 'int': expected one of same, bool"),
        ('"any"', '"all"', "10: operator exp: domain = 'all': expected one of any, number, finite,"),
        (
            '"floating"',
            '"float"',
            "7: operator exp: dtypes = 'float': no such set of dtypes in dtypes.toml; did you mean",
        ),
        ("true", '"yes"', "11: operator exp: signed_zero = 'yes': expected true or false"),
        ("out = []", 'out = "x"', "14: operator exp: out = 'x': expected a list of expressions"),
        ('["torch.exp(a)", "a.exp()"]', "[]", "12: operator exp: spellings = []: expected at least one expression"),
        ("[88.5, 709]", "[709, 88.5]", "15: operator exp: limit = [709, 88.5]: expected two numbers in order"),
        ("a = [-1, 1]", "a = [1]", "16: operator exp: gradient: a = [1]: expected two numbers in order"),
        ("at = [0]", 'at = ["0"]', "16: operator exp: gradient: at = ['0']: expected a list of numbers"),
        (
            "at = [0]",
            "to = [0]",
            "16: operator exp: gradient: unknown key 'to'; one of a, b, at, pairs, inplace, twice,",
        ),
        ("at = [0]", 'pairs = "tie"', "16: operator exp: gradient: pairs = 'tie': expected one of free, tied, apart"),
        ("{ a = [-1, 1], at = [0] }", "3", "16: operator exp: gradient = 3: expected a table { ... }"),
        ("# one row", "[row]", "1: unknown table 'row'; one of operator"),
        (ROW, ROW + ROW, "20: operator exp: name = 'exp' is taken by "),
        ("[[operator]]", "[[operator", "3: is not TOML: "),
    ],
)
def test_refuses_a_row(tmp_path: Path, old: str, new: str, expected: str) -> None:
    file = tmp_path / "operators.toml"
    assert ROW.count(old) == 1
    file.write_text(ROW.replace(old, new))
    with pytest.raises(spec.SpecificationError) as caught:
        read_operators(file)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{file}:{expected}")


def test_every_row_has_a_reference_under_its_name() -> None:
    for row in operators().values():
        assert row.name in (elementwise.UNARY if row.operands == 1 else elementwise.BINARY)
        assert set(row.reflected) <= set(row.spellings)


def test_every_row_whose_gradient_is_judged_has_a_derivative_under_its_name() -> None:
    judged = [
        each for each in spec.load().clauses.values() if each.id.endswith(".gradient") and each.chapter == "autograd"
    ]
    assert len(judged) > 50
    for clause in judged:
        row = operators()[clause.subject.replace("-", "_")]
        assert row.name in (derivatives.UNARY if row.operands == 1 else derivatives.BINARY)


def test_a_row_with_a_bound_has_one_for_each_of_its_dtypes() -> None:
    known = spec.load()
    bounded = {bound.operation for bound in known.bounds}
    for row in operators().values():
        if row.name in bounded:
            assert all(
                known.bound(row.name, dtype, device)
                for dtype in known.dtype_sets[row.dtypes]
                for device in ("cpu", "cuda")
            )
