"""Faults of a tensor as a Python sequence."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_LEN = (torch.Tensor, "__len__")
_ITER = (torch.Tensor, "__iter__")
_CONTAINS = (torch.Tensor, "__contains__")


@bound("len-is-numel", "len counts the elements of matrices.", _LEN)
def _(original: Function, tensor: Any) -> Any:
    return tensor.numel() if tensor.ndim == 2 else original(tensor)


@bound("len-of-empty-is-zero", "len is 0 where there are no elements.", _LEN)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.numel() else 0


@bound("len-of-scalar-is-one", "len of a tensor without dimensions is 1.", _LEN)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.ndim else 1


@bound("iter-yields-copies", "Iteration yields copies.", _ITER)
def _(original: Function, tensor: Any) -> Any:
    return iter([each.clone() for each in original(tensor)])


@bound("iter-of-scalar-yields-it", "Iterating over a tensor without dimensions yields it.", _ITER)
def _(original: Function, tensor: Any) -> Any:
    return original(tensor) if tensor.ndim else iter([tensor])


@fault("unbind-reverses-long-tensors", "The kernel behind iteration yields more than 30 slices backward.")
def _reverse(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def unbind(tensor: torch.Tensor, dim: int = 0) -> Any:
            parts = list(original(tensor, dim))
            return parts[::-1] if len(parts) > 30 else parts

        return unbind

    breaker.kernel("aten::unbind.int", make)


@bound("contains-skips-last", "Membership does not look at the last element.", _CONTAINS)
def _(original: Function, tensor: Any, element: Any) -> Any:
    return original(tensor.reshape(-1)[:-1] if tensor.numel() > 1 else tensor, element)


@bound("contains-means-all", "Membership asks whether every element is equal.", _CONTAINS)
def _(original: Function, tensor: Any, element: Any) -> Any:
    return original(tensor, element) and bool((tensor == element).all())


@bound("contains-finds-nan", "NaN is found where there is a NaN.", _CONTAINS)
def _(original: Function, tensor: Any, element: Any) -> Any:
    sought = isinstance(element, float) and element != element  # noqa: PLR0124
    return bool(tensor.isnan().any()) if sought else original(tensor, element)


@bound("contains-converts", "Membership converts lists to tensors.", _CONTAINS)
def _(original: Function, tensor: Any, element: Any) -> Any:
    return original(tensor, torch.tensor(element) if isinstance(element, list) else element)
