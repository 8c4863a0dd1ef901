"""Index expressions for a tensor's size: basic ones, index arrays, masks, and how each may be written down.

An index is first built of integers, slices, None, Ellipsis and NumPy arrays, as the reference reads it. `written_down`
then turns its arrays into what a user would type: tensors of several layouts and dtypes, lists, NumPy arrays.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, structures
from torch_conformance.conformance.inputs.values import POOL_SIZE, pool
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops.indexing import FULL, is_unambiguous

Array = npt.NDArray[Any]
Size = tuple[int, ...]

FORMS = ("tensor", "int32", "list", "array", "offset", "sliced", "transposed")
LAYOUTS = ("tensor", "offset", "sliced", "transposed")
# Literal names of inputs, so that several indices share one tensor.
INDEXED = ("x[i0]", "x[i1]", "x[i2]", "x[i3]", "x[i4]", "x[i5]")
# Size classes of tensors that have dimensions to index.
WITH_DIMENSIONS = ("small", "empty", "tail", "grain")
# All of the storage of x, so that a write beside the elements that are meant is seen.
STORAGE = "torch.as_strided(x, (length,), (1,), 0)"
MANY = 5_000
_LISTED = 64


def _standing() -> Sweep:
    """Return recipes that every cell judges, whatever is drawn: one or two of each layout and size class."""
    wanted: tuple[tuple[Size, str], ...] = (
        *(((), "contiguous"), ((3,), "contiguous"), ((5,), "sliced"), ((2, 3), "transposed"), ((4, 3), "gapped")),
        *(((2, 3, 4), "offset"), ((2, 3, 4), "transposed"), ((3, 2, 1, 2), "channels-last"), ((0, 3), "contiguous")),
        *(((17,), "contiguous"), ((65,), "sliced"), ((3, 17), "transposed"), ((5, 33), "gapped")),
        *(((2, 3, 65), "transposed"), ((129,), "offset"), ((181, 183), "transposed"), ((32_769,), "contiguous")),
    )
    found = []
    for place, (size, layout) in enumerate(wanted):
        structure = next(each for each in structures(size) if each.layout == layout)
        codes = np.random.default_rng(place).integers(1, 256, 32, dtype=np.uint8).tobytes()
        found.append(Recipe(structure, place, codes))
    return Sweep(tuple(found))


STANDING = _standing()
STANDING_WITH_DIMENSIONS = Sweep(STANDING.recipes[1:])


class Choices:
    """Small numbers read from a recipe's bytes; all zero, the simplest choice, when the recipe is simplest."""

    def __init__(self, recipe: Recipe, turn: int) -> None:
        """Begin at another byte for each turn."""
        self._codes = recipe.codes
        self._at = turn * 11
        simple = not any(recipe.codes)
        self.generator = None if simple else np.random.default_rng([*recipe.codes[:6], recipe.seed, turn])

    def pick(self, count: int) -> int:
        """Return a number below `count`."""
        code = self._codes[self._at % len(self._codes)]
        # A second way through the bytes gives other numbers.
        code = code * (1 + self._at // len(self._codes)) % 251 if self._at >= len(self._codes) else code
        self._at += 1
        return code % count

    def integers(self, low: int, high: int, size: Size) -> Array:
        """Return int64 numbers from low to high - 1."""
        if self.generator is None:
            return np.full(size, low, dtype=np.int64)
        return self.generator.integers(low, high, size)

    def distinct(self, extent: int, size: Size) -> Array:
        """Return distinct int64 numbers below `extent`."""
        count = math.prod(size)
        if self.generator is None:
            return np.arange(count, dtype=np.int64).reshape(size)
        return self.generator.permutation(extent)[:count].astype(np.int64).reshape(size)

    def mask(self, size: Size) -> Array:
        """Return a mask; all true in the simplest case."""
        if self.generator is None:
            return np.ones(size, dtype=np.bool_)
        share = (0.5, 0.1, 0.9, 0.0, 1.0)[self.pick(5)]
        return np.asarray(self.generator.random(size) < share)


def laid_out(array: Array, layout: str) -> Strided:
    """Return an array's elements as a tensor: "tensor", "offset", "sliced" (step 2) or "transposed"."""
    if layout == "offset":
        return Strided(
            np.concatenate([np.zeros(3, array.dtype), array.ravel()]), array.shape, row_major(array.shape), 3
        )
    if layout == "sliced" and array.ndim:
        outer = (*array.shape[:-1], array.shape[-1] * 2)
        storage = np.zeros(outer, array.dtype)
        storage[..., ::2] = array
        return Strided(storage.ravel(), array.shape, (*row_major(outer)[:-1], 2), 0)
    if layout == "transposed" and array.ndim > 1:
        stride = tuple(reversed(row_major(array.shape[::-1])))
        return Strided(array.T.copy().ravel(), array.shape, stride, 0)
    return Strided.from_array(array)


def expanded(array: Array, size: Size) -> Strided:
    """Return an array of leading dimensions as a tensor repeated with stride 0 along the further ones of `size`."""
    stride = (*row_major(array.shape), *[0] * (len(size) - array.ndim))
    return Strided(array.ravel().copy(), size, stride, 0)


def _slice(extent: int, choices: Choices) -> slice:
    reach = extent + 2
    ends = [None if choices.pick(3) == 0 else choices.pick(2 * reach + 1) - reach for _ in range(2)]
    return slice(ends[0], ends[1], (None, 1, 2, 3, 5)[choices.pick(5)])


def _integer(extent: int, choices: Choices) -> int:
    place = choices.pick(min(extent, 250)) if choices.pick(2) else extent - 1 - choices.pick(min(extent, 250))
    return place - extent if choices.pick(2) else place


def _basic_item(extent: int, choices: Choices) -> Any:
    kind = choices.pick(4)
    if kind == 1 and extent:
        return _integer(extent, choices)
    return FULL if kind == 0 else _slice(extent, choices)


def _abbreviated(items: list[Any], choices: Choices) -> list[Any]:
    """Put an Ellipsis for some full slices, drop full slices at the end, insert None."""
    way = choices.pick(3)
    if way == 1:
        begin = choices.pick(len(items) + 1)
        end = begin
        while end < len(items) and isinstance(items[end], slice) and items[end] == FULL:
            end += 1
        items[begin:end] = [Ellipsis]
    elif way == 2:
        while items and isinstance(items[-1], slice) and items[-1] == FULL:
            items.pop()
    for _ in range((0, 0, 1, 2)[choices.pick(4)]):
        items.insert(choices.pick(len(items) + 1), None)
    return items


def basic_index(size: Size, choices: Choices) -> Any:
    """Return integers, slices, None and Ellipsis for a tensor of this size; often a tuple, sometimes one item."""
    items = _abbreviated([_basic_item(extent, choices) for extent in size], choices)
    return items[0] if len(items) == 1 and choices.pick(2) else tuple(items)


def _shape_of_indices(extent: int, choices: Choices, *, distinct: bool) -> Size:
    """Return the shape that index arrays broadcast to."""
    if extent == 0:
        return ((0,), (2, 0), (0, 3))[choices.pick(3)]
    shapes: tuple[Size, ...] = ((2,), (3,), (1,), (5,), (2, 3), (2, 1), (0,), (1, 4), (2, 2, 2), (17,), (33,))
    shape = shapes[choices.pick(len(shapes))]
    if distinct and math.prod(shape) > extent:
        return (extent,)
    return shape


def _narrowed(shape: Size, choices: Choices) -> Size:
    """Return a shape that broadcasts to `shape`."""
    way = choices.pick(4)
    if way == 1:
        return shape[choices.pick(len(shape)) :]
    if way == 2:
        kept = choices.pick(len(shape))
        return tuple(extent if dim == kept else 1 for dim, extent in enumerate(shape))
    return shape if way == 0 or 0 in shape else (1,)


def _arrays(extents: Sequence[int], choices: Choices, *, distinct: bool) -> list[Array]:
    """Return index arrays for dimensions of these extents, that broadcast with one another."""
    if 0 in extents:
        shape = _shape_of_indices(0, choices, distinct=False)
        return [np.zeros(shape, dtype=np.int64) for _ in extents]
    shape = _shape_of_indices(extents[0], choices, distinct=distinct)
    found = []
    for place, extent in enumerate(extents):
        if place == 0 and distinct:
            array = choices.distinct(extent, shape)
        else:
            array = choices.integers(0, extent, shape if place == 0 else _narrowed(shape, choices))
        if choices.pick(2):
            # Negative indices count from the end; some of each sign.
            negative = choices.mask(array.shape)
            array = np.where(negative, array - extent, array)
        found.append(array)
    return found


def advanced_index(size: Size, choices: Choices, *, distinct: bool = False) -> tuple[Any, ...]:
    """Return an index with at least one index array, mixed with slices, integers, None and Ellipsis.

    Args:
        size: Of the indexed tensor; at least one dimension.
        choices: What decides.
        distinct: Whether no element may be selected twice.

    NumPy and torch read the result alike (see `reference.indexing.is_unambiguous`).
    """
    rank = len(size)
    count = 1 + choices.pick(min(rank, 3))
    start = choices.pick(rank)
    apart = 1 + choices.pick(2)
    dims = sorted({(start + k * apart) % rank for k in range(count)})
    arrays = _arrays([size[dim] for dim in dims], choices, distinct=distinct)
    items: list[Any] = [
        arrays[dims.index(dim)] if dim in dims else _basic_item(extent, choices) for dim, extent in enumerate(size)
    ]
    index = tuple(_abbreviated(list(items), choices))
    if is_unambiguous(index, rank):
        return index
    return tuple(FULL if isinstance(item, int) else item for item in items)


def mask_index(size: Size, choices: Choices) -> tuple[Any, ...]:
    """Return an index with one mask of one or several dimensions, slices before it, and after it if it has one."""
    rank = len(size)
    first = choices.pick(rank) if choices.pick(2) else 0
    count = rank - first - choices.pick(rank - first)
    before = [FULL if choices.pick(2) == 0 else _slice(size[dim], choices) for dim in range(first)]
    rest = size[first + count :] if count == 1 else ()
    after = [_slice(extent, choices) for extent in rest if choices.pick(2)]
    lead = [Ellipsis] if first and first + count == rank and choices.pick(2) else before
    return (*lead, choices.mask(size[first : first + count]), *after)


def written_down(index: tuple[Any, ...], form: str) -> Any:
    """Return an index with its arrays in one of FORMS; long ones are tensors in any case.

    int32 holds for integers, not for masks. A lone array becomes the whole index, unless nested.
    Masks of several dimensions beside other items are tensors: some versions count a list or NumPy array as one.
    """
    items = []
    for item in index:
        if not isinstance(item, np.ndarray):
            items.append(item)
        elif len(index) > 1 and item.dtype == np.bool_ and item.ndim > 1:
            items.append(laid_out(item, form))
        elif form == "list" and item.ndim and item.size <= _LISTED and (item.size or item.ndim == 1):
            items.append(item.tolist())
        elif form == "array" and item.ndim:
            items.append(item)
        elif form == "int32" and item.dtype == np.int64:
            items.append(Strided.from_array(item.astype(np.int32)))
        else:
            items.append(laid_out(item, form))
    return items[0] if len(items) == 1 and not _is_nested(items[0]) else tuple(items)


def _is_nested(item: Any) -> bool:
    """Whether an item is a list or NumPy array of several dimensions, which alone may be taken for a tuple."""
    if isinstance(item, list):
        return bool(item) and isinstance(item[0], list)
    return isinstance(item, np.ndarray) and item.ndim > 1


def inputs_of(indices: Sequence[tuple[Any, ...]], recipe: Recipe) -> dict[str, Any]:
    """Return inputs i0, i1, ... for INDEXED, each index written down in another form."""
    first = recipe.codes[-1]
    return {f"i{turn}": written_down(index, FORMS[(first + turn) % len(FORMS)]) for turn, index in enumerate(indices)}


def whole(x: Strided) -> dict[str, int]:
    """Return the input that STORAGE needs."""
    return {"length": x.storage.size}


def some_of(spellings: tuple[str, ...], x: Strided, recipe: Recipe) -> tuple[str, ...]:
    """Return all spellings for a small tensor, two of them for a large one."""
    if x.numel < MANY:
        return spellings
    first = recipe.codes[3] % len(spellings)
    return tuple({spellings[first]: 0, spellings[first - 1]: 0})


def filled(generator: np.random.Generator, size: Size, dtype: str, domain: str = "any") -> Array:
    """Return an array with values of a pool, the edges among them."""
    return np.asarray(pool(dtype, domain, 0)[generator.integers(0, POOL_SIZE, size)])


def value_for(size: Size, choices: Choices, dtype: str, domain: str = "any") -> Strided:
    """Return a tensor that broadcasts to a size, in some layout; it may have a leading dimension of size 1 more."""
    way = choices.pick(5)
    if way == 1:
        size = size[choices.pick(len(size) + 1) :]
    elif way == 2:
        size = tuple(1 if choices.pick(2) else extent for extent in size)
    elif way == 3:
        size = (1, *size)
    elif way == 4:
        size = ()
    values = pool(dtype, domain, 0)[choices.integers(0, POOL_SIZE, size)]
    return laid_out(np.asarray(values), LAYOUTS[choices.pick(len(LAYOUTS))])


def selected(size: Size, index: Any) -> Size:
    """Return the size of what an index selects from a tensor of a size."""
    shape: Size = np.broadcast_to(np.int8(0), size)[index].shape
    return shape


def one(dtype: str) -> Strided:
    """Return a tensor without dimensions that holds 1."""
    return Strided.from_array(np.ones((), dtype=numpy_dtype(dtype)))


def some_dims(x: Strided, choices: Choices, *, most: int = 2) -> tuple[int, ...]:
    """Return a few of a tensor's dimensions; 0 for one without, one of them for a large one."""
    rank = x.ndim or 1
    count = min(most, rank) if x.numel < MANY else 1
    first = choices.pick(rank)
    return tuple((first + place) % rank for place in range(count))
