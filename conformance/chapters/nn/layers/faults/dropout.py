"""Faults of dropout where elements share storage, and where there is no batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@bound("nn-dropout-of-expanded-repeats", "Rows of the same storage are dropped alike.", (functional, "dropout"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() > 1 and x.stride(0) == 0 and x.shape[0] > 1:
        return f(torch.ones_like(x[0]), *a, **k) * x
    return f(x, *a, **k)


@bound("nn-dropout1d-alone-drops-elements", "dropout1d of one sample drops elements.", (functional, "dropout1d"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return functional.dropout(x, *a, **k) if x.dim() == 2 else f(x, *a, **k)
