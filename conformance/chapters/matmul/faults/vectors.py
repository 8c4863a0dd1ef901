"""Faults of mv, dot, vdot, outer, ger, inner and kron."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import changed, is_strided, last_replaced, second
from torch_conformance.conformance.power.registry import Function


@changed("mv-last-row-lost", "mv misses the last of more than 8 rows.", (torch, "mv"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.size(0) > 8:
        result[-1] = 0
    return result


@changed("mv-method-of-transposed-by-columns", "The method mv of strided matrices reverses rows.", (Tensor, "mv"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.flip(0) if is_strided(x) else x, *a, **k)


@changed("dot-conjugates", "dot conjugates its first argument.", (torch, "dot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.conj().resolve_conj(), *a, **k)


@changed("dot-of-strided-as-contiguous", "The method dot of strided vectors misses the last.", (Tensor, "dot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x) if x.numel() > 1 and x.stride(0) != 1 else x, *a, **k)


@changed("vdot-conjugates-second", "vdot conjugates its second argument.", (torch, "vdot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.conj().resolve_conj() if "out" not in k else result


@changed("vdot-method-does-not-conjugate", "The method vdot is dot.", (Tensor, "vdot"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.dot(x, second(a, k))


@changed("vdot-of-integers-last-lost", "vdot of integers misses the last.", (torch, "vdot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    exact = not (x.is_floating_point() or x.is_complex())
    return f(last_replaced(x) if exact and x.numel() > 1 else x, *a, **k)


@changed("outer-method-transposed", "The method outer is transposed.", (Tensor, "outer"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).t()


@changed("ger-last-column-lost", "ger misses the last of more than 8 columns.", (torch, "ger"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if result.size(1) > 8:
        result[:, -1] = 0
    return result


@changed("inner-over-first-dims", "inner of matrices sums over the rows of reversed ones.", (torch, "inner"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.flip(0) if x.dim() == 2 else x, *a, **k)


@changed("inner-method-swaps", "The method inner swaps its operands.", (Tensor, "inner"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(second(a, k), x)


@changed("kron-swaps-operands", "kron swaps its operands.", (torch, "kron"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(second(a, k), x) if "out" not in k else f(x, *a, **k)


@changed("kron-method-pads-rank-on-the-right", "The method kron adds missing dims on the right.", (Tensor, "kron"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    while x.dim() < y.dim():
        x = x.unsqueeze(-1)
    while y.dim() < x.dim():
        y = y.unsqueeze(-1)
    return f(x, y)


@changed("dot-broadcasts-one", "The method dot repeats a single element.", (Tensor, "dot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.expand(second(a, k).shape) if x.shape == (1,) else x, *a, **k)
