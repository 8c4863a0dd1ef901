"""Clauses on zeros, ones, full, empty and eye: every element, dtype inference, layout, out=."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from torch_conformance.conformance.chapters.creation.fills import MANY, POISON, fill_value, spellings_for
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import creation

_SIZE_FORMS = ("size", "list(size)", "torch.Size(size)", "size=size")
_WITH = "dtype=dtype, device=device"
FILL_SPELLINGS: dict[str, tuple[str, ...]] = {
    "zeros": tuple(f"torch.zeros({form}, {_WITH})" for form in (*_SIZE_FORMS, "*size")),
    "ones": tuple(f"torch.ones({form}, {_WITH})" for form in (*_SIZE_FORMS, "*size")),
    "full": (
        *(f"torch.full({form}, fill, {_WITH})" for form in _SIZE_FORMS[:3]),
        f"torch.full(size=size, fill_value=fill, {_WITH})",
        f"torch.full(size, fill_value=fill, {_WITH})",
    ),
}
# Far beyond the grain of 32,768 elements, with an odd remainder.
_HUGE = ((1_048_577,), (3, 131_101), (262_147, 1))


def _fill(subject: str, recipe: Recipe, dtype: str) -> Any:
    return {"zeros": 0, "ones": 1}.get(subject, 0) if subject != "full" else fill_value(recipe, dtype)


@clause("creation.*.fills-every-element")
@given(sweep=sweeps())
def test_fills_every_element(cell: Cell, sweep: Sweep) -> None:
    subject = cell.clause.subject
    for recipe in sweep:
        fill = _fill(subject, recipe, cell.dtype)
        trial = cell.trial(size=recipe.size, fill=fill, other=int(fill == 0), dtype=cell.torch_dtype)
        expected = creation.full(recipe.size, fill, cell.dtype)
        for spelling in spellings_for(FILL_SPELLINGS[subject], recipe):
            trial.run(POISON)
            trial.expect(spelling, expected)


@clause("creation.*.fills-huge-tensors")
def test_fills_huge_tensors(cell: Cell) -> None:
    subject = cell.clause.subject
    fill: Any = {"zeros": 0, "ones": 1, "full": 3 if cell.dtype != "bool" else True}[subject]
    size = _HUGE[cell.seed % len(_HUGE)]
    trial = cell.trial(size=size, fill=fill, other=int(fill == 0), dtype=cell.torch_dtype)
    spellings = FILL_SPELLINGS[subject]
    trial.run(POISON)
    trial.expect(spellings[cell.seed % len(spellings)], creation.full(size, fill, cell.dtype))


_EDGE_SPELLINGS = (
    "torch.full((3,), fill, dtype=dtype, device=device)",
    "torch.full((9,), fill, out=x.repeat(3))",
    "torch.full_like(x, fill)",
    "x.new_full((1, 2), fill)",
)


@clause("creation.full.holds-edge-values")
def test_full_holds_edge_values(cell: Cell) -> None:
    values = pool(cell.dtype, "any", cell.seed % 256).tolist()
    # The edges come first in a pool.
    for value in values[: 64 if cell.profile.name == "smoke" else None]:
        fill = min(value, 2**63 - 1) if cell.dtype == "uint64" else value
        trial = cell.trial(x=Strided.from_array(creation.full((3,), 0, cell.dtype)), fill=fill, dtype=cell.torch_dtype)
        for spelling, size in zip(_EDGE_SPELLINGS, ((3,), (9,), (3,), (1, 2)), strict=True):
            trial.expect(spelling, creation.full(size, fill, cell.dtype))


_INFERRED: tuple[Any, ...] = (
    *(True, False, 0, 1, -1, 7, 2**40, -(2**63), 2**63 - 1, 0.0, -0.0, 1.5, 3.0, -2.25, 0.1),
    *(float("inf"), float("nan"), 1j, 2.5 - 3j, 0j, complex(1, 0)),
)
_INFERRING = (
    "torch.full(size, fill, device=device)",
    "torch.full(list(size), fill, device=device)",
    "torch.full(size, fill_value=fill, device=device)",
    "torch.full(size, fill, dtype=None, device=device)",
)


@clause("creation.full.infers-dtype")
def test_full_infers_dtype(cell: Cell) -> None:
    for default in ("float32", "float64"):
        for size in ((2, 3), (), (0,), (17,)):
            for fill in _INFERRED:
                trial = cell.trial(size=size, fill=fill, default=TORCH_DTYPES[default])
                trial.run("torch.set_default_dtype(default)")
                expected = creation.full(size, fill, creation.infer(fill, default))
                for spelling in _INFERRING:
                    trial.expect(spelling, expected)
    cell.trial().run("torch.set_default_dtype(torch.float32)")


@clause("creation.full.refuses-what-overflows")
def test_full_refuses_what_overflows(cell: Cell) -> None:
    beyond: list[Any] = [dtypes.iinfo(cell.dtype).max + 1, 10 * dtypes.iinfo(cell.dtype).max]
    for size in ((2, 3), (), (1,), (33,)):
        for fill in beyond:
            trial = cell.trial(size=size, fill=fill, dtype=cell.torch_dtype)
            trial.run("x = torch.zeros(size, dtype=dtype, device=device)")
            # Integers that fit no argument at all are refused before the dtype is looked at.
            for spelling in (
                "torch.full(size, fill, dtype=dtype, device=device)",
                "torch.full_like(x, fill)",
                "x.new_full(size, fill)",
                "torch.full(size, fill, out=x)",
            ):
                trial.expect_error(spelling, RuntimeError, ValueError, OverflowError)
            trial.expect("x", creation.full(size, 0, cell.dtype))


@clause("creation.empty.has-asked-shape")
@given(sweep=sweeps())
def test_empty_has_asked_shape(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        size = recipe.size
        trial = cell.trial(size=size, dtype=cell.torch_dtype)
        for form in (*_SIZE_FORMS, *(("*size",) if size else ())):
            trial.run(f"y = torch.empty({form}, dtype=dtype, device=device)")
            trial.expect_equal("tuple(y.shape)", size)
            trial.expect_true("y.dtype == dtype", "empty has the dtype that was asked for")
            trial.expect_true("y.device.type == device.type", "empty is on the device that was asked for")
            trial.expect_equal("y.stride()", row_major(size))


_CHANNELS_LAST_SIZES = ((2, 3, 4, 5), (1, 3, 2, 2), (3, 1, 2, 4), (2, 5, 1, 1), (1, 1, 1, 1), (7, 3, 9, 11))


@clause("creation.empty.takes-memory-format")
def test_empty_takes_memory_format(cell: Cell) -> None:
    for size in _CHANNELS_LAST_SIZES:
        for order, strides in (
            ("torch.channels_last", creation.channels_last_strides(size)),
            ("torch.contiguous_format", row_major(size)),
        ):
            trial = cell.trial(size=size, dtype=cell.torch_dtype)
            for form in ("size", "list(size)", "*size"):
                trial.run(f"y = torch.empty({form}, dtype=dtype, device=device, memory_format={order})")
                trial.expect_equal("y.stride()", strides)
                trial.expect_equal("tuple(y.shape)", size)
                trial.expect_true(f"y.is_contiguous(memory_format={order})", "empty has the memory format asked for")


_STRIDED = (
    *(((2, 3), (1, 2)), ((2, 3), (3, 1)), ((2, 3), (5, 2)), ((4,), (3,)), ((), ()), ((3, 2, 4), (1, 3, 6))),
    *(
        ((5, 1), (1, 9)),
        ((3, 4), (0, 1)),
        ((0, 3), (3, 1)),
        ((181, 183), (1, 181)),
        ((2, 3, 4, 5), (60, 1, 15, 3)),
    ),
)


@clause("creation.empty-strided.has-asked-strides")
def test_empty_strided_has_asked_strides(cell: Cell) -> None:
    for size, stride in _STRIDED:
        trial = cell.trial(size=size, stride=stride, dtype=cell.torch_dtype)
        trial.run("x = torch.empty((1,), dtype=dtype, device=device)")
        for spelling in (
            "torch.empty_strided(size, stride, dtype=dtype, device=device)",
            "torch.empty_strided(size=list(size), stride=list(stride), dtype=dtype, device=device)",
            "x.new_empty_strided(size, stride)",
        ):
            trial.run(f"y = {spelling}")
            trial.expect_equal("(tuple(y.shape), y.stride(), y.storage_offset())", (size, stride, 0))
            trial.expect_true("y.dtype == dtype", "the dtype is the one asked for")


_EYE_SIZES = (
    *((n, m) for n in range(8) for m in range(8)),
    *((1, 65), (65, 1), (33, 31), (127, 129), (0, 40), (181, 183), (3, 10_925), (10_925, 3), (257, 256)),
)


@clause("creation.eye.has-ones-on-the-diagonal")
def test_eye_has_ones_on_the_diagonal(cell: Cell) -> None:
    for n, m in _EYE_SIZES:
        trial = cell.trial(n=n, m=m, size=(n, m), other=1, dtype=cell.torch_dtype)
        expected = creation.eye(n, m, cell.dtype)
        spellings = [
            "torch.eye(n, m, dtype=dtype, device=device)",
            "torch.eye(n=n, m=m, dtype=dtype, device=device)",
        ]
        if n == m:
            spellings += [
                "torch.eye(n, dtype=dtype, device=device)",
                "torch.eye(n=n, dtype=dtype, device=device)",
            ]
        for spelling in spellings if n * m < MANY else spellings[-1:]:
            trial.run(POISON)
            trial.expect(spelling, expected)


@clause("creation.eye.refuses-negative-sizes")
def test_eye_refuses_negative_sizes(cell: Cell) -> None:
    for n, m in ((-1, 2), (2, -1), (-3, -3), (-(2**40), 1), (0, -1)):
        trial = cell.trial(n=n, m=m)
        trial.expect_error("torch.eye(n, m, device=device)", RuntimeError)
        trial.expect_error("torch.eye(n=n, m=m, device=device)", RuntimeError)
        if n < 0:
            trial.expect_error("torch.eye(n, device=device)", RuntimeError)
