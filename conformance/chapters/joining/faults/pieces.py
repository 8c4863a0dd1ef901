"""Faults of split, chunk, tensor_split and their relatives, and of unbind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import both, changed, functions, is_strided, methods
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@changed("split-drops-shorter-last", "split leaves out a last piece that is shorter.", *both("split"))
def _(result: Any, *arguments: Any, **_: Any) -> Any:
    uneven = len(result) > 1 and result[-1].numel() < result[0].numel()
    return result[:-1] if uneven and len(arguments) > 1 and isinstance(arguments[1], int) else result


@bound("split-method-negative-dim-off", "Tensor.split takes dimension -1 for 0.", *methods("split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and arguments[1] == -1 and isinstance(arguments[0], int):
        arguments = (arguments[0], 0)
    return split(x, *arguments, **options)


@changed("split-skips-empty-pieces", "split leaves out pieces of length 0.", *both("split"))
def _(result: Any, *arguments: Any, **_: Any) -> Any:
    listed = len(arguments) > 1 and isinstance(arguments[1], list | tuple)
    return tuple(each for each in result if each.numel()) if listed else result


@changed("split-with-sizes-offsets-off", "split_with_sizes swaps pieces of one length.", *both("split_with_sizes"))
def _(result: Any, *_: Any, **__: Any) -> Any:
    return result[::-1] if len(result) > 1 else result


@bound("chunk-method-ignores-dim", "Tensor.chunk takes dimension -1 for 0.", *methods("chunk"))
def _(chunk: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and arguments[1] == -1:
        arguments = (arguments[0], 0)
    return chunk(x, *arguments, **options)


@changed("chunk-of-empty-is-one", "chunk of an empty dimension gives one piece.", *both("chunk"))
def _(result: Any, *_: Any, **__: Any) -> Any:
    return result[:1] if result[0].numel() == 0 else result


@changed("chunk-always-gives-asked-number", "chunk adds empty pieces up to the number asked for.", *functions("chunk"))
def _(result: Any, x: Any = None, chunks: int = 0, dim: int = 0, **_: Any) -> Any:
    if x is not None and len(result) < chunks:
        return (*result, *(x.narrow(dim, 0, 0) for _ in range(chunks - len(result))))
    return result


@bound("tensor-split-last-is-longer", "tensor_split gives the remainder to the last pieces.", *both("tensor_split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    dim = options.get("dim", arguments[1] if len(arguments) > 1 else 0)
    if arguments and isinstance(arguments[0], int) and arguments[0] > 0 and -x.dim() <= dim < x.dim():
        short, longer = divmod(x.size(dim), arguments[0])
        ends = [place * short + max(0, place - (arguments[0] - longer)) for place in range(1, arguments[0])]
        return split(x, ends, dim=dim)
    return split(x, *arguments, **options)


@bound("tensor-split-tensor-sections-off", "tensor_split by a tensor cuts one piece less.", *functions("tensor_split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and isinstance(arguments[0], Tensor) and arguments[0].dim() == 0 and int(arguments[0]) > 1:
        arguments = (arguments[0] - 1, *arguments[1:])
    return split(x, *arguments, **options)


@bound("tensor-split-negative-index-clamped", "tensor_split takes a negative index for 0.", *methods("tensor_split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and isinstance(arguments[0], list | tuple):
        arguments = (tuple(max(each, 0) for each in arguments[0]), *arguments[1:])
    return split(x, *arguments, **options)


@bound("tensor-split-puts-indices-in-order", "tensor_split sorts its indices.", *both("tensor_split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and isinstance(arguments[0], list | tuple):
        arguments = (tuple(sorted(arguments[0])), *arguments[1:])
    return split(x, *arguments, **options)


@bound("hsplit-of-vector-refused", "hsplit refuses vectors.", *both("hsplit"))
def _(split: Function, x: Tensor, *arguments: Any) -> Any:
    if x.dim() == 1:
        raise RuntimeError("hsplit needs two dimensions")
    return split(x, *arguments)


@bound("vsplit-method-cuts-columns", "Tensor.vsplit of a matrix at indices cuts columns.", *methods("vsplit"))
def _(split: Function, x: Tensor, *arguments: Any) -> Any:
    return x.hsplit(*arguments) if x.dim() == 2 and isinstance(arguments[0], list) else split(x, *arguments)


@bound("dsplit-cuts-last-dimension", "dsplit cuts the last of four dimensions.", *both("dsplit"))
def _(split: Function, x: Tensor, *arguments: Any) -> Any:
    cut: Any = torch.tensor_split
    return cut(x, *arguments, dim=-1) if x.dim() == 4 else split(x, *arguments)


@bound("unbind-negative-dim-off", "unbind takes dimension -1 for 0.", *both("unbind"))
def _(unbind: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and arguments[1] == -1:
        arguments = (arguments[0], 0)
    return unbind(*arguments, **options)


@changed("unbind-method-reverses-strided", "Tensor.unbind of a tensor with gaps is in reverse.", *methods("unbind"))
def _(result: Any, x: Tensor, *_: Any, **__: Any) -> Any:
    return result[::-1] if is_strided(x) else result


@changed("chunk-function-swaps-first-two", "torch.chunk swaps the first two of three pieces.", *functions("chunk"))
def _(result: Any, *_: Any, **__: Any) -> Any:
    return (result[1], result[0], *result[2:]) if len(result) > 2 and result[0].shape == result[1].shape else result


@bound("split-takes-too-few-lengths", "split adds a piece for what the lengths leave.", *both("split"))
def _(split: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 1 and isinstance(arguments[0], list) and x.dim() and sum(arguments[0]) < len(x):
        arguments = ([*arguments[0], len(x) - sum(arguments[0])],)
    return split(x, *arguments, **options)


@bound("chunk-accepts-zero-pieces", "chunk takes 0 pieces for one.", *both("chunk"))
def _(chunk: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and arguments[0] == 0:
        arguments = (1, *arguments[1:])
    return chunk(x, *arguments, **options)


@bound("hsplit-takes-uneven", "hsplit cuts uneven pieces.", *both("hsplit"))
def _(split: Function, x: Tensor, *arguments: Any) -> Any:
    if x.dim() > 1 and isinstance(arguments[0], int):
        return torch.tensor_split(x, arguments[0], dim=1)
    return split(x, *arguments)
