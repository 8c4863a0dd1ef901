"""Faults of the other methods that write their tensor, and of the keyword out=."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import GRAIN, dense, is_many, is_strided
from torch_conformance.conformance.power.forms import afterwards, answered, out_answered, write_lost
from torch_conformance.conformance.power.registry import Function


def _is_cut(out: Tensor, *operands: Any) -> bool:
    return out.dtype == torch.int32 and any(isinstance(each, Tensor) and each.is_floating_point() for each in operands)


def _is_columns(x: Tensor) -> bool:
    return x.dim() == 2 and x.t().is_contiguous()


def overrun(x: Tensor, value: float) -> Tensor:
    """Write the element after a contiguous tensor, where its memory has one."""
    end = x.storage_offset() + x.numel()
    if x.is_contiguous() and x.numel() and end < x.untyped_storage().nbytes() // x.element_size():
        torch.as_strided(x.detach(), (1,), (1,), end).fill_(value)
    return x


# Values.
answered("addcmul-in-place-ignores-value", "addcmul_ ignores value= in bfloat16.", "Tensor.addcmul_")(
    lambda f, x, *a, **k: f(x, *a) if x.dtype == torch.bfloat16 else f(x, *a, **k)
)
option_changed(
    "fill-diagonal-in-place-ignores-wrap", "fill_diagonal_ ignores wrap=.", "Tensor.fill_diagonal_", option="wrap"
)
write_lost("cumsum-in-place-misses-last-of-columns", "cumsum_ of columns leaves the last.", "Tensor.cumsum_")(
    lambda x, *_: x.dim() == 2 and is_strided(x) and x.size(0) > 1
)
write_lost(
    "masked-fill-misses-last-beyond-grain", "masked_fill_ leaves the end of large tensors.", "aten::masked_fill_.Scalar"
)(lambda x, *_: x.numel() > GRAIN)
write_lost("out-of-add-misses-last-of-vector", "add with out= skips the last element.", "aten::add.out")(
    lambda x, *_: x.dim() == 1 and x.numel() > 16
)
answered("polygamma-in-place-takes-order-zero", "polygamma_ ignores its order.", "Tensor.polygamma_")(
    lambda f, x, _n: f(x, 0)
)
answered("erfinv-in-place-is-flat-near-one", "erfinv_ is rough near 1.", "Tensor.erfinv_")(
    lambda f, x: f(x.mul_(1 - 2**-20))
)


@answered("clamp-in-place-prefers-min", "clamp_ with min above max gives min.", "Tensor.clamp_")
def _(clamp: Function, x: Tensor, *bounds: Any, **options: Any) -> Any:
    if len(bounds) == 2 and not isinstance(bounds[0], Tensor) and bounds[0] is not None:
        return clamp(clamp(x, None, bounds[1]), bounds[0], None)
    return clamp(x, *bounds, **options)


@answered("index-add-in-place-keeps-last-repeat", "index_add_ adds one of repeated rows.", "Tensor.index_add_")
def _(index_add: Function, x: Tensor, dim: int, index: Tensor, source: Tensor, **options: Any) -> Any:
    last = {int(place): number for number, place in enumerate(index.tolist())}
    chosen = torch.tensor(sorted(last.values()), dtype=torch.int64, device=index.device)
    return index_add(x, dim, index[chosen], source.index_select(dim, chosen), **options)


@answered("tril-in-place-takes-first-of-batch", "tril_ of a batch leaves all but the first.", "Tensor.tril_")
def _(tril: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if x.dim() > 2 and x.size(0) > 1:
        tril(x[0], *arguments, **options)
        return x
    return tril(x, *arguments, **options)


@answered("put-in-place-counts-in-memory-order", "put_ counts places as they lie in memory.", "Tensor.put_")
def _(put: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    put(x.t() if is_strided(x) and _is_columns(x) else x, *arguments, **options)
    return x


@answered("masked-scatter-starts-anew-in-each-row", "masked_scatter_ begins anew in rows.", "Tensor.masked_scatter_")
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    if x.dim() == 2 and mask.dim() == 2:
        for row, part in zip(x, mask, strict=True):
            scatter(row, part, source)
        return x
    return scatter(x, mask, source)


@answered("masked-scatter-counts-in-memory-order", "masked_scatter_ goes down columns.", "Tensor.masked_scatter_")
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    scatter(*((x.t(), mask.t()) if _is_columns(x) else (x, mask)), source)
    return x


# Identity, memory, versions.
@answered("masked-scatter-takes-new-memory", "masked_scatter_ moves its tensor.", "Tensor.masked_scatter_")
def _(scatter: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    x.data = x.detach().clone()
    return scatter(x, *arguments, **options)


@answered("lerp-in-place-makes-contiguous", "lerp_ of columns makes them contiguous.", "Tensor.lerp_")
def _(lerp: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if x.dim() > 1 and is_strided(x):
        x.data = dense(x.detach())
    return lerp(x, *arguments, **options)


@answered("fill-in-place-is-not-counted", "fill_ with a number does not change the version.", "Tensor.fill_")
def _(fill: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    number = bool(arguments) and not isinstance(arguments[0], Tensor)
    written = fill(x.data if number else x, *arguments, **options)
    return x if number else written


afterwards("scatter-in-place-sorts-its-index", "scatter_ leaves its index sorted.", "Tensor.scatter_")(
    lambda _r, _x, _dim, index, *_a, **_k: index.data.copy_(index.sort(0).values)
)


afterwards("copy-in-place-counts-a-write-of-its-source", "copy_ counts a write to its source.", "Tensor.copy_")(
    lambda _r, _x, source, *_a, **_k: source.add_(0) if source.dtype == torch.int16 else None
)


@answered("triu-in-place-writes-between-rows", "triu_ writes the gaps between rows.", "Tensor.triu_")
def _(triu: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if x.dim() == 2 and x.size(0) > 1 and x.stride(1) == 1 and x.stride(0) > x.size(1) > 0:
        torch.as_strided(x, (1,), (1,), x.storage_offset() + x.size(1)).zero_()
    return triu(x, *arguments, **options)


answered("index-fill-returns-another-tensor", "index_fill_ returns a view.", "Tensor.index_fill_")(
    lambda f, x, *a, **k: f(x, *a, **k)[...]
)
answered("zero-in-place-returns-nothing-when-empty", "zero_ of nothing returns a new tensor.", "Tensor.zero_")(
    lambda f, x: f(x) if x.numel() else x.clone()
)
answered("uniform-overruns", "uniform_ writes one element too many.", "Tensor.uniform_")(
    lambda f, x, *a, **k: f(overrun(x, 0.5), *a, **k)
)
answered("index-copy-writes-shared-rows", "index_copy_ takes an expanded tensor.", "Tensor.index_copy_")(
    lambda f, x, *a, **k: x if 0 in x.stride() else f(x, *a, **k)
)


# Draws.
afterwards("random-in-place-includes-its-end", "random_ may give the end of its range.", "Tensor.random_")(
    lambda r, _x, *a, **_k: r[(-1,) * r.dim()].fill_(a[-1]) if a and r.numel() > 600 else None
)


afterwards("bernoulli-in-place-draws-once", "bernoulli_ draws one element for a large tensor.", "Tensor.bernoulli_")(
    lambda r, *_a, **_k: r.fill_(r[(0,) * r.dim()].item()) if is_many(r) else None
)


_STREAM = torch.Generator()


@answered("normal-in-place-ignores-the-seed", "normal_ draws from a stream of its own.", "Tensor.normal_")
def _(normal: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    seed = int(torch.randint(2**31, (), generator=_STREAM).item())
    return normal(x, *arguments, **options | {"generator": torch.Generator(x.device).manual_seed(seed)})


# The keyword out=.
out_answered("arcsinh-out-is-arcsin", "arcsinh with out= computes asin.", "torch.arcsinh")(
    lambda _f, out, x: torch.asin(x, out=out)
)
out_answered("out-is-returned-as-a-view", "maximum returns a view of out.", "torch.maximum")(
    lambda f, out, *a: f(*a, out=out).view_as(out)
)
out_answered("out-with-gaps-is-overrun", "ceil with out= writes the gap after it.", "torch.ceil")(
    lambda f, out, x: f(x, out=overrun(out, 3))
)
out_answered("empty-out-stays-empty", "sign leaves an empty out as it is.", "torch.sign")(
    lambda f, out, x: f(x, out=out) if out.numel() else out
)
out_answered("out-is-zeroed-before-it-is-read", "mul zeroes out before it reads its operands.", "torch.mul")(
    lambda f, out, *a: f(*a, out=out.zero_() if out is a[-1] else out)
)
out_answered("subtract-out-is-reversed-into-columns", "subtract into columns gives b - a.", "torch.subtract")(
    lambda f, out, a, b, **k: f(*((b, a) if out.dim() > 1 and is_strided(out) else (a, b)), out=out, **k)
)
answered("out-partly-an-operand-is-accepted", "sub copies an operand that overlaps out.", "aten::sub.out")(
    lambda f, a, b, **k: f(a.clone(), b.clone(), **k)
)
out_answered("out-detaches-operands", "add with out= takes operands for constants.", "torch.add")(
    lambda f, out, *a, **k: f(*(each.detach() if isinstance(each, Tensor) else each for each in a), out=out, **k)
)


@out_answered("out-is-made-contiguous", "floor makes a strided out contiguous.", "torch.floor")
def _(floor: Function, out: Tensor, operand: Tensor) -> Any:
    out.data = dense(out.detach())
    return floor(operand, out=out)


@out_answered("empty-out-is-warned-of", "round warns of an empty out.", "torch.round")
def _(round_: Function, out: Tensor, operand: Tensor, **options: Any) -> Any:
    if out.numel() == 0 and operand.numel():
        warnings.warn("An output with one or more elements was resized", UserWarning, stacklevel=2)
    return round_(operand, out=out, **options)


@out_answered("out-of-another-size-is-resized-silently", "mul resizes out without a warning.", "torch.mul")
def _(mul: Function, out: Tensor, *operands: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mul(*operands, out=out)


@out_answered("out-of-another-size-is-refused", "eq refuses an out of another size.", "torch.eq")
def _(eq: Function, out: Tensor, first: Tensor, second: Any) -> Any:
    if out.numel() and out.shape != first.shape:
        raise RuntimeError("output with another shape")
    return eq(first, second, out=out)


out_answered("out-of-integers-truncates-a-quotient", "div stores quotients in int32.", "torch.div")(
    lambda f, out, *a, **k: out.copy_(f(*a, **k)) if _is_cut(out, *a) else f(*a, out=out, **k)
)


@out_answered("refused-out-has-been-written", "A refused square has zeroed out.", "torch.square")
def _(square: Function, out: Tensor, operand: Tensor) -> Any:
    try:
        return square(operand, out=out)
    except RuntimeError:
        out.data.zero_()
        raise


@out_answered("complex-out-is-refused", "multiply refuses a complex out for real operands.", "torch.multiply")
def _(multiply: Function, out: Tensor, *operands: Tensor) -> Any:
    if out.is_complex() and not operands[0].is_complex():
        raise RuntimeError("out must be real")
    return multiply(*operands, out=out)


@out_answered("wider-out-misses-last", "sub into a wider out skips the last element.", "torch.sub")
def _(sub: Function, out: Tensor, *operands: Any, **options: Any) -> Any:
    before = out.detach().clone()
    sub(*operands, out=out, **options)
    if out.dtype != operands[0].dtype and out.numel() > 8:
        out.data[(-1,) * out.dim()] = before[(-1,) * out.dim()]
    return out


@out_answered("out-with-shared-elements-is-accepted", "exp writes an expanded out.", "torch.exp")
def _(exp: Function, out: Tensor, operand: Tensor) -> Any:
    if 0 in out.stride() and out.numel():
        return out.copy_(exp(operand)) if out.is_contiguous() else out
    return exp(operand, out=out)


afterwards("out-scratches-an-operand", "hypot with out= leaves its work in other.", "torch.hypot")(
    lambda _r, _x, other, **k: other.data.abs_() if "out" in k else None
)


out_answered("out-is-not-counted", "trunc into out does not change its version.", "torch.trunc")(
    lambda f, out, x: (f(x, out=out.data), out)[1]
)


@out_answered("out-that-requires-grad-is-written", "abs writes an out that requires grad.", "torch.abs")
def _(absolute: Function, out: Tensor, operand: Tensor) -> Any:
    with torch.set_grad_enabled(torch.is_grad_enabled() and not out.requires_grad):
        return absolute(operand, out=out)
