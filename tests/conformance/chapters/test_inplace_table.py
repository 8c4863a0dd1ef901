"""The table of methods that write their tensor is complete, and its calls are what the chapter can judge."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from torch_conformance.conformance.chapters.inplace.method_calls import method_sizes, method_write
from torch_conformance.conformance.chapters.inplace.writes import result
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe, structures
from torch_conformance.conformance.judging.elementwise import values_of
from torch_conformance.reference.ops import inplace
from torch_conformance.spec import load
from torch_conformance.spec.inplace import Method, methods
from torch_conformance.spec.operators import Operator, operators

TABLE = methods()
# Gone from, or not yet in, some supported versions.
NOT_EVERYWHERE = {"rename_"}


def _public() -> set[str]:
    return {name for name in dir(torch.Tensor) if name.endswith("_") and not name.startswith("_")}


def _of_operators() -> set[str]:
    calls = " ".join(call for row in operators().values() for call in row.inplace)
    return {name for name in re.findall(r"a\.(\w+_)\(", calls) if not name.startswith("__")}


def test_every_method_that_writes_is_judged_or_left_out_with_a_reason():
    known = _of_operators() | set(TABLE.methods) | set(TABLE.left_out)
    assert _public() - known == set()
    assert known - _public() <= NOT_EVERYWHERE


def test_no_method_is_listed_twice():
    assert not _of_operators() & set(TABLE.methods)
    assert not (_of_operators() | set(TABLE.methods)) & set(TABLE.left_out)


def test_every_reason_is_a_reason():
    assert all(len(reason.split()) >= 2 for reason in TABLE.left_out.values())


def test_every_family_of_operators_in_place_has_a_clause():
    families = {row.family for row in operators().values() if row.inplace}
    subjects = {each.subject for each in load().clauses.values() if each.id.endswith(".stores-the-result")}
    assert families <= subjects


def test_every_dtype_of_a_family_is_a_dtype_of_its_clause():
    known = load()
    for row in operators().values():
        if row.inplace:
            clause = known.clauses[f"inplace.{row.family}.stores-the-result"]
            assert set(known.dtype_sets[row.dtypes]) <= set(known.dtype_sets[clause.dtypes]), row.name


@pytest.mark.parametrize("method", TABLE.methods.values(), ids=lambda each: each.name)
def test_calls_and_arguments_of_a_method_exist(method: Method):
    assert (method.judge == "reference") == (method.name[:-1] in inplace.METHODS)
    dtype = load().dtype_sets[method.dtypes][-1]
    for call in method.calls:
        assert f"{method.name}(" in call
        for turn, size in enumerate(method_sizes(method, dtype)):
            layouts = [each for each in structures(size) if each.layout != "expanded"]
            case = method_write(method, call, dtype, layouts[turn % len(layouts)], turn)
            if method.judge == "reference":
                a = case.operands["a"]
                assert (case.expected.shape, case.expected.dtype) == (a.size, a.storage.dtype)


@pytest.mark.parametrize("row", [row for row in operators().values() if row.operands == 2], ids=lambda row: row.name)
def test_results_in_place_are_those_out_of_place(row: Operator):
    recipe = Recipe(SIZE_CLASSES["tail"][0], 5, bytes(range(32)))
    for dtype in load().dtype_sets[row.dtypes]:
        operands, expected = values_of(row, recipe, dtype)
        a, b = (operands[name].array for name in "ab")
        found = result(row, dtype, a, b)
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected, equal_nan=found.dtype.kind in "fc")
