"""Faults of a tensor as a Python sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import a
from torch_conformance.conformance.power.forms import answer_changed, argument_changed, refusal_forgiven, replaced
from torch_conformance.conformance.power.registry import Function

answer_changed("len-is-numel", "len counts the elements of matrices.", "Tensor.__len__")(
    lambda _, x: x.numel() if x.ndim == 2 else None
)
answer_changed("len-of-empty-is-zero", "len is 0 where there are no elements.", "Tensor.__len__")(
    lambda _, x: None if x.numel() else 0
)
refusal_forgiven(
    "len-of-scalar-is-one",
    "len of a tensor without dimensions is 1.",
    "Tensor.__len__",
    instead=lambda *_: 1,
    errors=(TypeError,),
)
refusal_forgiven(
    "iter-of-scalar-yields-it",
    "Iterating over a tensor without dimensions yields it.",
    "Tensor.__iter__",
    instead=lambda _, x: iter([x]),
    errors=(TypeError,),
)
answer_changed("iter-yields-copies", "Iteration yields copies.", "Tensor.__iter__")(
    lambda slices, _: iter([each.clone() for each in slices])
)
answer_changed("unbind-reverses-long-tensors", "Iteration yields many slices backward.", "aten::unbind.int")(
    lambda slices, *_: slices[::-1] if len(slices) > 30 else None
)
argument_changed(
    "contains-skips-last",
    "Membership does not look at the last element.",
    "Tensor.__contains__",
    change=lambda x: x.reshape(-1)[:-1],
    when=lambda x: x.numel() > 1,
)
argument_changed(
    "contains-converts",
    "Membership converts lists to tensors.",
    "Tensor.__contains__",
    change=torch.tensor,
    when=a(list),
    which=1,
)
answer_changed("contains-means-all", "Membership asks whether every element is equal.", "Tensor.__contains__")(
    lambda found, x, element: found and bool((x == element).all())
)


@replaced("contains-finds-nan", "NaN is found where there is a NaN.", "Tensor.__contains__")
def _(contains: Function, x: Tensor, element: Any) -> Any:
    sought = isinstance(element, float) and element != element  # noqa: PLR0124
    return bool(x.isnan().any()) if sought else contains(x, element)
