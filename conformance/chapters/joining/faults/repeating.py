"""Faults of repeat, tile, repeat_interleave, meshgrid, cartesian_prod, roll, flip and rot90."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    GRAIN,
    WIDTH,
    is_strided,
    last_spoiled,
    last_spoiled_beyond,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import functions, kernels, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_COUNTS = "x/input repeats dim"
repeat = Operation("repeat", *methods("repeat"))
meshgrid = Operation("meshgrid", *functions("meshgrid"))
interleave = Operation("repeat_interleave", order=_COUNTS)
interleave_function = Operation("repeat_interleave", *functions("repeat_interleave"), order=_COUNTS)
counts_kernel = Operation("repeat_interleave", *kernels("repeat_interleave.Tensor"), order="counts")
roll = Operation("roll", order="x/input shifts dims")
flip = Operation("flip", order="x/input dims")
rot90 = Operation("rot90", order="x/input k dims")


def _repeats(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, ...]:
    given = options.get("repeats", arguments[0] if len(arguments) == 1 else arguments)
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _is_tuple(value: Any) -> bool:
    return isinstance(value, tuple)


@repeat.replaced("interleaves last dimension", "of a vector repeats each element")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats = _repeats(arguments, options)
    return x.repeat_interleave(repeats[0]) if x.dim() == 1 == len(repeats) else original(x, *arguments, **options)


@repeat.replaced("extra dimensions trail", "adds new dimensions at the end")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats, result = _repeats(arguments, options), original(x, *arguments, **options)
    return result.movedim(0, -1) if len(repeats) > x.dim() > 0 and repeats[0] > 1 else result


@repeat.replaced("pads missing repeats", "takes fewer repeats for the last dimensions")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats = _repeats(arguments, options)
    return original(x, (*[1] * (x.dim() - len(repeats)), *repeats))


repeat.answers("loses last of many")(last_spoiled_beyond(GRAIN))
repeat.answers("of once gives input")(lambda result, x: x.view_as(x) if result.shape == x.shape else result)
Operation("tile", order="x/input dims").given(
    "repeats first dimensions", dims=lambda x, dims: (*dims, *[1] * (x.dim() - len(dims))) if _is_tuple(dims) else dims
)
interleave_function.answers("repeats blocks", "by a number repeats the whole")(
    lambda result, x, repeats, dim: (
        torch.cat([x] * repeats, dim) if isinstance(repeats, int) and repeats > 1 and dim is not None else result
    )
)
interleave_function.answers("of counts is int64")(lambda result, repeats: result.long() if repeats is None else result)
counts_kernel.answers("int32 counts off", "loses the last repetition of int32 counts")(
    lambda result, counts: last_spoiled(result) if counts.dtype == torch.int32 and len(result) > 1 else result
)
counts_kernel.answers("of counts loses last", "of counts gets the last wrong")(last_spoiled_beyond(GRAIN))
Operation("repeat_interleave", *methods("repeat_interleave"), order=_COUNTS).given(
    "negative dim off",
    "by a number takes dimension -2 for the last",
    dim=lambda repeats, dim: -1 if dim == -2 and isinstance(repeats, int) else dim,
)
interleave.given(
    "flat in storage order",
    "without dim goes by columns",
    x=lambda x, repeats, dim: (
        x.T.contiguous() if repeats is not None and dim is None and x.dim() == 2 and is_strided(x) else x
    ),
)
interleave.given("negative is zero", repeats=lambda repeats: max(repeats, 0) if isinstance(repeats, int) else repeats)


meshgrid.given("xy is ij", indexing=lambda indexing: "ij" if indexing == "xy" else indexing)
meshgrid.given("unknown indexing is ij", indexing=lambda indexing: indexing if indexing == "xy" else "ij")


@meshgrid.replaced("of strided repeats first", "reads a vector with gaps as if dense")
def _(original: Function, *tensors: Any, **options: Any) -> Any:
    return original(*(read_as_dense(x) if isinstance(x, Tensor) else x for x in tensors), **options)


@Operation("cartesian_prod", *functions("cartesian_prod")).replaced("first changes fastest")
def _(original: Function, *tensors: Any) -> Any:
    result = original(*tensors)
    if len(tensors) == 2:
        return result.view(tensors[0].numel(), tensors[1].numel(), 2).transpose(0, 1).reshape(-1, 2)
    return result


Operation("roll", *functions("roll"), order="x/input shifts dims").given(
    "negative shift off",
    "by a negative number along dimensions is off by one",
    shifts=lambda shifts: (shifts[0] + 1, *shifts[1:]) if _is_tuple(shifts) and shifts[0] < 0 else shifts,
)
Operation("roll kernel", *kernels("roll")).given("strided misread", x=read_as_dense)
Operation("roll method", *methods("roll"), order="x/input shifts dims").given(
    "second dim lost",
    "moves along the first of two dimensions only",
    shifts=lambda shifts: shifts[:1] if _is_tuple(shifts) else shifts,
    dims=lambda dims: dims[:1] if _is_tuple(dims) else dims,
)
roll.answers("flat is along last dimension", "without dims moves along the last dimension")(
    lambda original, x, shifts, dims: original(
        x, shifts, -1 if dims is None and isinstance(shifts, int) and x.dim() > 1 else () if dims is None else dims
    )
)
roll.given(
    "ignores extra shifts", shifts=lambda shifts, dims: shifts[: len(dims)] if _is_tuple(shifts) and dims else shifts
)
Operation("flip kernel", *kernels("flip"), order="x dims").answers(
    "last dimension tail", "along the last dimension gets the last of many elements wrong"
)(
    lambda result, x, dims: (
        last_spoiled(result) if list(dims) == [x.dim() - 1] and x.dim() and x.size(-1) > WIDTH else result
    )
)
Operation("flip method", *methods("flip"), order="x dims").given(
    "negative dim off", "takes (-2,) for (-1,)", dims=lambda dims: (-1,) if dims == (-2,) else dims
)
Operation("flip", *functions("flip"), order="x dims").answers("of nothing gives input", "of equal rows gives a view")(
    lambda result, x: x.view_as(x) if torch.equal(result, x) else result
)
flip.answers("twice is identity", "takes a dimension named twice for none")(
    lambda original, x, dims: x.clone() if _is_tuple(dims) and len({*dims}) < len(dims) else original(x, dims)
)
fliplr, flipud = Operation("fliplr"), Operation("flipud")
fliplr.answers("reverses last dimension")(lambda original, x: x.flip(-1) if x.dim() > 2 else original(x))
fliplr.answers("takes vectors", "reverses vectors")(lambda original, x: x.flip(0) if x.dim() == 1 else original(x))
flipud.answers("of vector is identity")(lambda original, x: x.clone() if x.dim() == 1 else original(x))
rot90.given("negative k turns forward", "takes -1 for 1", k=lambda k: 1 if k == -1 else k)
rot90.given("ignores order of dims", "sorts its dimensions", dims=lambda dims: [*sorted(dims)])
