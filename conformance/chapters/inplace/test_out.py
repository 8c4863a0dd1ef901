"""The keyword out=: what is stored, in which memory, and which tensors are refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.inplace.writes import (
    SHARED,
    Write,
    each_implemented,
    edge_write,
    few_recipes,
    in_dtype,
    is_undisputed,
    operands,
    others,
    row_recipes,
    structure_of,
    tiny,
    writable,
    write,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import CLASSIC
from torch_conformance.conformance.inputs.recipes import Structure
from torch_conformance.conformance.judging.elementwise import result_dtype
from torch_conformance.reference.model import promotion
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import elementwise
from torch_conformance.spec.operators import Operator, operators

Array = npt.NDArray[Any]

# Documented without out=.
_WITHOUT = ("torch.rsub(b, a)",)


@functools.cache
def outputs(row: Operator) -> tuple[str, ...]:
    """Return every call that stores the result in out: each function of the row with the keyword."""
    functions = [each for each in row.spellings if each.startswith("torch.") and each not in _WITHOUT]
    return tuple(dict.fromkeys([*row.out, *[f"{each[:-1]}, out=out)" for each in functions]])) if row.out else ()


def _rows(dtype: str) -> Iterator[Operator]:
    return (row for row in operators().values() if row.out and in_dtype(row.dtypes, dtype))


def _result(row: Operator, dtype: str) -> str:
    return result_dtype(row, dtype)


def _empty(row: Operator, dtype: str, structure: Structure) -> Strided:
    """Return a tensor to store a result in, with ones in all its memory."""
    storage = np.ones(structure.length, numpy_dtype(_result(row, dtype)))
    return Strided(storage, structure.size, structure.stride, structure.offset)


def _each_row(cell: Cell, judge: Callable[[Operator], None], *, values: bool = False) -> None:
    """Judge every row with out=; those whose values are disputed only where values are the subject."""
    __tracebackhide__ = True
    rows = (row for row in _rows(cell.dtype) if values or is_undisputed(row, cell.dtype))
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


def _each_call(cell: Cell, judge: Callable[[Operator, str, Write], None]) -> None:
    """Judge every call with out= in a few sizes, with layouts of the operands taken in turn."""
    __tracebackhide__ = True

    def judge_row(row: Operator) -> None:
        for place, call in enumerate(outputs(row)):
            for turn, recipe in enumerate(few_recipes(cell, place + len(row.name))):
                layouts = others(recipe.size)
                judge(row, call, write(cell, row, recipe, layouts[(turn + cell.seed) % len(layouts)]))

    _each_row(cell, judge_row)


@clause("inplace.out.receives-the-result")
def test_receives(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for turn, recipe in enumerate(row_recipes(cell, row, share=0.125)):
            layouts = others(recipe.size)
            calls = outputs(row)
            for place, call in enumerate(calls if recipe.structure.length < 30_000 else calls[:1]):
                case = write(cell, row, recipe, layouts[(turn + place + cell.seed) % len(layouts)])
                out = _empty(row, cell.dtype, structure_of(recipe.size, turn + place + cell.seed))
                trial = cell.trial(**case.operands, out=out)
                trial.run(call)
                trial.expect("out", case.expected, case.rule, dtype=_result(row, cell.dtype))
        edges = edge_write(cell, row, "contiguous")
        for turn, call in enumerate(outputs(row)):
            out = _empty(row, cell.dtype, writable(edges.operands["a"].size)[turn % 2])
            trial = cell.trial(**edges.operands, out=out)
            trial.run(call)
            trial.expect("out", edges.expected, edges.rule, dtype=_result(row, cell.dtype))

    _each_row(cell, judge, values=True)


@clause("inplace.out.is-returned")
def test_returned(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        size = case.operands["a"].size
        out = _empty(row, cell.dtype, structure_of(size, cell.seed + len(size)))
        cell.trial(**case.operands, out=out).expect_true(f"{call} is out", "the tensor that was given is returned")

    _each_call(cell, judge)


@clause("inplace.out.of-the-right-size-keeps-its-memory")
def test_keeps_memory(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        size = case.operands["a"].size
        out = _empty(row, cell.dtype, structure_of(size, cell.seed + len(call) + len(size)))
        trial = cell.trial(**case.operands, out=out, length=out.storage.size)
        trial.run("address, whole = out.data_ptr(), torch.as_strided(out, (length,), (1,), 0)")
        trial.run(call)
        trial.expect_true("out.data_ptr() == address", "the memory is the same")
        trial.expect_equal("(tuple(out.stride()), out.storage_offset())", (out.stride, out.offset))
        free = np.ones(out.storage.size, dtype=np.bool_)
        free[out.addresses().ravel()] = False
        trial.expect("whole[list(range(length))]", _within(out, case), case.rule, dtype=out.dtype)

    def _within(out: Strided, case: Write) -> Array:
        wide = np.ones(out.storage.size, case.expected.dtype)
        Strided(wide, out.size, out.stride, out.offset).array[...] = case.expected
        return wide

    _each_call(cell, judge)


@clause("inplace.out.empty-is-resized-without-a-warning")
def test_empty(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands, dtype=TORCH_DTYPES[_result(row, cell.dtype)])
        # Memory that came from NumPy cannot be resized.
        trial.run("out = torch.ones(0, dtype=dtype, device=device)")
        trial.run("import warnings")
        trial.run(f"with warnings.catch_warnings(): warnings.simplefilter('error'); {call}")
        trial.expect("out", case.expected, case.rule, dtype=_result(row, cell.dtype))

    _each_call(cell, judge)


@clause("inplace.out.of-another-size-is-resized-with-a-warning")
def test_resized(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        size = (7,) if len(call) % 2 else (2, 2)
        trial = cell.trial(**case.operands, size=size, dtype=TORCH_DTYPES[_result(row, cell.dtype)])
        trial.run("import warnings")
        trial.run("held = out = torch.ones(size, dtype=dtype, device=device)")
        trial.run(
            f"with warnings.catch_warnings(record=True) as caught: warnings.simplefilter('always'); answer = {call}"
        )
        trial.expect_true("any(issubclass(w.category, UserWarning) for w in caught)", "resizing is warned of")
        trial.expect_true("answer is held", "the tensor that was given is returned")
        trial.expect("held", case.expected, case.rule, dtype=_result(row, cell.dtype))

    _each_call(cell, judge)


@clause("inplace.out.of-a-lower-category-is-refused")
def test_lower_category(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        result = _result(row, cell.dtype)
        for place, target in enumerate(CLASSIC):
            if promotion.can_cast(result, target):
                continue
            recipe = few_recipes(cell, place, ((3,), (), (0,), (17,)))[0]
            case = write(cell, row, recipe)
            structure = structure_of(recipe.size, place)
            storage = np.ones(structure.length, numpy_dtype(target))
            out = Strided(storage, structure.size, structure.stride, structure.offset)
            trial = cell.trial(**case.operands, out=out)
            for call in cell.in_turn(outputs(row), place, 1):
                trial.expect_error(call, RuntimeError)
            trial.expect("out", out)

    _each_row(cell, judge)


# Rows whose results are exact for small whole numbers, with the set of dtypes.
# Functions of one operand that keep its dtype refuse any other out=.
EXACT_ROWS = (("add", "classic"), ("mul", "classic"), ("sub", "numeric"), ("eq", "real"), ("logical_or", "classic"))


@clause("inplace.out.of-a-higher-category-is-converted-to")
def test_higher_category(cell: Cell) -> None:
    generator = cell.generator()
    for name, allowed in EXACT_ROWS:
        row = operators()[name]
        if not in_dtype(allowed, cell.dtype):
            continue
        for target in CLASSIC:
            if not promotion.can_cast(_result(row, cell.dtype), target):
                continue
            for turn, size in enumerate(((3,), (), (2, 3), (17,), (0,), (65,))):
                a, b = (tiny(cell.dtype, int(np.prod(size)), generator).reshape(size) for _ in range(2))
                structure = structure_of(size, turn)
                out = Strided(np.ones(structure.length, numpy_dtype(target)), size, structure.stride, structure.offset)
                expected = cast(_exact(name, a, b, cell.dtype), target)
                trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b), out=out)
                for call in outputs(row):
                    trial.run(call)
                    trial.expect("out", expected, UNSIGNED_ZERO)


def _exact(name: str, a: Array, b: Array, dtype: str) -> Array:
    """Return the result out of place: bool, or in the dtype of the operands."""
    if not in_dtype("exact", dtype):
        a, b = (each.astype(np.complex128 if is_complex(dtype) else np.float64) for each in (a, b))
    with np.errstate(all="ignore"):
        result = np.asarray(elementwise.BINARY[name](a, b))
    return result if operators()[name].result == "bool" else cast(result, dtype)


@clause("inplace.out.may-be-an-operand")
def test_operand(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        if _result(row, cell.dtype) != cell.dtype:
            return
        for recipe in row_recipes(cell, row, share=0.125):
            case = write(cell, row, recipe)
            large = recipe.structure.length > 30_000 and not case.rule.is_exact
            for name in list(case.operands)[: 1 if large else 2]:
                trial = cell.trial(**case.operands)
                trial.run(f"out = {name}")
                trial.run(row.out[0])
                trial.expect(name, case.expected, case.rule, dtype=cell.dtype)

    _each_row(cell, judge)


@clause("inplace.out.partly-an-operand-is-refused")
def test_partial_overlap(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        if _result(row, cell.dtype) != cell.dtype:
            return
        first, second = (operands(row.name, cell.dtype, cell.seed % 16, which) for which in "ab")
        x, b = Strided.from_array(np.resize(first, 41)), Strided.from_array(np.resize(second, 40))
        for place, call in enumerate(outputs(row)):
            for parts in cell.in_turn(("x[1:], x[:-1]", "x[:-1], x[1:]"), place, 1):
                trial = cell.trial(x=x, b=b)
                trial.run(f"a, out = {parts}")
                trial.expect_error(call, RuntimeError)
                trial.expect("x", x)

    _each_row(cell, judge)


@clause("inplace.out.with-shared-elements-is-refused")
def test_shared_elements(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for place, call in enumerate(outputs(row)):
            for size, stride, length in cell.in_turn(SHARED[:3], place + len(row.name), 1):
                case = write(cell, row, few_recipes(cell, 0, (size,))[0])
                out = Strided(np.ones(length, numpy_dtype(_result(row, cell.dtype))), size, stride)
                trial = cell.trial(**case.operands, out=out)
                trial.expect_error(call, RuntimeError)
                trial.expect("out", out)

    _each_row(cell, judge)


@clause("inplace.out.leaves-operands-as-they-were")
def test_operands(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        size = case.operands["a"].size
        out = _empty(row, cell.dtype, structure_of(size, cell.seed))
        trial = cell.trial(**case.operands, out=out)
        trial.run(call)
        for name, value in case.operands.items():
            trial.expect(name, value)
            trial.expect_true(f"{name}._version == 0", "reading does not count as a write")

    _each_call(cell, judge)


@clause("inplace.out.counts-a-write")
def test_version(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        size = case.operands["a"].size
        out = _empty(row, cell.dtype, structure_of(size, cell.seed))
        trial = cell.trial(**case.operands, out=out)
        trial.run("before = out._version")
        trial.run(call)
        trial.expect_true("out._version > before", "a write to out counts")

    _each_call(cell, judge)


@clause("inplace.out.has-no-part-in-a-graph")
def test_graph(cell: Cell) -> None:
    def judge(row: Operator, call: str, case: Write) -> None:
        # What has no derivative asks nothing of its operands.
        if row.result == "bool" or row.name in ("heaviside", "floor_divide"):
            return
        out = _empty(row, cell.dtype, structure_of(case.operands["a"].size, cell.seed))
        for name in (*case.operands, "out"):
            trial = cell.trial(**case.operands, out=out)
            trial.run(f"{name}.requires_grad_()")
            trial.expect_error(call, RuntimeError)
            trial.expect("out", out)
            trial.run(f"with torch.no_grad(): {call}")
            trial.expect("out", case.expected, case.rule, dtype=cell.dtype)

    _each_call(cell, judge)
