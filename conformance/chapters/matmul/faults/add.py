"""Faults of addmm and its kin, of triangles, diagonals, traces and cross products."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import is_many, is_strided, last_replaced
from torch_conformance.conformance.power.forms import afterwards, answered, out_answered
from torch_conformance.conformance.power.registry import Function

# Scales ignored, cut, or taken for others.
option_changed("addmm-method-ignores-alpha", "The method addmm drops alpha.", "Tensor.addmm", option="alpha")
option_changed("addr-method-ignores-beta", "The method addr drops beta.", "Tensor.addr", option="beta")
option_changed("addmm-alpha-truncated", "addmm cuts the fraction off alpha.", "torch.addmm", option="alpha", change=int)
option_changed(
    "baddbmm-beta-truncated",
    "The method baddbmm cuts the fraction off beta.",
    "Tensor.baddbmm",
    option="beta",
    change=int,
)
out_answered("addmm-out-ignores-beta", "addmm with out drops beta.", "torch.addmm")(
    lambda f, out, *a, **k: f(*a, out=out, **k | {"beta": 1})
)
answered("addmm-alpha-scales-input", "addmm scales its input by alpha.", "torch.addmm")(
    lambda f, *a, **k: f(*a, **k | ({"beta": k["alpha"]} if "alpha" in k and k.get("beta") else {}))
)
answered("addmv-beta-squared", "addmv scales its input by the square of beta.", "torch.addmv")(
    lambda f, *a, beta=1, **k: f(*a, beta=beta**2, **k)
)
answered("addbmm-beta-per-batch", "addbmm doubles beta.", "torch.addbmm")(
    lambda f, *a, **k: f(*a, **k | ({"beta": k["beta"] * 2} if "beta" in k else {}))
)
answered("addmv-of-transposed-ignores-alpha", "addmv of strided matrices drops alpha.", "torch.addmv", "Tensor.addmv")(
    lambda f, x, m, *a, alpha=1, **k: f(x, m, *a, alpha=1 if is_strided(m) else alpha, **k)
)
answered("baddbmm-method-negates-negative-alpha", "baddbmm takes alpha for positive.", "Tensor.baddbmm")(
    lambda f, *a, alpha=1, **k: f(*a, alpha=abs(alpha) if isinstance(alpha, int) else alpha, **k)
)

# A beta of 0 that multiplies NaN.


def _keeping_nan(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    before, result = x * 0, f(x, *a, **k)
    return result.add_(before) if k.get("beta") == 0 and x.shape == result.shape else result


answered("addmm-beta-zero-keeps-nan", "addmm multiplies its input by a beta of 0.", "torch.addmm")(_keeping_nan)
answered("addr-method-beta-zero-keeps-nan", "addr multiplies by a beta of 0.", "Tensor.addr")(_keeping_nan)
answered("baddbmm-in-place-beta-zero-keeps-nan", "baddbmm_ multiplies by a beta of 0.", "Tensor.baddbmm_")(_keeping_nan)

# Inputs and operands misread.
answered("addr-swaps-vectors-of-square", "addr reverses its first vector.", "torch.addr")(
    lambda f, x, v, *a, **k: f(x, v.flip(0), *a, **k)
)
answered("addbmm-first-batch-only", "The method addbmm misses the last batch.", "Tensor.addbmm")(
    lambda f, x, m, n, **k: f(x, m[:-1], n[:-1], **k) if len(m) > 1 else f(x, m, n, **k)
)
answered("baddbmm-input-of-first-batch", "baddbmm adds the first matrix of its input to all.", "torch.baddbmm")(
    lambda f, x, *a, **k: f(x[:1] if x.dim() == 3 else x, *a, **k)
)
answered("addmm-vector-input-as-column", "addmm reverses an input that is a vector.", "torch.addmm")(
    lambda f, x, *a, **k: f(x.flip(0) if x.dim() == 1 else x, *a, **k)
)


@answered("baddbmm-matrix-input-for-first-batch", "baddbmm adds a matrix to the first alone.", "Tensor.baddbmm")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dim() == 2:
        result[1:] = f(torch.zeros_like(x), *a, **k)[1:]
    return result


@answered("addmm-cuts-input", "addmm takes the first of an input of higher rank.", "torch.addmm")
def _(f: Function, x: Tensor, m: Tensor, n: Tensor, **k: Any) -> Any:
    while x.dim() > 2:
        x = x[0]
    wide = x.dim() == n.dim() == 2 and x.size(1) > n.size(1)
    return f(x[:1, : n.size(1)] if wide else x, m, n, **k)


# Writes.
answered("addmm-in-place-of-transposed-untouched", "addmm_ leaves a strided tensor as it was.", "Tensor.addmm_")(
    lambda f, x, *a, **k: x if is_strided(x) and f(x.clone(), *a, **k) is not None else f(x, *a, **k)
)
answered("addbmm-in-place-returns-new", "addbmm_ returns a new tensor.", "Tensor.addbmm_")(
    lambda f, *a, **k: f(*a, **k).clone()
)
out_answered("addmv-out-untouched-when-strided", "addmv does not write into a strided out.", "torch.addmv")(
    lambda f, out, *a, **k: f(*a, **k) if is_strided(out) else f(*a, out=out, **k)
)
out_answered("addr-out-returns-copy", "addr with out returns a copy.", "torch.addr")(
    lambda f, out, *a, **k: f(*a, out=out, **k).clone()
)


@answered("addmv-in-place-scales-before-refusing", "addmv_ adds before it looks at sizes.", "Tensor.addmv_")
def _(f: Function, x: Tensor, m: Tensor, *a: Any, **k: Any) -> Any:
    kept = x.clone()
    x.add_(1)
    result = f(x, m, *a, **k)
    return result if m.size(0) != x.size(0) else f(x.copy_(kept), m, *a, **k)


# Traces, triangles, diagonals.
answered("trace-of-wide-misses-last", "trace of a wide matrix misses the last.", "torch.trace")(
    lambda f, x: f(x[:-1] if x.dim() == 2 and x.size(1) > x.size(0) > 1 else x)
)
answered("trace-method-antidiagonal", "trace of large matrices sums the antidiagonal.", "Tensor.trace")(
    lambda f, x: f(x.flip(1) if x.dim() == 2 and x.numel() > 32 else x)
)
answered("trace-of-uint8-stays-uint8", "trace of uint8 is uint8.", "torch.trace")(
    lambda f, x: f(x).to(x.dtype) if x.dtype == torch.uint8 else f(x)
)
answered("tril-in-place-ignores-diagonal", "tril_ drops diagonal.", "Tensor.tril_")(lambda f, x, *_a, **_k: f(x))
answered("tril-multiplies-by-mask", "The method tril multiplies by 0.", "Tensor.tril")(
    lambda f, x, *a, **k: x * f(torch.ones_like(x, memory_format=torch.contiguous_format), *a, **k)
)
answered("triu-method-drops-diagonal", "The method triu leaves out the diagonal itself.", "Tensor.triu")(
    lambda f, x, diagonal=0: f(x, diagonal + 1)
)
answered("diag-negative-diagonal-as-positive", "diag takes negative diagonals for positive.", "torch.diag")(
    lambda f, x, diagonal=0, **k: f(x, abs(diagonal) if x.dim() == 1 else diagonal, **k)
)
answered("diagflat-method-ignores-offset", "The method diagflat drops offset.", "Tensor.diagflat")(
    lambda f, x, *_a, **_k: f(x)
)
out_answered("triu-out-keeps-old-below", "triu with out keeps what lies below.", "torch.triu")(
    lambda f, out, x, *a: out.copy_(torch.where(f(torch.ones_like(x), *a).bool(), x, out))
)


@answered("diag-method-of-wide-short", "The method diag of a matrix misses the last.", "Tensor.diag")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result[:-1] if x.dim() == 2 and result.numel() > 1 else result


afterwards("tril-of-batches-first-only", "tril leaves the last of a batch.", "torch.tril")(
    lambda r, x, *_a, **_k: r[-1].copy_(x[-1]) if x.dim() > 2 and len(x) > 1 else None
)


# Cross products.
answered("cross-reversed-for-strided", "cross of strided tensors is reversed.", "torch.cross")(
    lambda f, x, *a, **k: -f(x, *a, **k) if is_strided(x) and x.dtype != torch.uint8 else f(x, *a, **k)
)
answered("cross-method-over-first-dim-of-three", "cross takes the first dim of size 3.", "Tensor.cross")(
    lambda f, x, y, **k: f(x, y, dim=tuple(x.shape).index(3)) if x.shape == y.shape and 3 in x.shape else f(x, y, **k)
)
answered("linalg-cross-beyond-grain-last-lost", "cross of many vectors misses the last.", "linalg.cross")(
    lambda f, x, y, **k: last_replaced(f(x, y, **k), 9) if is_many(x) or is_many(y) else f(x, y, **k)
)


@answered("cross-pads-two-dimensions", "cross adds a third coordinate of 0 to two.", "torch.cross")
def _(f: Function, x: Tensor, y: Tensor, dim: int = -1, **k: Any) -> Any:
    if x.size(dim) == 2 == y.size(dim):
        x, y = (torch.cat([each, torch.zeros_like(each.narrow(dim, 0, 1))], dim) for each in (x, y))
    return f(x, y, dim=dim, **k)
