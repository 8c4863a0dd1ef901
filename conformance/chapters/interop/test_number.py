"""Python's own conversions of one-element tensors: int, float, complex, bool and index."""

from __future__ import annotations

import math
import operator

import numpy as np

from torch_conformance.conformance.chapters.interop.interchange import EXACTLY, drawn_seeds, exactly
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import bits, is_complex, is_floating, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import interop

_SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (1, 1), (1, 1, 1))
_ONE_ELEMENT = ("x[i]", "x[i:i + 1]", "x[i:i + 1, None]")


def _values(cell: Cell, seed: int) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
    """Return values of the cell's dtype; complex ones have no imaginary part."""
    values = pool(cell.dtype, "finite", seed)
    if is_complex(cell.dtype):
        return values.real.astype(values.dtype)
    return values


def _real_part(element: np.generic) -> float:
    """Return the real part of an element as a Python number."""
    value = interop.python_value(element.real)
    assert not isinstance(value, complex)
    return value


@clause("interop.int.truncates")
def test_int_truncates(cell: Cell) -> None:
    for seed in drawn_seeds(cell):
        values = _values(cell, seed)
        # Some finite edges round to infinity in float16.
        values = values[np.isfinite(values.astype(np.complex128))]
        if is_complex(cell.dtype):
            # A complex element is converted by way of int64.
            values = values[np.abs(values.real) < 2.0**62]
        whole = [math.trunc(_real_part(each)) for each in values]
        trial = cell.trial(x=Strided.from_array(values), count=len(whole))
        for element in _ONE_ELEMENT:
            trial.expect_equal(f"[int({element}) for i in range(count)]", whole)
            trial.expect_equal(f"[type(int({element})) for i in range(count)] == [int] * count", value=True)
        cell.tally.comparisons += 3 * len(whole)


@clause("interop.int.refuses-non-finite")
def test_int_refuses_non_finite(cell: Cell) -> None:
    for size in _SHAPES:
        for text, errors in (("nan", ValueError), ("inf", OverflowError), ("-inf", OverflowError)):
            trial = cell.trial(x=Strided.from_array(np.full(size, float(text), numpy_dtype(cell.dtype))))
            trial.expect_error("int(x)", errors)


@clause("interop.float.is-exact")
def test_float_is_exact(cell: Cell) -> None:
    for seed in drawn_seeds(cell):
        values = _values(cell, seed) if is_complex(cell.dtype) else pool(cell.dtype, "any", seed)
        wanted = [exactly(float(_real_part(each))) for each in values]
        trial = cell.trial(x=Strided.from_array(values), count=len(wanted))
        trial.run(EXACTLY)
        for element in _ONE_ELEMENT:
            trial.expect_equal(f"[exactly(float({element})) for i in range(count)]", wanted)
        cell.tally.comparisons += 3 * len(wanted)


@clause("interop.complex.is-exact")
def test_complex_is_exact(cell: Cell) -> None:
    for seed in drawn_seeds(cell):
        values = pool(cell.dtype, "any", seed)
        wanted = [exactly(complex(interop.python_value(each))) for each in values]
        trial = cell.trial(x=Strided.from_array(values), count=len(wanted))
        trial.run(EXACTLY)
        for element in _ONE_ELEMENT:
            trial.expect_equal(f"[exactly(complex({element})) for i in range(count)]", wanted)
        cell.tally.comparisons += 3 * len(wanted)


@clause("interop.bool.is-nonzero")
def test_bool_is_nonzero(cell: Cell) -> None:
    for seed in drawn_seeds(cell):
        values = pool(cell.dtype, "any", seed)
        wanted = [bool(interop.python_value(each)) for each in values]
        trial = cell.trial(x=Strided.from_array(values), wanted=wanted)
        for element in _ONE_ELEMENT:
            for truth in (
                "bool({})",
                "torch.is_nonzero({})",
                "{}.is_nonzero()",
                "(not not {})",
                "(True if {} else False)",
            ):
                trial.expect_equal(f"[{truth.format(element)} for i in range(len(wanted))]", wanted)
        trial.expect_equal(
            "[type(torch.is_nonzero(x[i])) for i in range(len(wanted))] == [bool] * len(wanted)", value=True
        )
        cell.tally.comparisons += 15 * len(wanted)


@clause("interop.bool.refuses-other-counts")
def test_bool_refuses_other_counts(cell: Cell) -> None:
    for size in ((2,), (0,), (1, 0), (2, 2), (1, 2, 1), (40_000,)):
        trial = cell.trial(x=Strided.from_array(np.zeros(size, numpy_dtype(cell.dtype))))
        for statement in ("bool(x)", "torch.is_nonzero(x)", "x.is_nonzero()", "not x", "x and 1", "1 if x else 2"):
            trial.expect_error(statement, RuntimeError)


@clause("interop.number.refuses-other-counts")
def test_number_refuses_other_counts(cell: Cell) -> None:
    for size in ((2,), (0,), (1, 0), (2, 2), (1, 2, 1), (40_000,)):
        trial = cell.trial(x=Strided.from_array(np.ones(size, numpy_dtype(cell.dtype))))
        for statement in ("int(x)", "float(x)", "complex(x)"):
            trial.expect_error(statement, ValueError, RuntimeError)
        trial.expect_error("range(10)[x]", TypeError)


@clause("interop.index.takes-integers")
def test_index_takes_integers(cell: Cell) -> None:
    values = pool(cell.dtype, "any", 0)
    trial = cell.trial(x=Strided.from_array(values))
    trial.run("import operator")
    wanted = [operator.index(int(each)) for each in values]
    for element in _ONE_ELEMENT:
        trial.expect_equal(f"[operator.index({element}) for i in range(256)]", wanted)
        trial.expect_equal(f"{{type(operator.index({element})) for i in range(256)}} == {{int}}", value=True)
    cell.tally.comparisons += 3 * 256
    trial.expect_equal("[[*range(200)][x[i]] for i in range(2)]", [[*range(200)][int(each)] for each in values[:2]])
    trial.expect_equal("list(range(x[1]))", [0])
    trial.expect_equal("hex(x[1])", "0x1")
    trial.expect_equal("'ab' * x[1:2]", "ab")
    trial.expect_equal("(5, 6, 7)[x[1]:]", (6, 7))


@clause("interop.index.refuses-others")
def test_index_refuses_others(cell: Cell) -> None:
    one = numpy_dtype(cell.dtype).type(1)
    trial = cell.trial(several=Strided.from_array(np.array([one, one])), empty=Strided.from_array(np.array([one])[:0]))
    trial.run("import operator")
    for statement in ("operator.index(several)", "[1, 2][several]", "range(empty)", "operator.index(empty)"):
        trial.expect_error(statement, TypeError)
    if is_floating(cell.dtype) or is_complex(cell.dtype):
        for size in _SHAPES:
            trial = cell.trial(x=Strided.from_array(np.ones(size, numpy_dtype(cell.dtype))))
            trial.run("import operator")
            for statement in ("operator.index(x)", "[1, 2][x]", "range(x)", "hex(x)"):
                trial.expect_error(statement, TypeError)
    else:
        width = bits(cell.dtype)
        trial = cell.trial(x=Strided.from_array(np.ones((), numpy_dtype(cell.dtype))), width=width)
        trial.expect_equal("[0] * x", [0])
