"""The operations of chapter shape: reshape, squeeze, transpose, permute, flatten and their relatives."""

from __future__ import annotations

import math

import numpy as np

from torch_conformance.conformance.judging.operations import (
    Arguments,
    Row,
    either_sign,
    factors,
    invalid_dims,
    other_sizes,
    permutations,
    refused_sizes,
    some,
    valid_dims,
    with_unknown,
)
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views, views_size

Generator = np.random.Generator


def _pairs(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim0": first, "dim1": second} for first in valid_dims(x.ndim) for second in valid_dims(x.ndim)]


def _bad_pairs(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    bad = invalid_dims(x.ndim)
    return [{"dim0": dim, "dim1": 0} for dim in bad] + [{"dim0": -1, "dim1": dim} for dim in bad]


TRANSPOSE = Row(
    spellings=(
        *("torch.transpose(x, dim0, dim1)", "x.transpose(dim0, dim1)", "x.transpose(dim0=dim0, dim1=dim1)"),
        *("torch.transpose(x, dim0=dim0, dim1=dim1)", "torch.transpose(input=x, dim0=dim0, dim1=dim1)"),
        *("torch.swapaxes(x, dim0, dim1)", "x.swapaxes(dim0, dim1)", "x.swapaxes(axis0=dim0, axis1=dim1)"),
        *("torch.swapaxes(x, axis0=dim0, axis1=dim1)", "torch.swapdims(x, dim0, dim1)", "x.swapdims(dim0, dim1)"),
        *("x.swapdims(dim0=dim0, dim1=dim1)", "torch.swapdims(x, dim0=dim0, dim1=dim1)"),
    ),
    answer=views.transpose,
    candidates=_pairs,
    refused=_bad_pairs,
    in_place=(
        *("x.transpose_(dim0, dim1)", "x.swapaxes_(dim0, dim1)", "x.swapdims_(dim0, dim1)"),
        *("x.transpose_(dim0=dim0, dim1=dim1)", "x.swapaxes_(axis0=dim0, axis1=dim1)"),
        "x.swapdims_(dim0=dim0, dim1=dim1)",
    ),
    exact=True,
)


def _orders(x: Strided, rng: Generator) -> list[Arguments]:
    return [{"dims": dims} for dims in permutations(x.ndim, rng)]


def _bad_orders(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    ndim = x.ndim
    every = tuple(range(ndim))
    found = [(*every, 0)]
    if ndim:
        found += [every[:-1], (*every[:-1], ndim), (-ndim - 1, *every[1:])]
    if ndim > 1:
        found += [(*every[:-1], 0), (*every[:-1], -ndim), (every[-1],) * ndim]
    return [{"dims": dims} for dims in found]


PERMUTE = Row(
    spellings=(
        *("torch.permute(x, dims)", "torch.permute(x, list(dims))", "torch.permute(x, dims=dims)", "x.permute(*dims)"),
        *("x.permute(dims)", "x.permute(list(dims))", "x.permute(torch.Size(dims))"),
        "torch.permute(input=x, dims=dims)",
    ),
    answer=views.permute,
    candidates=_orders,
    refused=_bad_orders,
    exact=True,
)


def _up_to_matrix(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{}] if x.ndim <= 2 else []


def _beyond_matrix(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{}] if x.ndim > 2 else []


def matrices(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    """Return the one call for a tensor of two dimensions or more."""
    return [{}] if x.ndim >= 2 else []


def _matrix(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{}] if x.ndim == 2 else []


def _vectors(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{}] if x.ndim == 1 else []


T = Row(("torch.t(x)", "x.t()", "torch.t(input=x)"), views.t, _up_to_matrix, _beyond_matrix, ("x.t_()",), exact=True)
MATRIX_TRANSPOSE = (
    Row(("x.mT",), views.matrix_transpose, matrices, _vectors, exact=True),
    Row(("x.T",), views.matrix_transpose, _matrix, exact=True),
)
ADJOINT = (
    Row(("x.mH", "x.adjoint()", "torch.adjoint(x)"), views.matrix_transpose, matrices, _vectors, exact=True),
    Row(("x.H",), views.matrix_transpose, _matrix, _vectors, exact=True),
)


def _moves(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"source": first, "destination": second} for first in valid_dims(x.ndim) for second in valid_dims(x.ndim)]


def _bad_moves(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    bad = invalid_dims(x.ndim)
    return [{"source": dim, "destination": 0} for dim in bad] + [{"source": -1, "destination": dim} for dim in bad]


def _group_moves(x: Strided, rng: Generator) -> list[Arguments]:
    found = []
    for count in range(1, x.ndim + 1):
        source, destination = (tuple(int(dim) for dim in rng.permutation(x.ndim)[:count]) for _ in range(2))
        pair = either_sign(source, x.ndim, rng), either_sign(destination, x.ndim, rng)
        found += [{"source": pair[0], "destination": pair[1]}]
    return found


def _bad_group_moves(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if x.ndim < 2:
        return []
    pairs = [((0, 0), (0, 1)), ((0, 1), (1, 1)), ((0, -x.ndim), (0, 1)), ((0,), (0, 1)), ((0, 1), (1,))]
    pairs += [((0, x.ndim), (0, 1)), ((0, 1), (0, -x.ndim - 1))]
    return [{"source": source, "destination": destination} for source, destination in pairs]


_MOVING = (
    *("torch.movedim(x, source, destination)", "x.movedim(source, destination)"),
    *("torch.moveaxis(x, source, destination)", "x.moveaxis(source, destination)"),
    *("torch.movedim(x, source=source, destination=destination)", "x.movedim(source=source, destination=destination)"),
    *("torch.moveaxis(x, source=source, destination=destination)", "x.moveaxis(source, destination=destination)"),
)
_MOVING_LISTS = ("torch.movedim(x, list(source), list(destination))", "x.moveaxis(list(source), list(destination))")
MOVEDIM = (
    Row(_MOVING, views.movedim, _moves, _bad_moves, exact=True),
    Row((*_MOVING, *_MOVING_LISTS), views.movedim, _group_moves, _bad_group_moves, exact=True),
)


def _dims(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim in valid_dims(x.ndim)]


def _bad_dims(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim in invalid_dims(x.ndim)]


def _groups(x: Strided, rng: Generator) -> list[Arguments]:
    orders = [tuple(int(dim) for dim in rng.permutation(x.ndim)[:count]) for count in range(1, x.ndim + 1)]
    return [{"dim": either_sign(order, x.ndim, rng)} for order in orders]


def _bad_groups(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    found = [(0, dim) for dim in invalid_dims(x.ndim)]
    return [{"dim": dim} for dim in (*found, (0, 0), (-1, max(x.ndim, 1) - 1))]


_SQUEEZING = ("torch.squeeze(x, dim)", "x.squeeze(dim)", "torch.squeeze(x, dim=dim)", "x.squeeze(dim=dim)")
SQUEEZE_ALL = Row(
    spellings=("torch.squeeze(x)", "x.squeeze()", "torch.squeeze(input=x)"),
    answer=views.squeeze,
    in_place=("x.squeeze_()",),
    exact=True,
)
SQUEEZE_DIM = Row(
    spellings=(*_SQUEEZING, "torch.squeeze(input=x, dim=dim)"),
    answer=views.squeeze,
    candidates=_dims,
    refused=_bad_dims,
    in_place=("x.squeeze_(dim)", "x.squeeze_(dim=dim)"),
    exact=True,
)
SQUEEZE_DIMS = Row(
    spellings=(*_SQUEEZING, "torch.squeeze(x, list(dim))", "x.squeeze(list(dim))"),
    answer=views.squeeze,
    candidates=_groups,
    refused=_bad_groups,
    in_place=("x.squeeze_(dim)", "x.squeeze_(dim=dim)", "x.squeeze_(list(dim))"),
    exact=True,
)


def _insertions(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim in range(-x.ndim - 1, x.ndim + 1)]


def _bad_insertions(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim in (x.ndim + 1, -x.ndim - 2, x.ndim + 7, -x.ndim - 100)]


UNSQUEEZE = Row(
    spellings=(
        *("torch.unsqueeze(x, dim)", "x.unsqueeze(dim)", "torch.unsqueeze(x, dim=dim)", "x.unsqueeze(dim=dim)"),
        "torch.unsqueeze(input=x, dim=dim)",
    ),
    answer=views.unsqueeze,
    candidates=_insertions,
    refused=_bad_insertions,
    in_place=("x.unsqueeze_(dim)", "x.unsqueeze_(dim=dim)"),
)


def _reshapes(x: Strided, rng: Generator) -> list[Arguments]:
    sizes = some(rng, other_sizes(x, rng), 8)
    return [{"size": with_unknown(size, rng) if place % 3 == 0 else size} for place, size in enumerate(sizes)]


def _bad_reshapes(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"size": size} for size in refused_sizes(x)]


def _targets(x: Strided, rng: Generator) -> list[Arguments]:
    return [{"size": size} for size in some(rng, other_sizes(x, rng), 3)]


def _bad_targets(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"size": size} for size in refused_sizes(x) if min(size, default=0) >= 0]


RESHAPE = (
    Row(
        spellings=(
            *("torch.reshape(x, size)", "x.reshape(size)", "x.reshape(*size)", "torch.reshape(x, list(size))"),
            *("x.reshape(list(size))", "x.reshape(torch.Size(size))", "torch.reshape(x, shape=size)"),
            *("torch.reshape(input=x, shape=size)", "torch.reshape(x, torch.Size(size))"),
        ),
        answer=views_size.reshape,
        candidates=_reshapes,
        refused=_bad_reshapes,
    ),
    Row(
        spellings=("x.reshape_as(torch.empty(size, device=device))",),
        answer=views_size.reshape,
        candidates=_targets,
        refused=_bad_targets,
    ),
)


def _ranges(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    count = max(x.ndim, 1)
    pairs = [(first, last) for first in range(count) for last in range(first, count)]
    signs = [(0, 0), (count, 0), (0, count), (count, count)]
    return [{"start_dim": first - back, "end_dim": last - front} for first, last in pairs for back, front in signs]


def _bad_ranges(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    bad = invalid_dims(x.ndim)
    found = [(dim, -1) for dim in bad] + [(0, dim) for dim in bad]
    found += [(1, 0), (-1, 0), (x.ndim - 1, -x.ndim)] if x.ndim > 1 else []
    return [{"start_dim": first, "end_dim": last} for first, last in found]


def _starts(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"start_dim": dim} for dim in valid_dims(x.ndim)]


FLATTEN = (
    Row(("torch.flatten(x)", "x.flatten()", "torch.flatten(input=x)"), views_size.flatten),
    Row(("torch.flatten(x, start_dim)", "x.flatten(start_dim=start_dim)"), views_size.flatten, _starts),
    Row(
        spellings=(
            *("torch.flatten(x, start_dim, end_dim)", "x.flatten(start_dim, end_dim)"),
            *("torch.flatten(x, start_dim=start_dim, end_dim=end_dim)", "x.flatten(start_dim, end_dim=end_dim)"),
            "x.flatten(end_dim=end_dim, start_dim=start_dim)",
        ),
        answer=views_size.flatten,
        candidates=_ranges,
        refused=_bad_ranges,
    ),
)
RAVEL = Row(("torch.ravel(x)", "x.ravel()", "torch.ravel(input=x)"), views_size.ravel)


def _unflattened(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim in valid_dims(x.ndim) if x.ndim else ():
        extent = x.size[dim]
        sizes: list[tuple[int, ...]] = [(extent,), (1, extent), (extent, 1), (1, extent, 1)]
        sizes += [size for pair in factors(extent)[:3] for size in (pair, (pair[0], 1, pair[1]))]
        sizes += [(0, 3), (2, 0)] if not extent else []
        found += [{"dim": dim, "sizes": size} for size in sizes]
        found += [{"dim": dim, "sizes": with_unknown(size, rng)} for size in sizes[1:]]
    return found


def _bad_unflattened(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    found: list[Arguments] = []
    for dim in range(x.ndim):
        extent = x.size[dim]
        sizes: tuple[tuple[int, ...], ...] = ((extent + 1,), (2, extent + 1), (-1, -1), (-1, extent + 1, 2), ())
        found += [{"dim": dim, "sizes": size} for size in (sizes if extent else ((3,), (2, 5), ()))]
    return found + [{"dim": dim, "sizes": (1, -1)} for dim in invalid_dims(x.ndim) if x.ndim]


UNFLATTEN = Row(
    spellings=(
        *("torch.unflatten(x, dim, sizes)", "x.unflatten(dim, sizes)", "torch.unflatten(x, dim=dim, sizes=sizes)"),
        *("x.unflatten(dim=dim, sizes=sizes)", "torch.unflatten(x, dim, list(sizes))", "x.unflatten(dim, list(sizes))"),
        "x.unflatten(dim, torch.Size(sizes))",
    ),
    answer=views_size.unflatten,
    candidates=_unflattened,
    refused=_bad_unflattened,
)


def _affordable(repeats: tuple[int, ...], x: Strided) -> bool:
    return math.prod(repeats) * x.numel <= 200_000


def _repeats(x: Strided, rng: Generator) -> list[Arguments]:
    found = [(1,) * x.ndim, (2,) + (1,) * x.ndim]
    found += [tuple(int(count) for count in rng.integers(1, 4, x.ndim + extra)) for extra in (0, 0, 1, 2)]
    for dim in range(x.ndim):
        ones = [1] * x.ndim
        found += [(*ones[:dim], count, *ones[dim + 1 :]) for count in (0, 2, 3)]
    return [{"repeats": each} for each in dict.fromkeys(found) if _affordable(each, x)]


def _bad_repeats(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    found = [(2,) * (x.ndim - 1)] if x.ndim else []
    # A negative count times a size of 0 is a size of 0.
    found += [(-1,) * max(x.ndim, 1)] if 0 not in x.size else []
    return [{"repeats": each} for each in found]


def _tiles(x: Strided, rng: Generator) -> list[Arguments]:
    found = [(2,), (3,), (1, 2), (0,), (2,) * x.ndim]
    found += [tuple(int(count) for count in rng.integers(1, 4, length)) for length in range(1, x.ndim + 2)]
    return [{"dims": each} for each in dict.fromkeys(found) if _affordable(each, x)]


def _bad_tiles(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dims": (-1,)}, {"dims": (-2,) + (1,) * x.ndim}] if 0 not in x.size else []


REPEAT = Row(
    spellings=("x.repeat(*repeats)", "x.repeat(repeats)", "x.repeat(list(repeats))", "x.repeat(torch.Size(repeats))"),
    answer=views_size.repeat,
    candidates=_repeats,
    refused=_bad_repeats,
)
TILE = Row(
    spellings=(
        *("torch.tile(x, dims)", "x.tile(dims)", "x.tile(*dims)", "torch.tile(x, dims=dims)", "x.tile(list(dims))"),
        *("torch.tile(input=x, dims=dims)", "torch.tile(x, torch.Size(dims))"),
    ),
    answer=views_size.tile,
    candidates=_tiles,
    refused=_bad_tiles,
)


def _one_to_three(x: Strided) -> tuple[Strided, ...]:
    return tuple(views.at_least(x, count) for count in (1, 2, 3))


AT_LEAST = Row(
    spellings=(
        "[torch.atleast_1d(x), torch.atleast_2d(x), torch.atleast_3d(x)]",
        "[torch.atleast_1d(x, x)[1], torch.atleast_2d(x, x)[0], torch.atleast_3d(x, x)[1]]",
        "[torch.atleast_1d([x, x])[0], torch.atleast_2d((x, x))[1], torch.atleast_3d([x])[0]]",
    ),
    answer=_one_to_three,
)

SHAPE: dict[str, tuple[Row, ...]] = {
    "transpose": (TRANSPOSE,),
    "permute": (PERMUTE,),
    "t": (T,),
    "matrix-transpose": MATRIX_TRANSPOSE,
    "adjoint": ADJOINT,
    "movedim": MOVEDIM,
    "squeeze": (SQUEEZE_ALL, SQUEEZE_DIM, SQUEEZE_DIMS),
    "unsqueeze": (UNSQUEEZE,),
    "reshape": RESHAPE,
    "flatten": FLATTEN,
    "ravel": (RAVEL,),
    "unflatten": (UNFLATTEN,),
    "repeat": (REPEAT,),
    "tile": (TILE,),
    "atleast": (AT_LEAST,),
}
