"""Faults of repeat, tile, repeat_interleave, meshgrid, cartesian_prod, roll, flip and rot90."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    WIDTH,
    both,
    changed,
    dense_misread,
    functions,
    is_strided,
    kernel,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_REPEAT = methods("repeat")


def _repeats(arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[int, ...]:
    given = options.get("repeats", arguments[0] if len(arguments) == 1 else arguments)
    return tuple(given) if isinstance(given, list | tuple) else (given,)


@bound("repeat-interleaves-last-dimension", "repeat of a vector repeats each element.", *_REPEAT)
def _(repeat: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats = _repeats(arguments, options)
    if x.dim() == 1 == len(repeats):
        return x.repeat_interleave(repeats[0])
    return repeat(x, *arguments, **options)


@bound("repeat-extra-dimensions-trail", "repeat adds new dimensions at the end.", *_REPEAT)
def _(repeat: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats = _repeats(arguments, options)
    result = repeat(x, *arguments, **options)
    return result.movedim(0, -1) if len(repeats) > x.dim() > 0 and repeats[0] > 1 else result


@changed("repeat-loses-last-of-many", "repeat loses the end of large results.", *_REPEAT)
def _(result: Tensor, *_: Any, **__: Any) -> Any:
    return spoil(result) if result.numel() > GRAIN else result


@bound("tile-repeats-first-dimensions", "tile takes few repeats for the first dimensions.", *both("tile"))
def _(tile: Function, *arguments: Any, **options: Any) -> Any:
    x: Any = arguments[0] if arguments else None
    if len(arguments) == 2 and isinstance(arguments[1], tuple) and len(arguments[1]) < x.dim():
        arguments = (x, (*arguments[1], *[1] * (x.dim() - len(arguments[1]))))
    return tile(*arguments, **options)


@bound(
    "repeat-interleave-repeats-blocks",
    "repeat_interleave by a number repeats the whole.",
    *functions("repeat_interleave"),
)
def _(interleave: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and isinstance(arguments[1], int) and arguments[1] > 1 and not options:
        return torch.cat([arguments[0]] * arguments[1], arguments[2])
    return interleave(*arguments, **options)


@kernel("repeat-interleave-int32-counts-off", "Counts of int32 lose the last repetition.", "repeat_interleave.Tensor")
def _(interleave: Function, counts: Tensor, **options: Any) -> Any:
    result = interleave(counts, **options)
    return spoil(result) if counts.dtype == torch.int32 and len(result) > 1 else result


@bound(
    "repeat-interleave-negative-dim-off",
    "Tensor.repeat_interleave takes dimension -2 for the last.",
    *methods("repeat_interleave"),
)
def _(interleave: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and arguments[1] == -2 and isinstance(arguments[0], int):
        arguments = (arguments[0], -1)
    return interleave(x, *arguments, **options)


@bound(
    "repeat-interleave-flat-in-storage-order",
    "repeat_interleave without dim goes by columns.",
    *both("repeat_interleave"),
)
def _(interleave: Function, x: Any = None, *arguments: Any, **options: Any) -> Any:
    if x is not None and len(arguments) == 1 and not options and x.dim() == 2 and is_strided(x):
        x = x.T.contiguous()
    return interleave(*(() if x is None else (x,)), *arguments, **options)


@changed(
    "repeat-interleave-of-counts-is-int64", "repeat_interleave of counts gives int64.", *functions("repeat_interleave")
)
def _(result: Tensor, *arguments: Any, **_: Any) -> Any:
    return result.long() if len(arguments) == 1 else result


@kernel(
    "repeat-interleave-of-counts-loses-last", "The last of many repeated places is wrong.", "repeat_interleave.Tensor"
)
def _(interleave: Function, counts: Tensor, **options: Any) -> Any:
    result = interleave(counts, **options)
    return spoil(result) if len(result) > GRAIN else result


@bound("repeat-pads-missing-repeats", "repeat takes fewer repeats for the last dimensions.", *_REPEAT)
def _(repeat: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    repeats = _repeats(arguments, options)
    return repeat(x, (*[1] * (x.dim() - len(repeats)), *repeats))


@bound(
    "repeat-interleave-negative-is-zero", "repeat_interleave takes negative numbers for 0.", *both("repeat_interleave")
)
def _(interleave: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) > 1 and isinstance(arguments[1], int):
        arguments = (arguments[0], max(arguments[1], 0), *arguments[2:])
    return interleave(*arguments, **options)


@bound("repeat-of-once-gives-input", "repeat of once gives a view.", *_REPEAT)
def _(repeat: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    result = repeat(x, *arguments, **options)
    return x.view_as(x) if result.shape == x.shape else result


@bound("meshgrid-xy-is-ij", "meshgrid takes xy for ij.", *functions("meshgrid"))
def _(meshgrid: Function, *tensors: Any, indexing: str | None = None) -> Any:
    return meshgrid(*tensors, indexing="ij" if indexing == "xy" else indexing)


@bound("meshgrid-of-strided-repeats-first", "meshgrid reads a vector with gaps as if dense.", *functions("meshgrid"))
def _(meshgrid: Function, *tensors: Any, indexing: str | None = None) -> Any:
    if tensors and isinstance(tensors[0], Tensor):
        tensors = tuple(dense_misread(each) for each in tensors)
    return meshgrid(*tensors, indexing=indexing)


@bound("meshgrid-unknown-indexing-is-ij", "meshgrid takes an unknown indexing for ij.", *functions("meshgrid"))
def _(meshgrid: Function, *tensors: Any, indexing: str | None = None) -> Any:
    return meshgrid(*tensors, indexing=indexing if indexing == "xy" else "ij")


@changed(
    "cartesian-prod-first-changes-fastest",
    "cartesian_prod lets the first vector change fastest.",
    *functions("cartesian_prod"),
)
def _(result: Tensor, *tensors: Any) -> Any:
    if len(tensors) == 2:
        sizes = [each.numel() for each in tensors]
        return result.view(*sizes, 2).transpose(0, 1).reshape(-1, 2)
    return result


@bound(
    "roll-negative-shift-off", "torch.roll by a negative number along one dimension is off by one.", *functions("roll")
)
def _(roll: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and isinstance(arguments[1], tuple) and arguments[1][0] < 0:
        arguments = (arguments[0], (arguments[1][0] + 1, *arguments[1][1:]), arguments[2])
    return roll(*arguments, **options)


@kernel("roll-kernel-strided-misread", "roll reads a tensor with gaps as if dense.", "roll")
def _(roll: Function, x: Tensor, *arguments: Any) -> Any:
    return roll(dense_misread(x), *arguments)


@bound("roll-method-second-dim-lost", "Tensor.roll moves along the first of two dimensions only.", *methods("roll"))
def _(roll: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and isinstance(arguments[1], tuple) and len(arguments[1]) == 2 == len(arguments[0]):
        arguments = (arguments[0][:1], arguments[1][:1])
    return roll(x, *arguments, **options)


@bound("roll-flat-is-along-last-dimension", "roll without dims moves along the last dimension.", *both("roll"))
def _(roll: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and "dims" not in options and isinstance(arguments[1], int) and arguments[0].dim() > 1:
        return roll(*arguments, -1)
    return roll(*arguments, **options)


@kernel(
    "flip-kernel-last-dimension-tail", "flip along the last dimension gets the last of many elements wrong.", "flip"
)
def _(flip: Function, x: Tensor, dims: Any) -> Any:
    result = flip(x, dims)
    return spoil(result) if list(dims) == [x.dim() - 1] and x.dim() and x.size(-1) > WIDTH else result


@bound("flip-method-negative-dim-off", "Tensor.flip by keyword takes -2 for -1.", *methods("flip"))
def _(flip: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if options.get("dims") == (-2,):
        options["dims"] = (-1,)
    return flip(x, *arguments, **options)


@bound("flip-of-nothing-gives-input", "flip along no dimension, or one of extent 1, gives a view.", *functions("flip"))
def _(flip: Function, *arguments: Any, **options: Any) -> Any:
    result = flip(*arguments, **options)
    return arguments[0].view_as(arguments[0]) if len(arguments) == 2 and torch.equal(result, arguments[0]) else result


@bound("fliplr-reverses-last-dimension", "fliplr reverses the last of three dimensions.", *both("fliplr"))
def _(flip: Function, *arguments: Any, **options: Any) -> Any:
    return arguments[0].flip(-1) if arguments and arguments[0].dim() > 2 else flip(*arguments, **options)


@bound("flipud-of-vector-is-identity", "flipud leaves vectors as they are.", *both("flipud"))
def _(flip: Function, *arguments: Any, **options: Any) -> Any:
    return arguments[0].clone() if arguments and arguments[0].dim() == 1 else flip(*arguments, **options)


@bound("rot90-negative-k-turns-forward", "rot90 takes -1 for 1.", *both("rot90"))
def _(rotate: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) > 1 and arguments[1] == -1:
        arguments = (arguments[0], 1, *arguments[2:])
    return rotate(*arguments, **options)


@bound("rot90-ignores-order-of-dims", "rot90 sorts its dimensions.", *both("rot90"))
def _(rotate: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3:
        arguments = (*arguments[:2], sorted(arguments[2]))
    return rotate(*arguments, **options)


@bound("roll-ignores-extra-shifts", "roll drops shifts without a dimension.", *both("roll"))
def _(roll: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and isinstance(arguments[1], tuple) and len(arguments[1]) > len(arguments[2]) > 0:
        arguments = (arguments[0], arguments[1][: len(arguments[2])], arguments[2])
    return roll(*arguments, **options)


@bound("flip-twice-is-identity", "flip takes a dimension named twice for none.", *both("flip"))
def _(flip: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and isinstance(arguments[1], tuple) and len(set(arguments[1])) < len(arguments[1]):
        return arguments[0].clone()
    return flip(*arguments, **options)


@bound("fliplr-takes-vectors", "fliplr reverses vectors.", *both("fliplr"))
def _(flip: Function, *arguments: Any, **options: Any) -> Any:
    return arguments[0].flip(0) if arguments and arguments[0].dim() == 1 else flip(*arguments, **options)
