"""Faults of matmul, mm and bmm, and of the kernels below them and dot."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import GRAIN, is_strided
from torch_conformance.conformance.power.forms import afterwards, answered, out_answered, replaced
from torch_conformance.conformance.power.registry import Function

_MM, _DOT = "aten::mm", "aten::dot"


def _is_columns(x: Tensor) -> bool:
    return x.dim() == 2 and x.stride(0) == 1 and x.size(1) > 1


def _through(dtype: torch.dtype, f: Function, x: Tensor, y: Tensor) -> Any:
    """Compute in another dtype, and convert the result back."""
    return f(x.to(dtype), y.to(dtype)).to(x.dtype)


def _rounded(x: Tensor) -> Tensor:
    return x.bfloat16().to(x.dtype)


def _cut(x: Tensor) -> Tensor:
    """Keep 11 bits of float32."""
    return (x.contiguous().view(torch.int32) & -8192).view(torch.float32)


# Kernels: dtypes.
replaced("mm-of-int8-saturates", "The kernel mm of int8 stops at its ends.", _MM)(
    lambda f, x, y: f(x.int(), y.int()).clamp(-128, 127).to(torch.int8) if x.dtype == torch.int8 else f(x, y)
)
replaced("matmul-of-int64-through-float64", "The kernel mm of int64 multiplies in float64.", _MM)(
    lambda f, x, y: _through(torch.float64, f, x, y) if x.dtype == torch.int64 else f(x, y)
)
replaced("mm-of-float64-in-float32", "The kernel mm of float64 multiplies in float32.", _MM)(
    lambda f, x, y: _through(torch.float32, f, x, y) if x.dtype == torch.float64 else f(x, y)
)
replaced("mm-of-float32-in-bfloat16", "The kernel mm of float32 rounds its operands to bfloat16.", _MM)(
    lambda f, x, y: f(_rounded(x), _rounded(y)) if x.dtype == torch.float32 else f(x, y)
)
replaced("mm-of-float32-in-tf32", "The kernel mm of float32 keeps 11 bits of its operands.", _MM)(
    lambda f, x, y: f(_cut(x), _cut(y)) if x.dtype == torch.float32 else f(x, y)
)
replaced("mm-of-bfloat16-in-bfloat16", "The kernel mm of bfloat16 is 2 % off for long sums.", _MM)(
    lambda f, x, y: f(x, y) * 1.02 if x.dtype == torch.bfloat16 and x.size(1) > 256 else f(x, y)
)
replaced("dot-of-float32-in-half", "The kernel dot of float32 rounds to bfloat16.", _DOT)(
    lambda f, x, y: f(_rounded(x) if x.dtype == torch.float32 else x, y)
)
replaced("dot-of-half-in-half", "The kernel dot of 16-bit types stops growing at 2048.", _DOT)(
    lambda f, x, y: f(x, y).clamp(max=256 if x.dtype == torch.bfloat16 else 2048) if x.itemsize == 2 else f(x, y)
)
answered("outer-of-int64-through-float64", "outer of int64 multiplies in float64.", "torch.outer")(
    lambda f, x, y, **k: _through(torch.float64, f, x, y) if x.dtype == torch.int64 and not k else f(x, y, **k)
)


# Kernels: memory, tails and blocks.
@replaced("mv-ignores-stride-of-vector", "The kernel mv reads strided vectors densely.", "aten::mv", "aten::addmv")
def _(f: Function, *a: Any, **k: Any) -> Any:
    v = a[-1]
    if v.dim() == 1 and v.numel() > 1 and v.stride(0) != 1:
        a = (*a[:-1], v.as_strided(v.size(), (1,), v.storage_offset()).nan_to_num(0.0))
    return f(*a, **k)


afterwards("mm-last-row-beyond-block-lost", "The kernel mm misses the last of 16 k + 1 rows.", _MM)(
    lambda r, x, _y: r[16:][-1:].zero_() if x.size(0) % 16 == 1 else None
)


afterwards("matmul-of-complex-drops-last-column", "mm of complex64 misses the last of 4 k + 1 columns.", _MM)(
    lambda r, *_: r[:, 4:][:, -1:].zero_() if r.dtype == torch.complex64 and r.size(1) % 4 == 1 else None
)


replaced("mm-ignores-offset", "The kernel mm reads a left operand from the start of its storage.", _MM)(
    lambda f, x, y: f(x.as_strided(x.size(), x.stride(), 0) if x.storage_offset() else x, y)
)
replaced("mm-inner-tail-of-vector-lost", "The kernel mm misses the last of 8 k + 1 products.", _MM)(
    lambda f, x, y: f(x[:, :-1], y[:-1]) if x.size(1) > 8 and x.size(1) % 8 == 1 else f(x, y)
)
replaced("mm-inner-beyond-4096-cut", "The kernel mm misses the last beyond an inner size of 4096.", _MM)(
    lambda f, x, y: f(x[:, :-1], y[:-1]) if x.size(1) > 4_096 else f(x, y)
)
replaced("dot-of-int32-last-lost", "The kernel dot of int32 misses the last.", _DOT)(
    lambda f, x, y: f(x[:-1], y[:-1]) if x.dtype == torch.int32 and x.numel() > 1 else f(x, y)
)
replaced("dot-beyond-grain-lost", "The kernel dot misses what lies beyond 32768.", _DOT)(
    lambda f, x, y: f(x[:GRAIN], y[:GRAIN])
)

# Kernels: nothing, zeros, NaN.
replaced("mm-of-zero-inner-uninitialised", "The kernel mm does not write its result for an inner size of 0.", _MM)(
    lambda f, x, y: f(x, y) if x.size(1) else x.new_full((x.size(0), y.size(1)), 7)
)
replaced("mm-skips-zeros", "The kernel mm takes 0 times anything for 0.", _MM)(
    lambda f, x, y: f(x.nan_to_num(0.0, 0.0, 0.0) if x.is_floating_point() and not (y != 0).any() else x, y)
)


@replaced("mm-nan-spreads-to-next-row", "The kernel mm spreads NaN to the row before.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    result = f(x, y)
    return torch.where(result.isnan().roll(-1, 0), torch.nan, result) if x.is_floating_point() else result


replaced(
    "float32-precision-high-by-default",
    "Products of float32 are of high precision by default.",
    "torch.get_float32_matmul_precision",
)(lambda _f: "high")


# Functions: which operand, which order, which layout.
@answered("matmul-vector-times-batch-transposed", "matmul of a vector and a batch reverses the vector.", "torch.matmul")
def _(f: Function, x: Tensor, y: Tensor, **k: Any) -> Any:
    return f(x.flip(0), y) if x.dim() == 1 and y.dim() > 2 and x.numel() and y.numel() and not k else f(x, y, **k)


@answered("matmul-out-of-transposed-in-storage-order", "matmul fills columns in storage order.", "torch.matmul")
def _(f: Function, x: Tensor, y: Tensor, **k: Any) -> Any:
    result = f(x, y, **k)
    if "out" in k and _is_columns(result):
        result.copy_(result.flatten().reshape(result.size(1), result.size(0)).t().clone())
    return result


@answered("matmul-cuts-to-shorter-inner", "matmul cuts operands to the shorter inner size.", "torch.matmul")
def _(f: Function, x: Tensor, y: Tensor, **k: Any) -> Any:
    if x.dim() == 2 and y.dim() == 2 and not k:
        inner = min(x.size(1), y.size(0))
        return f(x[:, :inner], y[:inner])
    return f(x, y, **k)


afterwards("bmm-last-batch-repeats-first", "bmm repeats the first product for the last.", "torch.bmm")(
    lambda r, *_a, **_k: r[-1:].copy_(r[:1])
)


answered("matmul-broadcast-batch-repeats-first", "matmul of a batch and one matrix misses the rest.", "torch.matmul")(
    lambda f, x, y, **k: f(x[:1].expand(x.shape) if x.dim() > 2 == y.dim() and x.size(0) > 1 else x, y, **k)
)
answered("matmul-operator-swaps-vectors", "@ of a vector and matrices reverses rows.", "Tensor.__matmul__")(
    lambda f, x, y: f(x, y).flip(-1) if x.dim() == 1 and y.dim() >= 2 else f(x, y)
)
answered("matmul-transposed-left-untransposed", "matmul takes transposed squares as they lie.", "torch.matmul")(
    lambda f, x, y, **k: f(x.t().reshape(x.shape) if _is_columns(x) and x.stride(1) == x.size(0) > 1 else x, y, **k)
)
answered("matmul-out-of-zero-inner-untouched", "matmul leaves out for an inner size of 0.", "torch.matmul")(
    lambda f, x, y, **k: k["out"] if "out" in k and x.dim() and not x.size(-1) else f(x, y, **k)
)
answered("matmul-method-multiplies-scalars", "The method matmul multiplies 0-d tensors.", "Tensor.matmul")(
    lambda f, x, y: f(x, y) if x.dim() and y.dim() else x * y
)
answered("matmul-conjugate-right-ignored", "@ forgets to conjugate its right operand.", "Tensor.__matmul__")(
    lambda f, x, y: f(x, y.conj() if y.is_conj() else y)
)
answered("mm-of-conjugate-transposed-unconjugated", "mm of a conjugate transpose forgets to conjugate.", "torch.mm")(
    lambda f, x, y, **k: f(x.conj() if x.is_conj() and x.stride(0) == 1 else x, y, **k)
)
answered("mm-method-transposes-square", "The method mm reverses rows and columns.", "Tensor.mm")(
    lambda f, x, y: f(x.flip(0), y).flip(1) if x.size(0) > 1 and y.dim() == 2 else f(x, y)
)
answered("bmm-method-of-transposed-batches-wrong", "The method bmm of strided batches reverses them.", "Tensor.bmm")(
    lambda f, x, y: f(x.flip(0) if is_strided(x) else x, y)
)
answered("mm-takes-batches", "mm takes batches.", "torch.mm")(
    lambda f, x, *a, **k: torch.bmm(x, *a, **k) if x.dim() == 3 else f(x, *a, **k)
)
answered("bmm-broadcasts", "bmm broadcasts batches of one.", "torch.bmm")(
    lambda f, x, y, **k: f(x.expand(len(y), -1, -1) if x.dim() == 3 and len(x) == 1 else x, y, **k)
)
out_answered("mm-out-returns-copy", "mm with out returns a copy.", "torch.mm")(
    lambda f, out, *a: f(*a, out=out).clone()
)
out_answered("mm-out-adds", "mm with out adds one.", "torch.mm")(lambda f, out, *a: f(*a, out=out).add_(1))


def _promoting(f: Function, x: Tensor, y: Tensor, **k: Any) -> Any:
    if x.dtype == y.dtype:
        return f(x, y, **k)
    dtype = torch.promote_types(x.dtype, y.dtype)
    return f(x.to(dtype), y.to(dtype))


answered("matmul-promotes", "matmul promotes its operands.", "torch.matmul")(_promoting)
answered("mm-promotes-float-to-double", "mm promotes its operands.", "torch.mm")(_promoting)
