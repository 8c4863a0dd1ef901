"""A tensor whose gradient is wrong, for faults of layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class _Changed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.change = change
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return ctx.change(gradients[0]), None


def gradient_changed(tensor: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Return the tensor as it is, whose gradient passes through `change` on its way back."""
    result: Tensor = _Changed.apply(tensor, change)  # type: ignore[no-untyped-call]
    return result
