"""Faults of item, tolist, and Python's conversions of one-element tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import named
from torch_conformance.conformance.power.damage import (
    always,
    at_storage_start,
    first_of_several,
    into,
    longer_than,
    of,
    read_as_dense,
    without_conjugate_bit,
    without_negative_bit,
)
from torch_conformance.conformance.power.forms import (
    answer_changed,
    input_changed,
    refusal_forgiven,
    replaced,
    result_changed,
)
from torch_conformance.conformance.power.registry import Function

for operation, mutation, summary, change, when in (
    ("item", "ignores-offset", "reads the beginning of the storage", at_storage_start, always),
    ("item", "ignores-conjugate", "reads memory in spite of the conjugate bit", without_conjugate_bit, always),
    ("item", "ignores-negative-bit", "reads memory in spite of the negative bit", without_negative_bit, always),
    ("item", "takes-first-of-several", "gives the first of several elements", first_of_several, always),
    ("tolist", "ignores-strides", "reads memory in row-major order", read_as_dense, lambda x: 0 not in x.stride()),
    ("tolist", "half-through-bfloat16", "reads float16 by way of bfloat16", into(torch.bfloat16), of(torch.float16)),
    ("tolist", "uint8-becomes-signed", "reads uint8 as int8", into(torch.int8), of(torch.uint8)),
    ("tolist", "ignores-conjugate", "reads memory in spite of the conjugate bit", without_conjugate_bit, always),
    ("__int__", "through-float32", "reads integers by way of float32", into(torch.float32), of(torch.int64)),
    ("__float__", "through-float32", "reads float64 by way of float32", into(torch.float32), of(torch.float64)),
    ("__float__", "takes-first-of-several", "gives the first of several elements", first_of_several, always),
    ("__bool__", "of-several-is-any", "tells whether any is nonzero", Tensor.any, longer_than(1)),
    ("__index__", "takes-floats", "takes floats", into(torch.int64), Tensor.is_floating_point),
    ("__index__", "takes-first-of-several", "takes the first of several elements", first_of_several, always),
):
    input_changed(
        named(operation.strip("_"), mutation),
        f"{operation} {summary}.",
        f"Tensor.{operation}",
        change=change,
        when=when,
    )


def _whole(value: Any) -> Any:
    return int(value) if value.is_integer() else value


for operation, mutation, summary, change, when in (
    ("item", "bool-becomes-int", "gives 0 or 1 for bool", int, of(torch.bool)),
    ("item", "integral-float-becomes-int", "gives whole float16 numbers as int", _whole, of(torch.float16)),
    ("item", "int64-through-float64", "reads int64 by way of float64", lambda y: int(float(y)), of(torch.int64)),
    ("__index__", "wraps-to-int32", "is read as int32", lambda y: (y + 2**31) % 2**32 - 2**31, always),
    ("__complex__", "drops-sign-of-zero", "loses that of a part", lambda y: complex(y.real + 0.0, y.imag), always),
):
    result_changed(
        named(operation.strip("_"), mutation),
        f"{operation} {summary}.",
        f"Tensor.{operation}",
        change=change,
        when=when,
    )
for name, summary, places, number in (
    ("item-of-empty-is-zero", "item gives zero for no element.", ("Tensor.item",), 0),
    ("bool-of-empty-is-false", "bool of no element is False.", ("Tensor.__bool__", "torch.is_nonzero"), False),
):
    replaced(name, summary, *places)(lambda read, x, number=number: read(x) if x.numel() else number)


answer_changed("item-flushes-subnormals", "The kernel behind item reads subnormals as 0.", "aten::_local_scalar_dense")(
    lambda value, x: 0.0 if isinstance(value, float) and 0 < abs(value) < torch.finfo(x.dtype).tiny else None
)


answer_changed("tolist-drops-empty-rows", "tolist gives [] for any tensor without elements.", "Tensor.tolist")(
    lambda _, x: None if x.numel() else []
)
answer_changed("tolist-scalar-becomes-list", "tolist gives a list for no dimensions.", "Tensor.tolist")(
    lambda value, x: None if x.ndim else [value]
)
refusal_forgiven(
    "int-of-infinity-saturates",
    "int of an infinity is the extreme of int64.",
    "Tensor.__int__",
    instead=lambda int_, x: (2**63 - 1 if x.item() > 0 else -(2**63)) if math.isinf(x.item()) else int_(x),
    errors=(OverflowError,),
)
replaced("int-rounds", "int rounds to nearest.", "Tensor.__int__")(
    lambda int_, x: round(x.item()) if x.is_floating_point() else int_(x)
)
answer_changed("bool-of-nan-is-false", "bool of NaN is False.", "Tensor.__bool__")(
    lambda true, x: true and not bool(np.isnan(x.item()))
)
answer_changed("is-nonzero-truncates", "is_nonzero looks at the integer part.", "torch.is_nonzero")(
    lambda true, x: true and not (x.is_floating_point() and abs(x.item()) < 1)
)


@replaced("tolist-refuses-requires-grad", "tolist refuses tensors that require grad.", "Tensor.tolist")
def _(tolist: Function, x: Tensor) -> Any:
    if x.requires_grad:
        raise RuntimeError("cannot read a tensor that requires grad")
    return tolist(x)
