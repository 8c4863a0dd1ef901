"""Faults that show with empty batches, and with inputs that repeat elements of storage."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import off
from torch_conformance.conformance.power.forms import input_changed, replaced, result_changed
from torch_conformance.conformance.power.registry import Function


@replaced("nn-linear-refuses-no-samples", "linear refuses an empty batch.", "F.linear")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() > 1 and not x.numel():
        raise RuntimeError("no samples")
    return f(x, *a, **k)


result_changed(
    "nn-conv2d-without-samples-has-no-columns",
    "conv2d of no samples has no columns.",
    "F.conv2d",
    change=lambda y: y[..., :0],
    when=lambda x: x.dim() == 4 and not x.shape[0],
)
result_changed(
    "nn-linear-of-expanded-one-percent-off",
    "linear of expanded tensors is 1% off.",
    "F.linear",
    change=off,
    when=lambda x: 0 in x.stride(),
)
input_changed(
    "nn-conv2d-of-expanded-reads-on",
    "conv2d reads an expanded batch as if it were zeros.",
    "F.conv2d",
    change=lambda x: torch.cat([x[:1], torch.zeros_like(x[1:])]),
    when=lambda x: x.dim() == 4 and x.stride(0) == 0 and x.shape[0] > 1,
)


@replaced("nn-lstm-of-expanded-state-is-zero", "A shared state is taken for zeros.", "nn.LSTM.forward")
def _(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    shared = hx is not None and 0 in hx[0].stride() and hx[0].numel() > 1
    return f(self, x, tuple(each * 0 for each in hx) if shared else hx)
