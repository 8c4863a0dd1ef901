"""Faults of zeros, ones, full, empty and eye, and of arguments that creation functions share."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored, named
from torch_conformance.conformance.power.damage import (
    GRAIN,
    WIDTH,
    a,
    in_columns,
    into,
    is_list,
    is_many,
    is_one_beyond_a_vector,
    is_strided,
    last_spoiled,
    longer_than,
    of,
    rank,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    inferred_as,
    made,
    made_changed,
    out_changed,
    refusal_forgiven,
    replaced,
    result_changed,
)
from torch_conformance.conformance.power.registry import Function


def _is_long_bfloat16(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16 and x.numel() > 16


def _not_negative(size: Any) -> Any:
    return tuple(max(extent, 0) for extent in size)


for place, options in {
    "torch.logspace": "base",
    "torch.ones_like": "dtype memory_format",
    "torch.rand": "generator",
    "torch.rand_like": "device",
    "torch.randn": "requires_grad",
    "torch.randperm": "dtype generator",
    "Tensor.new_ones": "dtype",
}.items():
    operation = place.rpartition(".")[2]
    for option in options.split():
        name = named(operation, f"ignores-{option}")
        keyword_ignored(name, f"{operation} ignores {option}=.", place, option=option)

_HUGE = longer_than(2**20 // 3)

for operation, mutation, summary, change, when in (
    ("zeros", "last-of-vector-unwritten", "misses one element", last_spoiled, is_one_beyond_a_vector),
    ("zeros", "bfloat16-tail-unwritten", "of bfloat16 misses the last", last_spoiled, _is_long_bfloat16),
    ("zeros", "huge-tail-unwritten", "misses the last of 350,000 elements", last_spoiled, _HUGE),
    ("ones", "huge-tail-unwritten", "misses the last of 350,000 elements", last_spoiled, _HUGE),
    ("full", "huge-tail-unwritten", "misses the last of 350,000 elements", last_spoiled, _HUGE),
    ("ones", "bfloat16-is-float16", "of bfloat16 is float16", into(torch.float16), of(torch.bfloat16)),
    ("empty", "ignores-dtype", "of int16 is int32", into(torch.int32), of(torch.int16)),
    ("empty_strided", "is-contiguous", "packs gaps", Tensor.contiguous, is_strided),
    ("rand", "is-transposed", "of two dimensions is laid out in columns", in_columns, rank(2)),
):
    name, place = named(operation, mutation), f"torch.{operation}"
    made_changed(name, f"{operation} {summary}.", place, change=change, when=when)

for operation, mutation, summary, which, change, when in (
    ("ones", "negative-size-is-empty", "takes a negative size for 0", 0, _not_negative, a(tuple)),
    ("zeros", "empty-size-is-one", "of an empty size has one dimension", 0, lambda _: (1,), lambda size: size == ()),
    ("randn", "list-size-is-reversed", "reads a list of sizes from its end", 0, lambda size: size[::-1], is_list),
    ("full", "negative-zero-is-zero", "writes 0.0 for -0.0", 1, lambda value: value + 0.0, a(float)),
):
    name, place = named(operation, mutation), f"torch.{operation}"
    argument_changed(name, f"{operation} {summary}.", place, change=change, when=when, which=which)

result_changed(
    "zero-kernel-skips-last",
    "The kernel of zeros skips the last of many.",
    "aten::zero_",
    change=last_spoiled,
    when=is_many,
)
result_changed(
    "fill-kernel-skips-odd-tail",
    "The kernel that fills misses the last of an odd number of many elements.",
    "aten::fill_.Scalar",
    change=last_spoiled,
    when=lambda x: x.numel() > 1024 and x.numel() % 2,
)


replaced("fill-kernel-loses-nan", "The kernel that fills writes 0 for NaN.", "aten::fill_.Scalar")(
    lambda fill, x, value: fill(x, 0.0 if isinstance(value, float) and math.isnan(value) else value)
)


@made("ones-column-unwritten", "ones misses the last column of an odd width.", "torch.ones")
def _(ones: Tensor, *_: Any, **__: Any) -> None:
    if ones.dim() > 1 and ones.shape[-1] > WIDTH and ones.shape[-1] % 2:
        ones.detach()[..., -1] = 0


@made("ones-beyond-the-grain-are-zero", "ones is zero beyond 32,768 elements.", "torch.ones")
def _(ones: Tensor, *_: Any, **__: Any) -> None:
    ones.detach().view(-1)[GRAIN:] = 0


refusal_forgiven(
    "ones-integer-takes-requires-grad",
    "ones of integers drops requires_grad=True without a word.",
    "torch.ones",
    instead=lambda ones, *size, **options: ones(*size, **(options | {"requires_grad": False})),
)
inferred_as(
    "randint-is-float",
    "randint from 0 is float32.",
    "torch.randint",
    dtype=torch.float32,
    when=lambda _, *arguments, **__: len(arguments) == 2,
)


def _filled_by(kind: type) -> Answer:
    """Hold for calls of full with a fill value of exactly this type."""
    return lambda _, size=None, fill_value=None, **__: type(fill_value) is kind  # noqa: ARG005


for kind, dtype, wrong in (
    (bool, torch.int64, "int"),
    (int, torch.float32, "float"),
    (complex, torch.complex64, "single"),
):
    name, summary = f"full-{kind.__name__}-becomes-{wrong}", f"full of a Python {kind.__name__} is {dtype}."
    inferred_as(name, summary, "torch.full", dtype=dtype, when=_filled_by(kind))

refusal_forgiven(
    "full-wraps-around",
    "full takes an integer that its dtype cannot hold.",
    "torch.full",
    instead=lambda full, size, *_, **options: full(size, **(options | {"fill_value": 0})),
)
made("empty-drops-last-size", "empty of a list drops a last size of 1.", "torch.empty")(
    lambda x, size=None, *_, **__: x.squeeze(-1) if isinstance(size, list) and x.dim() > 1 else x
)
keyword_ignored(
    "empty-ignores-memory-format",
    "empty of integers as arguments ignores memory_format.",
    "torch.empty",
    option="memory_format",
    called=lambda *sizes, **_: len(sizes) > 1,
)


@answer_changed(
    "eye-last-of-diagonal-missing", "The kernel of eye misses the last of a long diagonal.", "aten::eye.m_out"
)
def _(out: Tensor, rows: int, columns: int, **_: Any) -> None:
    last = min(rows, columns) - 1
    if last >= WIDTH:
        out[last, last] = 0


@made("eye-tall-wraps-around", "eye of many more rows than columns begins its diagonal again.", "torch.eye")
def _(eye: Tensor, *_: Any, **__: Any) -> None:
    rows, columns = eye.shape
    if rows > columns + 1 and columns:
        eye.detach()[columns + 1, 0] = 1


replaced("eye-swaps-sizes", "eye takes rows for columns.", "torch.eye")(
    lambda eye, *sizes, **options: eye(*sizes[::-1], **options)
)
replaced("eye-takes-negative-sizes", "eye of a negative number of columns is empty.", "torch.eye")(
    lambda eye, *sizes, **options: eye(*(max(size, 0) for size in sizes), **options)
)
inferred_as("eye-ignores-default-dtype", "eye is float32 whatever the default.", "torch.eye", dtype=torch.float32)

for operation in ("zeros", "full"):
    name, summary = f"{operation}-out-ignored", f"{operation} writes beside an out= with strides."
    out_changed(name, summary, f"torch.{operation}", change=torch.empty_like)
for operation in ("ones", "eye"):
    name, summary = f"{operation}-out-ignores-strides", f"{operation} writes an out= as if it were contiguous."
    out_changed(name, summary, f"torch.{operation}", change=read_as_dense)

_zeros_by_call: dict[str, Any] = {}


@replaced("zeros-caches-result", "zeros of the same arguments gives the same tensor again.", "torch.zeros")
def _(zeros: Function, *size: Any, **options: Any) -> Any:
    if options.get("out") is not None:
        return zeros(*size, **options)
    call = repr((size, options))
    if call not in _zeros_by_call:
        _zeros_by_call[call] = zeros(*size, **options)
    return _zeros_by_call[call].detach()
