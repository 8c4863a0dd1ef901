"""Views of strided tensors against NumPy's own views, cases worked by hand, and the definition by addresses."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import views, views_memory, views_pieces, views_size
from torch_conformance.reference.ops.views import ViewError


@st.composite
def tensors(draw: st.DrawFn, most: int = 4) -> Strided:
    """Draw a tensor whose storage holds its own addresses; strides often merge."""
    size = tuple(draw(st.lists(st.integers(0, 4), max_size=most)))
    stride = [draw(st.sampled_from((0, 1, 2, 3, 4, 6, 12))) for _ in size]
    for dim in range(len(size) - 2, -1, -1):
        if draw(st.booleans()):
            stride[dim] = stride[dim + 1] * size[dim + 1]
    offset = draw(st.integers(0, 3))
    length = offset + 1 + sum(max(extent - 1, 0) * step for extent, step in zip(size, stride, strict=True))
    return Strided(np.arange(length), size, tuple(stride), offset)


def same(answer: Strided, expected: np.ndarray) -> bool:
    return answer.size == expected.shape and bool((answer.array == expected).all())


def dims(x: Strided) -> st.SearchStrategy[int]:
    return st.integers(-max(x.ndim, 1), max(x.ndim, 1) - 1)


@settings(deadline=None)
@given(x=tensors(), data=st.data())
def test_rearrangements_against_numpy(x: Strided, data: st.DataObject) -> None:
    first, second = data.draw(dims(x)), data.draw(dims(x))
    if x.ndim:
        assert same(views.transpose(x, first, second), np.swapaxes(x.array, first, second))
        assert same(views.movedim(x, first, second), np.moveaxis(x.array, first, second))
    order = data.draw(st.permutations(range(x.ndim)))
    to = data.draw(st.permutations(range(x.ndim)))
    count = data.draw(st.integers(0, x.ndim))
    assert same(views.permute(x, order), np.transpose(x.array, order))
    assert same(views.movedim(x, order[:count], to[:count]), np.moveaxis(x.array, order[:count], to[:count]))
    place = data.draw(st.integers(-x.ndim - 1, x.ndim))
    assert same(views.unsqueeze(x, place), np.expand_dims(x.array, place))
    assert same(views.squeeze(x), np.squeeze(x.array))
    units = tuple(dim for dim in order[:count] if x.size[dim] == 1)
    assert same(views.squeeze(x, order[:count]), np.squeeze(x.array, units))


@settings(deadline=None)
@given(x=tensors(), data=st.data())
def test_parts_against_numpy(x: Strided, data: st.DataObject) -> None:
    if not x.ndim:
        return
    dim = data.draw(dims(x))
    extent = x.size[dim]
    start = data.draw(st.integers(-extent, extent))
    first = start + extent if start < 0 else start
    length = data.draw(st.integers(0, extent - first))
    assert same(views.narrow(x, dim, start, length), x.array.take(range(first, first + length), axis=dim))
    bounds = slice(
        *(data.draw(st.none() | st.integers(-6, 6)) for _ in range(2)), data.draw(st.none() | st.integers(1, 3))
    )
    index: list[Any] = [slice(None)] * x.ndim
    index[dim] = bounds
    assert same(views.sliced(x, dim, bounds), x.array[tuple(index)])
    if extent:
        at = data.draw(st.integers(-extent, extent - 1))
        assert same(views.select(x, dim, at), x.array.take(at, axis=dim))
    window, step = data.draw(st.integers(1, max(extent, 1))), data.draw(st.integers(1, 3))
    if extent:
        windows = np.lib.stride_tricks.sliding_window_view(x.array, window, axis=dim)
        index[dim] = slice(None, None, step)
        assert same(views.unfold(x, dim, window, step), windows[tuple(index)])
    if x.ndim > 1:
        other = data.draw(st.sampled_from([each for each in range(x.ndim) if each != dim % x.ndim]))
        offset = data.draw(st.integers(-5, 5))
        assert same(views.diagonal(x, offset, dim, other), np.diagonal(x.array, offset, dim, other))


@settings(deadline=None)
@given(x=tensors(), data=st.data())
def test_pieces_against_numpy(x: Strided, data: st.DataObject) -> None:
    if not x.ndim:
        return
    dim = data.draw(dims(x))
    sections = data.draw(st.integers(1, 5))
    for mine, theirs in zip(
        views_pieces.tensor_split(x, sections, dim), np.array_split(x.array, sections, axis=dim), strict=True
    ):
        assert same(mine, theirs)
    cuts = data.draw(st.lists(st.integers(-5, 6), max_size=3))
    for mine, theirs in zip(
        views_pieces.tensor_split(x, cuts, dim), np.array_split(x.array, cuts, axis=dim), strict=True
    ):
        assert same(mine, theirs)
    if x.size[dim]:
        pieces = views_pieces.split(x, sections, dim)
        assert np.array_equal(np.concatenate([piece.array for piece in pieces], axis=dim), x.array)
        assert {piece.size[dim] for piece in pieces[:-1]} <= {sections}
        assert [piece.size for piece in views_pieces.unbind(x, dim)] == [
            x.size[:dim] + x.size[dim % x.ndim + 1 :]
        ] * x.size[dim] or dim < 0


@settings(deadline=None)
@given(x=tensors(most=3), data=st.data())
def test_expand_against_numpy(x: Strided, data: st.DataObject) -> None:
    lead = data.draw(st.lists(st.integers(0, 3), max_size=2))
    size = [data.draw(st.integers(0, 4)) if extent == 1 else extent for extent in x.size]
    target = (*lead, *size)
    assert same(views.expand(x, target), np.broadcast_to(x.array, target))
    marked = (*lead, *(-1 if new == old else new for new, old in zip(size, x.size, strict=True)))
    assert same(views.expand(x, marked), np.broadcast_to(x.array, target))


def _strides_by_addresses(x: Strided, size: tuple[int, ...]) -> bool:
    """Whether the addresses of x, in row-major order in another size, step evenly along each dimension."""
    places = x.addresses().reshape(size)
    steps = [int(np.diff(places, axis=dim).flat[0]) if places.shape[dim] > 1 else 0 for dim in range(places.ndim)]
    expected = np.full(size, places.flat[0])
    for dim, step in enumerate(steps):
        shape = [1] * places.ndim
        shape[dim] = -1
        expected = expected + (np.arange(size[dim]) * step).reshape(shape)
    return bool((expected == places).all())


def _sizes(numel: int) -> list[tuple[int, ...]]:
    extents = [extent for extent in range(1, numel + 1) if numel % extent == 0]
    return [size for rank in (1, 2, 3) for size in itertools.product(extents, repeat=rank) if math.prod(size) == numel]


@settings(deadline=None)
@given(x=tensors())
def test_view_exists_where_addresses_step_evenly(x: Strided) -> None:
    for size in _sizes(x.numel) if x.numel else ():
        possible = _strides_by_addresses(x, size)
        try:
            answer = views_size.view(x, size)
        except ViewError:
            assert not possible
        else:
            assert possible
            assert answer.storage is x.storage
            assert np.array_equal(answer.addresses(), x.addresses().reshape(size))
        result = views_size.reshape(x, size)
        assert same(result, x.array.reshape(size))
        assert (result.storage is x.storage) == possible


def test_view_without_elements() -> None:
    x = Strided(np.zeros(3), (0, 3), (9, 5), 1)
    assert views_size.view(x, (4, 0, 2)).size == (4, 0, 2)
    assert views_size.view(x, (-1, 7)).size == (0, 7)
    with pytest.raises(ViewError):
        views_size.view(x, (-1, 0))


@pytest.mark.parametrize(
    ("size", "numel", "expected"),
    [
        ((2, -1), 6, (2, 3)),
        ((-1,), 6, (6,)),
        ((-1, 6), 6, (1, 6)),
        ((), 1, ()),
        ((-1, 3), 0, (0, 3)),
        ((0, 2), 0, (0, 2)),
    ],
)
def test_infer(size: tuple[int, ...], numel: int, expected: tuple[int, ...]) -> None:
    assert views_size.infer(size, numel) == expected


@pytest.mark.parametrize(
    ("size", "numel"), [((4, -1), 6), ((-1, -1), 6), ((7,), 6), ((-2, -3), 6), ((0, -1), 0), ((0,), 6), ((), 2)]
)
def test_infer_refuses(size: tuple[int, ...], numel: int) -> None:
    with pytest.raises(ViewError):
        views_size.infer(size, numel)


@settings(deadline=None)
@given(x=tensors(), data=st.data())
def test_flatten_ravel_unflatten(x: Strided, data: st.DataObject) -> None:
    assert same(views_size.ravel(x), x.array.reshape(-1))
    assert views_size.ravel(x).is_contiguous()
    if not x.ndim:
        assert views_size.flatten(x).size == (1,)
        return
    first = data.draw(st.integers(0, x.ndim - 1))
    last = data.draw(st.integers(first, x.ndim - 1))
    flat = views_size.flatten(x, first, last - x.ndim)
    assert flat.size == (*x.size[:first], math.prod(x.size[first : last + 1]), *x.size[last + 1 :])
    assert np.array_equal(flat.array.reshape(x.size), x.array)
    assert (flat is x) == (first == last)
    opened = views_size.unflatten(views_size.copy(flat), first, x.size[first : last + 1])
    assert same(opened, x.array)


@settings(deadline=None)
@given(x=tensors(most=3), data=st.data())
def test_repeat_and_tile_against_numpy(x: Strided, data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.integers(0, 3), min_size=x.ndim, max_size=x.ndim + 1))
    assert same(views_size.repeat(x, counts), np.tile(x.array, counts))
    fewer = data.draw(st.lists(st.integers(0, 3), max_size=3))
    assert same(views_size.tile(x, fewer), np.tile(x.array, fewer))


def test_strides_worked_by_hand() -> None:
    x = Strided(np.arange(24), (2, 3, 4), (12, 4, 1))
    assert views.transpose(x, 0, -1).stride == (1, 4, 12)
    assert views.unfold(x, 2, 2, 2).stride == (12, 4, 2, 1)
    assert (views.diagonal(x, -1, 1, 2).stride, views.diagonal(x, -1, 1, 2).offset) == ((12, 5), 4)
    assert (views.select(x, 1, -1).stride, views.select(x, 1, -1).offset) == ((12, 1), 8)
    assert views.expand(views.narrow(x, 1, 1, 1), (5, 2, 3, 4)).stride == (0, 12, 0, 1)
    assert views_size.view(views.narrow(x, 2, 0, 2), (6, 2)).stride == (4, 1)
    assert views_size.view(views.permute(x, (2, 0, 1)), (4, 6)).stride == (1, 4)
    assert [piece.offset for piece in views_pieces.unbind(x, 1)] == [0, 4, 8]
    assert [piece.size[2] for piece in views_pieces.chunk(x, 3, 2)] == [2, 2]
    assert [at.size for at in (views.at_least(Strided(np.arange(4), (4,), (1,)), 3), views.at_least(x, 1))] == [
        (1, 4, 1),
        x.size,
    ]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x: views.transpose(x, 0, 3), IndexError),
        (lambda x: views.permute(x, (0, 1)), ViewError),
        (lambda x: views.permute(x, (0, 1, 1)), ViewError),
        (lambda x: views.squeeze(x, (0, -3)), ViewError),
        (lambda x: views.unsqueeze(x, 4), IndexError),
        (lambda x: views.expand(x, (3, 4)), ViewError),
        (lambda x: views.expand(x, (-1, 2, 3, 4)), ViewError),
        (lambda x: views.expand(x, (2, 2, 4)), ViewError),
        (lambda x: views.narrow(x, 0, 1, 2), ViewError),
        (lambda x: views.narrow(x, 0, 3, 0), IndexError),
        (lambda x: views.select(x, 0, 2), IndexError),
        (lambda x: views.diagonal(x, 0, 1, -2), ViewError),
        (lambda x: views.unfold(x, 0, 3, 1), ViewError),
        (lambda x: views.unfold(x, 0, 1, 0), ViewError),
        (lambda x: views.as_strided(x, (2,), (24,)), ViewError),
        (views.t, ViewError),
        (lambda x: views_size.flatten(x, 2, 1), ViewError),
        (lambda x: views_size.unflatten(x, 1, (2, 2)), ViewError),
        (lambda x: views_size.repeat(x, (2, 2)), ViewError),
        (lambda x: views_pieces.split(x, (1, 2), 0), ViewError),
        (lambda x: views_pieces.split(x, 0, 0), ViewError),
        (lambda x: views_pieces.directional_split(x, "d", 3), ViewError),
        (lambda x: views_pieces.chunk(x, 0, 0), ViewError),
        (lambda x: views_pieces.unbind(x, 3), IndexError),
        (views_memory.view_as_complex, ViewError),
        (views_memory.imag, ViewError),
        (lambda x: views_memory.contiguous(x, "channels_last"), ViewError),
    ],
)
def test_refusals(call: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        call(Strided(np.arange(24), (2, 3, 4), (12, 4, 1)))


@settings(deadline=None)
@given(x=tensors())
def test_contiguous(x: Strided) -> None:
    answer = views_memory.contiguous(x)
    assert (answer is x) == x.is_contiguous()
    assert same(answer, x.array)
    assert answer.is_contiguous()


def test_channels_last_worked_by_hand() -> None:
    image = Strided(np.arange(24.0), (1, 2, 3, 4), (24, 12, 4, 1))
    answer = views_memory.contiguous(image, "channels_last")
    assert answer.stride == (24, 1, 8, 2)
    assert answer.storage.tolist() == np.moveaxis(image.array, 1, -1).ravel().tolist()
    assert views_memory.is_contiguous(answer, "channels_last")
    assert not views_memory.is_contiguous(image, "channels_last")
    assert views_memory.format_stride((2, 3, 4, 5, 6), "channels_last_3d") == (360, 1, 90, 18, 3)
    one = Strided(np.arange(6.0), (1, 1, 2, 3), (99, 77, 3, 1))
    assert views_memory.is_contiguous(one, "channels_last")
    assert not views_memory.is_contiguous(one, "channels_last_3d")


def test_same_bytes_in_another_dtype() -> None:
    x = Strided(np.array([1, 0, 2, 0, 3, 0, 4, 0], np.int16), (2, 4), (4, 1))
    assert views_memory.view_dtype(x, "int32").array.tolist() == [[1, 2], [3, 4]]
    assert views_memory.view_dtype(x, "int8").size == (2, 8)
    assert views_memory.view_dtype(x, "bfloat16").stride == (4, 1)
    gapped = Strided(x.storage, (2, 2), (4, 1), 2)
    assert views_memory.view_dtype(gapped, "int32").array.tolist() == [[2], [4]]
    for size, stride, offset in (
        ((2, 2), (1, 2), 0),
        ((3,), (1,), 0),
        ((2,), (1,), 1),
        ((2, 2), (3, 1), 0),
        ((), (), 0),
    ):
        with pytest.raises(ViewError):
            views_memory.view_dtype(Strided(x.storage, size, stride, offset), "int32")


def test_complex_parts() -> None:
    x = Strided(np.array([1 + 2j, 3 + 4j, 5 + 6j], np.complex64), (2,), (2,))
    assert views_memory.real(x).array.tolist() == [1, 5]
    assert views_memory.imag(x).array.tolist() == [2, 6]
    pairs = views_memory.view_as_real(x)
    assert (pairs.size, pairs.stride, pairs.array.tolist()) == ((2, 2), (4, 1), [[1, 2], [5, 6]])
    assert np.array_equal(views_memory.view_as_complex(pairs).array, x.array)
    assert views_memory.address(pairs, (1, 1)) == 5
    assert row_major(()) == ()
