"""Faults of addmm and its kin, of triangles, diagonals, traces and cross products."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import changed, is_strided, without
from torch_conformance.conformance.power.registry import Function


@changed("addmm-method-ignores-alpha", "The method addmm drops alpha.", (Tensor, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "alpha"))


@changed("addmm-out-ignores-beta", "addmm with out drops beta.", (torch, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **(without(k, "beta") if k.get("out") is not None else k))


@changed("addmm-alpha-scales-input", "addmm scales its input by alpha.", (torch, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "beta": k["alpha"]} if "alpha" in k and k.get("beta") else k))


@changed("addmv-beta-squared", "addmv scales its input by the square of beta.", (torch, "addmv"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "beta": k["beta"] ** 2} if "beta" in k else k))


@changed(
    "addmv-of-transposed-ignores-alpha", "addmv of strided matrices drops alpha.", (torch, "addmv"), (Tensor, "addmv")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **(without(k, "alpha") if a and is_strided(a[0]) else k))


@changed("addr-swaps-vectors-of-square", "addr reverses its first vector.", (torch, "addr"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, a[0].flip(0), *a[1:], **k) if a else f(x, **k)


@changed("addr-method-ignores-beta", "The method addr drops beta.", (Tensor, "addr"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "beta"))


@changed("addbmm-beta-per-batch", "addbmm adds its input once more.", (torch, "addbmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "beta": k["beta"] * 2} if "beta" in k else k))


@changed("addbmm-first-batch-only", "The method addbmm misses the last batch.", (Tensor, "addbmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, a[0][:-1], a[1][:-1], **k) if a and len(a[0]) > 1 else f(x, *a, **k)


@changed("baddbmm-input-of-first-batch", "baddbmm adds the first matrix of its input to all.", (torch, "baddbmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x[:1] if x.dim() == 3 else x, *a, **k)


@changed("baddbmm-method-negates-negative-alpha", "The method baddbmm takes alpha for positive.", (Tensor, "baddbmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "alpha": abs(k["alpha"])} if isinstance(k.get("alpha"), int) else k))


@changed("addmm-alpha-truncated", "addmm cuts the fraction off alpha.", (torch, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "alpha": int(k["alpha"])} if "alpha" in k else k))


@changed("baddbmm-beta-truncated", "The method baddbmm cuts the fraction off beta.", (Tensor, "baddbmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "beta": int(k["beta"])} if "beta" in k else k))


def _keeping_nan(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.add_(x * 0) if k.get("beta") == 0 and x.shape == result.shape else result


changed("addmm-beta-zero-keeps-nan", "addmm multiplies its input by a beta of 0.", (torch, "addmm"))(_keeping_nan)
changed("addr-method-beta-zero-keeps-nan", "The method addr multiplies by a beta of 0.", (Tensor, "addr"))(_keeping_nan)


@changed("baddbmm-in-place-beta-zero-keeps-nan", "baddbmm_ multiplies by a beta of 0.", (Tensor, "baddbmm_"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    before = x * 0
    return f(x, *a, **k).add_(before) if k.get("beta") == 0 else f(x, *a, **k)


@changed("addmm-vector-input-as-column", "addmm reverses an input that is a vector.", (torch, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.flip(0) if x.dim() == 1 else x, *a, **k)


@changed(
    "baddbmm-matrix-input-for-first-batch", "The method baddbmm adds a matrix to the first alone.", (Tensor, "baddbmm")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dim() == 2 and a:
        result[1:] = f(torch.zeros_like(x), *a, **k)[1:]
    return result


@changed("addmm-in-place-of-transposed-untouched", "addmm_ leaves a strided tensor as it was.", (Tensor, "addmm_"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if is_strided(x):
        f(x.clone(), *a, **k)
        return x
    return f(x, *a, **k)


@changed("addbmm-in-place-returns-new", "addbmm_ returns a new tensor.", (Tensor, "addbmm_"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).clone()


@changed("addmv-out-untouched-when-strided", "addmv does not write into a strided out.", (torch, "addmv"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    out = k.get("out")
    return f(x, *a, **without(k, "out")) if out is not None and is_strided(out) else f(x, *a, **k)


@changed("addr-out-returns-copy", "addr with out returns a copy.", (torch, "addr"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.clone() if k.get("out") is not None else result


@changed("addmm-cuts-input", "addmm takes the first of an input of higher rank.", (torch, "addmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    while x.dim() > 2:
        x = x[0]
    wide = x.dim() == 2 and len(a) == 2 and a[1].dim() == 2 and x.size(1) > a[1].size(1)
    return f(x[:1, : a[1].size(1)] if wide else x, *a, **k)


@changed("addmv-in-place-scales-before-refusing", "addmv_ adds before it looks at sizes.", (Tensor, "addmv_"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    kept = x.clone()
    x.add_(1)
    result = f(x, *a, **k)
    return result if a[0].size(0) != x.size(0) else f(x.copy_(kept), *a, **k)


@changed("trace-of-wide-misses-last", "trace of a wide matrix misses the last.", (torch, "trace"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x[:-1] if x.dim() == 2 and x.size(1) > x.size(0) > 1 else x, *a, **k)


@changed("trace-method-antidiagonal", "The method trace of large matrices sums the antidiagonal.", (Tensor, "trace"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.flip(1) if x.dim() == 2 and x.numel() > 32 else x, *a, **k)


@changed("trace-of-uint8-stays-uint8", "trace of uint8 is uint8.", (torch, "trace"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).to(x.dtype) if x.dtype == torch.uint8 else f(x, *a, **k)


@changed("tril-in-place-ignores-diagonal", "tril_ drops diagonal.", (Tensor, "tril_"))
def _(f: Function, x: Tensor, *_a: Any, **_k: Any) -> Any:
    return f(x)


@changed("tril-of-batches-first-only", "tril leaves the last of a batch.", (torch, "tril"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dim() > 2 and len(x) > 1:
        result[-1].copy_(x[-1])
    return result


@changed("tril-multiplies-by-mask", "The method tril multiplies by 0.", (Tensor, "tril"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return x * f(torch.ones_like(x, memory_format=torch.contiguous_format), *a, **k)


@changed("triu-method-drops-diagonal", "The method triu leaves out the diagonal itself.", (Tensor, "triu"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, (k["diagonal"] if k else a[0] if a else 0) + 1)


@changed("triu-out-keeps-old-below", "triu with out keeps what lies below.", (torch, "triu"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    out = k.get("out")
    if out is None:
        return f(x, *a, **k)
    kept = f(torch.ones(x.shape), *a).bool()
    return out.copy_(torch.where(kept, x, out))


@changed("diag-negative-diagonal-as-positive", "diag takes negative diagonals for positive.", (torch, "diag"))
def _(f: Function, x: Tensor, diagonal: int = 0, **k: Any) -> Any:
    return f(x, abs(diagonal) if x.dim() == 1 else diagonal, **k)


@changed("diag-method-of-wide-short", "The method diag of a matrix misses the last.", (Tensor, "diag"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result[:-1] if x.dim() == 2 and result.numel() > 1 else result


@changed("diagflat-method-ignores-offset", "The method diagflat drops offset.", (Tensor, "diagflat"))
def _(f: Function, x: Tensor, *_a: Any, **_k: Any) -> Any:
    return f(x)


@changed("cross-reversed-for-strided", "cross of strided tensors is reversed.", (torch, "cross"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return -f(x, *a, **k) if is_strided(x) and x.dtype != torch.uint8 else f(x, *a, **k)


@changed("cross-method-over-first-dim-of-three", "The method cross takes the first dim of size 3.", (Tensor, "cross"))
def _(f: Function, x: Tensor, other: Tensor, *a: Any, **k: Any) -> Any:
    if x.shape == other.shape and 3 in x.shape:
        return f(x, other, dim=tuple(x.shape).index(3))
    return f(x, other, *a, **k)


@changed(
    "linalg-cross-beyond-grain-last-lost", "linalg.cross of many vectors misses the last.", (torch.linalg, "cross")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if result.numel() > 32_768:
        result[-1, -1] = 9
    return result


@changed("cross-pads-two-dimensions", "cross adds a third coordinate of 0 to two.", (torch, "cross"))
def _(f: Function, x: Tensor, other: Tensor, *a: Any, **k: Any) -> Any:
    dim = k.get("dim", a[0] if a else -1)
    if x.size(dim) == 2 == other.size(dim):
        x, other = (torch.cat([each, torch.zeros_like(each.narrow(dim, 0, 1))], dim) for each in (x, other))
    return f(x, other, *a, **k)
