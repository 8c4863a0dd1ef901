"""Faults that show with empty batches, and with inputs that repeat elements of storage."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@bound("nn-linear-refuses-no-samples", "linear refuses an empty batch.", (functional, "linear"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() > 1 and not x.numel():
        raise RuntimeError("no samples")
    return f(x, *a, **k)


@bound("nn-conv2d-without-samples-has-no-columns", "conv2d of no samples has no columns.", (functional, "conv2d"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = f(x, *a, **k)
    return y[..., :0] if x.dim() == 4 and not x.shape[0] else y


@bound("nn-linear-of-expanded-one-percent-off", "linear of expanded tensors is 1% off.", (functional, "linear"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = f(x, *a, **k)
    return y * 1.01 if 0 in x.stride() else y


@bound("nn-conv2d-of-expanded-reads-on", "conv2d reads an expanded batch as if it were zeros.", (functional, "conv2d"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    repeated = x.dim() == 4 and x.stride(0) == 0 and x.shape[0] > 1
    return f(torch.cat([x[:1], torch.zeros_like(x[1:])]) if repeated else x, *a, **k)


@bound("nn-lstm-of-expanded-state-is-zero", "A shared state is taken for zeros.", (torch.nn.LSTM, "forward"))
def _(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    shared = hx is not None and 0 in hx[0].stride() and hx[0].numel() > 1
    return f(self, x, tuple(each * 0 for each in hx) if shared else hx)
