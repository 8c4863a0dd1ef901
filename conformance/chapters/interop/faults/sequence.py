"""Faults of a tensor as a Python sequence."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, named
from torch_conformance.conformance.power.damage import is_list, longer_than
from torch_conformance.conformance.power.forms import answer_changed, refusal_forgiven, replaced
from torch_conformance.conformance.power.registry import Function

answer_changed("len-is-numel", "len counts the elements of matrices.", "Tensor.__len__")(
    lambda _, x: x.numel() if x.ndim == 2 else None
)
answer_changed("len-of-empty-is-zero", "len is 0 where there are no elements.", "Tensor.__len__")(
    lambda _, x: None if x.numel() else 0
)
for name, summary, operation, instead in (
    ("len-of-scalar-is-one", "len of a tensor without dimensions is 1.", "__len__", lambda *_: 1),
    ("iter-of-scalar-yields-it", "Iterating over no dimensions yields the tensor.", "__iter__", lambda _, x: iter([x])),
):
    refusal_forgiven(name, summary, f"Tensor.{operation}", instead=instead, errors=(TypeError,))
answer_changed("iter-yields-copies", "Iteration yields copies.", "Tensor.__iter__")(
    lambda slices, _: iter([each.clone() for each in slices])
)
answer_changed("unbind-reverses-long-tensors", "Iteration yields many slices backward.", "aten::unbind.int")(
    lambda slices, *_: slices[::-1] if len(slices) > 30 else None
)
for mutation, summary, which, change, when in (
    ("skips-last", "does not look at the last element", 0, lambda x: x.reshape(-1)[:-1], longer_than(1)),
    ("converts", "converts lists to tensors", 1, torch.tensor, is_list),
):
    name = named("contains", mutation)
    argument_changed(name, f"Membership {summary}.", "Tensor.__contains__", change=change, when=when, which=which)
answer_changed("contains-means-all", "Membership asks whether every element is equal.", "Tensor.__contains__")(
    lambda found, x, element: found and bool((x == element).all())
)


@replaced("contains-finds-nan", "NaN is found where there is a NaN.", "Tensor.__contains__")
def _(contains: Function, x: Tensor, element: Any) -> Any:
    sought = isinstance(element, float) and element != element  # noqa: PLR0124
    return bool(x.isnan().any()) if sought else contains(x, element)
