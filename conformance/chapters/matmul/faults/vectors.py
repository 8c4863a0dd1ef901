"""Faults of mv, dot, vdot, outer, ger, inner and kron."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import is_strided, last_replaced
from torch_conformance.conformance.power.forms import afterwards, answered, input_changed


def _conjugated(x: Tensor) -> Tensor:
    return x.conj().resolve_conj()


def _is_exact(x: Tensor) -> bool:
    return not (x.is_floating_point() or x.is_complex())


afterwards("mv-last-row-lost", "mv misses the last of more than 8 rows.", "torch.mv")(
    lambda r, *_a, **_k: r[8:][-1:].zero_()
)


afterwards("ger-last-column-lost", "ger misses the last of more than 8 columns.", "torch.ger")(
    lambda r, *_a, **_k: r[:, 8:][:, -1:].zero_()
)


input_changed("dot-conjugates", "dot conjugates its first argument.", "torch.dot", change=_conjugated)
answered("mv-method-of-transposed-by-columns", "The method mv of strided matrices reverses rows.", "Tensor.mv")(
    lambda f, x, *a, **k: f(x.flip(0) if is_strided(x) else x, *a, **k)
)
answered("dot-of-strided-as-contiguous", "The method dot of strided vectors misses the last.", "Tensor.dot")(
    lambda f, x, *a, **k: f(last_replaced(x) if x.numel() > 1 and x.stride(0) != 1 else x, *a, **k)
)
answered("vdot-conjugates-second", "vdot conjugates its second argument.", "torch.vdot")(
    lambda f, x, *a, **k: f(x, *a, **k) if "out" in k else _conjugated(f(x, *a, **k))
)
answered("vdot-method-does-not-conjugate", "The method vdot is dot.", "Tensor.vdot")(lambda _f, x, y: torch.dot(x, y))
answered("vdot-of-integers-last-lost", "vdot of integers misses the last.", "torch.vdot")(
    lambda f, x, *a, **k: f(last_replaced(x) if _is_exact(x) and x.numel() > 1 else x, *a, **k)
)
answered("outer-method-transposed", "The method outer is transposed.", "Tensor.outer")(
    lambda f, *a, **k: f(*a, **k).t()
)
answered("inner-over-first-dims", "inner of matrices sums over the rows of reversed ones.", "torch.inner")(
    lambda f, x, *a, **k: f(x.flip(0) if x.dim() == 2 else x, *a, **k)
)
answered("inner-method-swaps", "The method inner swaps its operands.", "Tensor.inner")(lambda f, x, y: f(y, x))
answered("kron-swaps-operands", "kron swaps its operands.", "torch.kron")(
    lambda f, x, y, **k: f(x, y, **k) if "out" in k else f(y, x)
)
answered("dot-broadcasts-one", "The method dot repeats a single element.", "Tensor.dot")(
    lambda f, x, y: f(x.expand(y.shape) if x.shape == (1,) else x, y)
)
answered("kron-method-pads-rank-on-the-right", "The method kron adds missing dims on the right.", "Tensor.kron")(
    lambda f, x, y: f(x.reshape(*x.shape, *[1] * (y.dim() - x.dim())), y.reshape(*y.shape, *[1] * (x.dim() - y.dim())))
)
