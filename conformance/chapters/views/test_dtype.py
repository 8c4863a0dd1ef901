"""Clauses on views of the same bytes in another dtype: view(dtype), parts of complex numbers, pairs as complex ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.chapters.views.whole_operations import AS_COMPLEX, COMPLEX, IMAG, REAL
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging.operations import counting
from torch_conformance.conformance.judging.views import (
    expect_layout,
    expect_shared,
    inverted,
    judge_elements,
    judge_layout,
    judge_sharing,
    memory_trial,
    structures,
    tensors,
)
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views_memory
from torch_conformance.reference.ops.views import ViewError

Array = npt.NDArray[Any]
Size = tuple[int, ...]
_VIEWING = ("x.view(dtype)", "x.view(dtype=dtype)", "torch.Tensor.view(x, dtype)")


def _with_bytes(rng: np.random.Generator, dtype: str, size: Size, stride: Size, offset: int) -> Strided:
    """Return a tensor of random bytes whose storage ends with a whole element of every dtype."""
    width = numpy_dtype(dtype).itemsize
    reach = offset + 1 + sum(max(extent - 1, 0) * step for extent, step in zip(size, stride, strict=True))
    raw = rng.integers(0, 256, -(-reach * width // 16) * 16, dtype=np.uint8)
    return Strided((raw & 1 if dtype == "bool" else raw).view(numpy_dtype(dtype)), size, stride, offset)


def _reinterpreted(cell: Cell, *, most: int = 4) -> Iterator[tuple[str, Strided]]:
    """Yield a dtype and a tensor of the cell's dtype that may be viewed in it."""
    rng = cell.generator()
    width = numpy_dtype(cell.dtype).itemsize
    for target in TORCH_DTYPES:
        if target == "bool" and cell.dtype != "bool":
            continue
        ratio = max(numpy_dtype(target).itemsize // width, 1)
        same = numpy_dtype(target).itemsize == width
        layouts: list[tuple[Size, Size, int]] = [
            *(
                ((ratio * 3,), (1,), 0),
                ((2, ratio * 2), (ratio * 2, 1), ratio * 2),
                ((3, ratio), (ratio * 5, 1), ratio),
            ),
            *(((2, 3, ratio * 2), (ratio * 2, ratio * 4, 1), 0), ((2, 2, ratio), (0, ratio, 1), 0)),
            *(((0, ratio), (ratio, 1), 0), ((2, 0), (ratio, 1), ratio), ((7, ratio * 9), (ratio * 9, 1), 0)),
        ]
        if same:
            layouts += [((3, 2), (1, 3), 1), ((4,), (3,), 2), ((), (), 1), ((2, 3), (0, 2), 0), ((1, 1), (9, 4), 0)]
        places = rng.permutation(len(layouts))[:most]
        yield from ((target, _with_bytes(rng, cell.dtype, *layouts[place])) for place in places)


@clause("views.view-dtype.reads-the-same-bytes")
def test_view_dtype_values(cell: Cell) -> None:
    for target, x in _reinterpreted(cell):
        trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
        for spelling in _VIEWING:
            trial.expect(spelling, views_memory.view_dtype(x, target))


@clause("views.view-dtype.scales-the-last-dimension")
def test_view_dtype_layout(cell: Cell) -> None:
    for target, x in _reinterpreted(cell, most=8):
        trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
        for spelling in _VIEWING:
            expect_layout(trial, spelling, views_memory.view_dtype(x, target), exact=False)
            trial.expect_true("y.dtype == dtype", "the view has the dtype that was asked for")


@clause("views.view-dtype.shares-bytes")
def test_view_dtype_memory(cell: Cell) -> None:
    rng = cell.generator()
    for target, x in _reinterpreted(cell, most=2):
        if not x.numel or (target.startswith("uint") and target not in ("uint8", cell.dtype)):
            continue
        plain = Strided(np.zeros_like(x.storage), x.size, x.stride, x.offset)
        trial = memory_trial(cell, plain, {"dtype": TORCH_DTYPES[target]})
        trial.run(f"y = {_VIEWING[int(rng.integers(3))]}")
        y = views_memory.view_dtype(plain, target)
        expect_shared(trial, plain, y, rng)


@clause("views.view-dtype.refuses-unmet-conditions")
def test_view_dtype_refuses(cell: Cell) -> None:
    rng = cell.generator()
    width = numpy_dtype(cell.dtype).itemsize
    for target in TORCH_DTYPES:
        if target == "bool" or numpy_dtype(target).itemsize == width:
            continue
        ratio = max(numpy_dtype(target).itemsize // width, 2)
        layouts: tuple[tuple[Size, Size, int], ...] = (
            *(((), (), 0), ((ratio * 2,), (2,), 0), ((2, ratio), (1, 2), 0), ((ratio,), (0,), 0)),
            *(((ratio + 1,), (1,), 0), ((ratio * 2,), (1,), 1), ((2, ratio), (ratio + 1, 1), 0), ((1,), (3,), 0)),
        )
        for size, stride, offset in layouts:
            x = _with_bytes(rng, cell.dtype, size, stride, offset)
            try:
                views_memory.view_dtype(x, target)
            except ViewError:
                trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
                for spelling in _VIEWING:
                    trial.expect_error(spelling, RuntimeError)
                trial.expect_true("x.dtype != dtype", "the tensor keeps its dtype")
                trial.expect("x", x)
                trial.expect("x.view(x.dtype)", x)


@clause("views.*.reads-parts")
@given(sweep=sweeps())
def test_parts(cell: Cell, sweep: Sweep) -> None:
    judge_elements(cell, (COMPLEX[cell.clause.subject],), sweep)


@clause("views.*.has-the-strides-of-parts")
def test_parts_layout(cell: Cell) -> None:
    judge_layout(cell, (COMPLEX[cell.clause.subject],))


@clause("views.*.shares-parts")
def test_parts_memory(cell: Cell) -> None:
    judge_sharing(cell, (COMPLEX[cell.clause.subject],))


@clause("views.real.returns-self-for-real-tensors")
def test_real_of_real(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 60, 3, tuple(name for name in TORCH_DTYPES if "complex" not in name)):
        trial = cell.trial(x=x)
        for spelling in REAL.spellings:
            trial.run(f"y = {spelling}")
            trial.expect_equal(
                "(tuple(y.shape), y.stride(), y.storage_offset(), y.data_ptr() == x.data_ptr())",
                (x.size, x.stride, x.offset, True),
            )
            trial.expect("y", x)
        trial.expect_true("torch.real(x) is x", "torch.real returns the tensor itself")


@clause("views.complex-parts.refuses-real-tensors")
def test_parts_refuse(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 12, 1):
        trial = cell.trial(x=x)
        for spelling in (*IMAG.spellings, *COMPLEX["view-as-real"].spellings):
            trial.expect_error(spelling, RuntimeError)
        trial.expect("x", x)
        trial.expect("torch.view_as_real(x.to(torch.complex64))[..., 1]", np.zeros(x.size, np.float32))


def _pairs(cell: Cell) -> list[Strided]:
    """Return real tensors whose last dimension holds pairs, from the parts of complex ones."""
    rng = cell.generator()
    name = {"float32": "complex64", "float64": "complex128"}[cell.dtype]
    found = [views_memory.view_as_real(counting(each, name)) for each in structures(cell, rng, 150, 8)]
    # A gap after each pair, and a dimension that repeats.
    for size, stride, offset in (((3, 2), (4, 1), 2), ((2, 3, 2), (0, 6, 1), 4), ((0, 2), (2, 1), 0), ((2,), (1,), 6)):
        found.append(Strided(np.arange(40).astype(numpy_dtype(cell.dtype)), size, stride, offset))
    return found


@clause("views.view-as-complex.reads-pairs")
def test_pairs(cell: Cell) -> None:
    for x in _pairs(cell):
        trial = cell.trial(x=x)
        for spelling in AS_COMPLEX.spellings:
            trial.expect(spelling, views_memory.view_as_complex(x))


@clause("views.view-as-complex.halves-strides")
def test_pairs_layout(cell: Cell) -> None:
    for x in _pairs(cell):
        trial = cell.trial(x=x)
        for spelling in AS_COMPLEX.spellings:
            expect_layout(trial, spelling, views_memory.view_as_complex(x), exact=False)


@clause("views.view-as-complex.shares-pairs")
def test_pairs_memory(cell: Cell) -> None:
    rng = cell.generator()
    for x in _pairs(cell):
        if x.numel and x.storage.size % 2 == 0:
            trial = memory_trial(cell, x, {})
            trial.run("y = torch.view_as_complex(x)")
            expect_shared(trial, x, views_memory.view_as_complex(x), rng)


@clause("views.view-as-complex.refuses-what-are-no-pairs")
def test_pairs_refused(cell: Cell) -> None:
    storage = np.arange(24).astype(numpy_dtype(cell.dtype))
    layouts: tuple[tuple[Size, Size, int], ...] = (
        *(((3,), (1,), 0), ((), (), 0), ((2, 1), (2, 1), 0), ((2, 4), (4, 1), 0), ((2, 2), (1, 2), 0)),
        *(((2,), (2,), 0), ((3, 2), (3, 1), 0), ((2, 2, 2), (4, 5, 1), 0), ((2, 0), (2, 1), 0), ((2,), (0,), 0)),
    )
    for size, stride, offset in layouts:
        x = Strided(storage, size, stride, offset)
        trial = cell.trial(x=x)
        for spelling in AS_COMPLEX.spellings:
            trial.expect_error(spelling, RuntimeError)
        trial.expect("x", x)
        trial.expect("torch.view_as_complex(torch.stack([x, x], -1)).real", x)


@clause("views.view-as-complex.refuses-other-dtypes")
def test_pairs_of_other_dtypes(cell: Cell) -> None:
    for size in ((2,), (3, 2), (0, 2), (2, 3, 2)):
        x = Strided.from_array(np.zeros(size, numpy_dtype(cell.dtype)))
        trial = cell.trial(x=x)
        for spelling in AS_COMPLEX.spellings:
            trial.expect_error(spelling, RuntimeError)
        trial.expect("x", x)


@clause("views.conj.shows-writes-conjugated")
def test_conj(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 60, 3):
        trial = memory_trial(cell, x, {})
        for spelling in ("torch.conj(x)", "x.conj()"):
            trial.run(f"y = {spelling}")
            trial.expect_equal("(tuple(y.shape), y.stride(), y.storage_offset())", (x.size, x.stride, x.offset))
            trial.expect("y", np.conj(x.array))
            trial.expect_true("y.is_conj() and not x.is_conj()", "the view alone is marked as conjugated")
            trial.expect("y.imag", np.negative(x.array.imag))
            trial.expect("y.real", np.ascontiguousarray(x.array.real).reshape(x.size))
        trial.run("torch.as_strided(x, (total,), (1,), 0).copy_(fresh)")
        trial.expect("y", np.conj(Strided(inverted(x.storage), x.size, x.stride, x.offset).array))


@clause("views.view-as-real.refuses-conjugated-tensors")
def test_parts_of_conjugated(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 20, 1):
        trial = cell.trial(x=x)
        trial.run("x = x.conj()")
        trial.expect_error("torch.view_as_real(x)", RuntimeError)
        trial.expect("x", np.conj(x.array))
        trial.expect("torch.view_as_real(x.resolve_conj())", _conjugated_parts(x))


def _conjugated_parts(x: Strided) -> Array:
    return np.stack([x.array.real, -x.array.imag], axis=-1)


_OTHER_TYPES = (
    *(
        "x.view(2.0, 3)",
        "x.view('6')",
        "x.view(None)",
        "x.view()",
        "x.expand('2')",
        "x.expand(2.5, 3)",
        "x.expand_as(2)",
    ),
    *("x.narrow(0, 0.5, 1)", "torch.narrow(x, 0, 1)", "x.narrow('0', 0, 1)", "x.select(0, 0.5)", "torch.select(x, 0)"),
    *("x.unfold(0, 1.5, 1)", "x.unfold(0, 1)", "x.diagonal(0.5)", "torch.diagonal(x, '0')", "x.as_strided(2, 1.5)"),
    *("torch.as_strided(x, (2,))", "x.as_strided((1.5,), (1,))", "x.chunk(1.5)", "torch.chunk(x)", "x.chunk(2, 0.5)"),
    *("x.tensor_split(1.5)", "torch.tensor_split(x, '2')", "x.hsplit(1.5)", "torch.vsplit(x, None)", "x.unbind(0.5)"),
    *("torch.unbind(x, [0])", "torch.real(data)", "torch.view_as_real(data)", "x.contiguous(memory_format=0)"),
    *(
        "x.view_as((2, 3))",
        "x.expand_as(2)",
        "x.is_contiguous(memory_format='channels_last')",
        "torch.broadcast_to(x, 2.5)",
    ),
)


@clause("views.arguments.refuses-other-types")
def test_other_types(cell: Cell) -> None:
    data = [[1, 2, 3], [4, 5, 6]]
    for x in (Strided.from_array(np.array(data)), Strided(np.arange(8.0), (2, 3), (1, 2), 1)):
        trial = cell.trial(x=x, data=data, total=x.storage.size)
        for spelling in _OTHER_TYPES:
            trial.expect_error(spelling, TypeError)
        trial.expect_equal("(tuple(x.shape), x.stride(), x.storage_offset())", (x.size, x.stride, x.offset))
        trial.expect("torch.as_strided(x, (total,), (1,), 0)", x.storage)
        trial.expect("x.narrow(0, 1, 1).select(1, 2).expand(2)", np.repeat(x.array[1, 2], 2))
