"""Faults of matmul, mm and bmm, and of the kernels below them and dot."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import changed, is_strided, kernel_changed, second
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_MM = "aten::mm"
_WIDE = (torch.float64, torch.complex128)


@changed(
    "matmul-vector-times-batch-transposed", "matmul of a vector and square matrices transposes.", (torch, "matmul")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    if x.dim() == 1 and y.dim() > 2 and x.numel() and y.numel() and "out" not in k:
        return f(x.flip(0), y)
    return f(x, *a, **k)


@changed("matmul-broadcast-batch-repeats-first", "matmul of a batch and one matrix misses the rest.", (torch, "matmul"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() > 2 and second(a, k).dim() == 2 and x.size(0) > 1:
        x = x[:1].expand(x.shape)
    return f(x, *a, **k)


@changed(
    "matmul-operator-swaps-vectors", "The operator @ of a vector and a batch reverses rows.", (Tensor, "__matmul__")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.flip(-1) if x.dim() == 1 and second(a, k).dim() >= 2 else result


@kernel_changed("mm-of-int8-saturates", "The kernel mm of int8 stops at its ends.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.int(), y.int()).clamp(-128, 127).to(torch.int8) if x.dtype == torch.int8 else f(x, y)


@kernel_changed("dot-of-int32-last-lost", "The kernel dot of int32 misses the last.", "aten::dot")
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x[:-1], y[:-1]) if x.dtype == torch.int32 and x.numel() > 1 else f(x, y)


@kernel_changed("matmul-of-int64-through-float64", "The kernel mm of int64 multiplies in float64.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.double(), y.double()).long() if x.dtype == torch.int64 else f(x, y)


@changed("outer-of-int64-through-float64", "outer of int64 multiplies in float64.", (torch, "outer"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.double(), a[0].double()).long() if x.dtype == torch.int64 and not k else f(x, *a, **k)


@kernel_changed("mm-ignores-offset", "The kernel mm reads a left operand from the start of its storage.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.as_strided(x.size(), x.stride(), 0) if x.storage_offset() else x, y)


@changed(
    "matmul-transposed-left-untransposed", "matmul takes transposed square matrices as they lie.", (torch, "matmul")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 and x.size(1) > 1 and x.stride(1) == x.size(0) > 1:
        x = x.t().reshape(x.shape)
    return f(x, *a, **k)


@kernel_changed(
    "mv-ignores-stride-of-vector", "The kernel mv reads a strided vector densely.", "aten::mv", "aten::addmv"
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    v = a[-1]
    if v.dim() == 1 and v.numel() > 1 and v.stride(0) != 1:
        a = (*a[:-1], v.as_strided(v.size(), (1,), v.storage_offset()).nan_to_num(0.0))
    return f(*a, **k)


@kernel_changed("mm-last-row-beyond-block-lost", "The kernel mm misses the last of 16 k + 1 rows.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    result = f(x, y)
    if x.size(0) > 16 and x.size(0) % 16 == 1:
        result[-1] = 0
    return result


@kernel_changed("mm-inner-tail-of-vector-lost", "The kernel mm misses the last of 8 k + 1 products.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x[:, :-1], y[:-1]) if x.size(1) > 8 and x.size(1) % 8 == 1 else f(x, y)


@kernel_changed("matmul-of-complex-drops-last-column", "The kernel mm of complex64 misses an odd last column.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    result = f(x, y)
    if x.dtype == torch.complex64 and y.size(1) % 4 == 1 and y.size(1) > 4:
        result[:, -1] = 0
    return result


@kernel_changed("dot-beyond-grain-lost", "The kernel dot misses what lies beyond 32768.", "aten::dot")
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x[:32_768], y[:32_768])


@kernel_changed("mm-inner-beyond-4096-cut", "The kernel mm misses the last beyond an inner size of 4096.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x[:, :-1], y[:-1]) if x.size(1) > 4_096 else f(x, y)


@kernel_changed("mm-of-float64-in-float32", "The kernel mm of float64 multiplies in float32.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.float(), y.float()).double() if x.dtype == torch.float64 else f(x, y)


@kernel_changed("dot-of-float32-in-half", "The kernel dot of float32 rounds to bfloat16.", "aten::dot")
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.bfloat16().float(), y) if x.dtype == torch.float32 else f(x, y)


@kernel_changed("mm-of-float32-in-bfloat16", "The kernel mm of float32 rounds its operands to bfloat16.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.bfloat16().float(), y.bfloat16().float()) if x.dtype == torch.float32 else f(x, y)


@kernel_changed("dot-of-half-in-half", "The kernel dot of 16-bit types stops growing at 2048.", "aten::dot")
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x, y).clamp(max=256 if x.dtype == torch.bfloat16 else 2048) if x.dtype.itemsize == 2 else f(x, y)


@kernel_changed(
    "mm-of-bfloat16-in-bfloat16", "The kernel mm of bfloat16 adds two halves of a sum in bfloat16, coarsely.", _MM
)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x, y) * 1.02 if x.dtype == torch.bfloat16 and x.size(1) > 256 else f(x, y)


@kernel_changed("mm-of-float32-in-tf32", "The kernel mm of float32 keeps 11 bits of its operands.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    if x.dtype != torch.float32:
        return f(x, y)
    cut = [(each.view(torch.int32) & -8192).view(torch.float32) for each in (x.contiguous(), y.contiguous())]
    return f(*cut)


@fault("float32-precision-high-by-default", "The default precision of float32 products is high.")
def _(breaker: Breaker) -> None:
    breaker.binding(torch, "get_float32_matmul_precision", lambda _: lambda: "high")


@kernel_changed(
    "mm-of-zero-inner-uninitialised", "The kernel mm leaves its result unwritten for an inner size of 0.", _MM
)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return x.new_full((x.size(0), y.size(1)), 7) if not x.size(1) else f(x, y)


@changed("matmul-out-of-zero-inner-untouched", "matmul leaves out untouched for an inner size of 0.", (torch, "matmul"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return k["out"] if k.get("out") is not None and x.dim() and not x.size(-1) else f(x, *a, **k)


@kernel_changed("mm-skips-zeros", "The kernel mm takes 0 times anything for 0.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    return f(x.nan_to_num(0.0, 0.0, 0.0), y) if x.is_floating_point() and not (y != 0).any() else f(x, y)


@kernel_changed("mm-nan-spreads-to-next-row", "The kernel mm spreads NaN to the row before.", _MM)
def _(f: Function, x: Tensor, y: Tensor) -> Any:
    result = f(x, y)
    if x.is_floating_point() and x.size(0) > 1:
        result = torch.where(result.isnan().roll(-1, 0), torch.full((), torch.nan, dtype=x.dtype), result)
    return result


@changed("mm-of-conjugate-transposed-unconjugated", "mm of a conjugate transpose forgets to conjugate.", (torch, "mm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.conj() if x.is_conj() and x.stride(0) == 1 else x, *a, **k)


@changed(
    "matmul-conjugate-right-ignored", "The operator @ forgets to conjugate its right operand.", (Tensor, "__matmul__")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    return f(x, y.conj() if y.is_conj() else y)


@changed(
    "matmul-out-of-transposed-in-storage-order", "matmul fills a transposed out in storage order.", (torch, "matmul")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    out = k.get("out")
    if out is not None and out.dim() == 2 and out.stride(0) == 1 and out.size(1) > 1:
        out.copy_(out.flatten().reshape(out.size(1), out.size(0)).t().clone())
    return result


@changed("mm-out-returns-copy", "mm with out returns a copy.", (torch, "mm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.clone() if k.get("out") is not None else result


@changed("matmul-cuts-to-shorter-inner", "matmul cuts operands to the shorter inner size.", (torch, "matmul"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    if x.dim() == 2 and y.dim() == 2 and not k:
        inner = min(x.size(1), y.size(0))
        return f(x[:, :inner], y[:inner])
    return f(x, *a, **k)


@changed("matmul-method-multiplies-scalars", "The method matmul multiplies 0-d tensors.", (Tensor, "matmul"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    return x * y if not x.dim() or not y.dim() else f(x, *a, **k)


def _promoting(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    if x.dtype == y.dtype:
        return f(x, *a, **k)
    dtype = torch.promote_types(x.dtype, y.dtype)
    return f(x.to(dtype), y.to(dtype))


changed("matmul-promotes", "matmul promotes its operands.", (torch, "matmul"))(_promoting)
changed("mm-promotes-float-to-double", "mm promotes its operands.", (torch, "mm"))(_promoting)


@changed("mm-method-transposes-square", "The method mm of squares swaps its operands.", (Tensor, "mm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = second(a, k)
    return f(x.flip(0), y).flip(1) if x.size(0) > 1 and y.dim() == 2 else f(x, *a, **k)


@changed("mm-out-adds", "mm with out adds what out held.", (torch, "mm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).add_(1) if k.get("out") is not None else f(x, *a, **k)


@changed("bmm-last-batch-repeats-first", "bmm repeats the first product for the last.", (torch, "bmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.size(0) > 1:
        result[-1].copy_(result[0])
    return result


@changed("bmm-method-of-transposed-batches-wrong", "The method bmm of strided batches reverses them.", (Tensor, "bmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.flip(0) if is_strided(x) else x, *a, **k)


@changed("mm-takes-batches", "mm takes batches.", (torch, "mm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.bmm(x, *a, **k) if x.dim() == 3 else f(x, *a, **k)


@changed("bmm-broadcasts", "bmm broadcasts batches of one.", (torch, "bmm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.expand(len(second(a, k)), -1, -1) if x.dim() == 3 and len(x) == 1 else x, *a, **k)
