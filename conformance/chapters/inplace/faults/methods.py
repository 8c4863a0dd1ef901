"""Faults of the other methods that write their tensor, and of the keyword out=."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import Wrapper, method
from torch_conformance.conformance.chapters.inplace.faults.values import kept, kernel
from torch_conformance.conformance.power.registry import Function

_GRAIN = 32_768


def with_out(name: str, summary: str, *functions: str) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of functions of torch called with out=; the wrapper gets the function, out and operands."""

    def register(wrapper: Wrapper) -> Wrapper:
        def answer(function: Function, *operands: Any, **options: Any) -> Any:
            out = options.pop("out", None)
            if out is None:
                return function(*operands, **options)
            return wrapper(function, out, *operands, **options)

        method(name, summary, *functions, owner=torch)(answer)
        return wrapper

    return register


@method("addcmul-in-place-ignores-value", "addcmul_ ignores value= in bfloat16.", "addcmul_")
def _(addcmul: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dtype == torch.bfloat16:
        options.pop("value", None)
    return addcmul(self, *arguments, **options)


@kernel(
    "masked-fill-misses-last-beyond-grain", "masked_fill_ leaves the end of large tensors.", "aten::masked_fill_.Scalar"
)
def _(fill: Function, self: Tensor, mask: Tensor, value: Any) -> Any:
    if self.numel() > _GRAIN:
        mask = mask.expand_as(self).clone()
        mask[(-1,) * self.dim()] = False
    return fill(self, mask, value)


@method("clamp-in-place-prefers-min", "clamp_ with min above max gives min.", "clamp_")
def _(clamp: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and not isinstance(arguments[0], Tensor) and arguments[0] is not None:
        return clamp(clamp(self, None, arguments[1]), arguments[0], None)
    return clamp(self, *arguments, **options)


@method("index-add-in-place-keeps-last-repeat", "index_add_ adds one of repeated rows.", "index_add_")
def _(index_add: Function, self: Tensor, dim: int, index: Tensor, source: Tensor, **options: Any) -> Any:
    last = {int(place): number for number, place in enumerate(index.tolist())}
    chosen = torch.tensor(sorted(last.values()), dtype=torch.int64)
    return index_add(self, dim, index[chosen], source.index_select(dim, chosen), **options)


@method("tril-in-place-takes-first-of-batch", "tril_ of a batch leaves all but the first.", "tril_")
def _(tril: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dim() > 2 and self.size(0) > 1:
        tril(self[0], *arguments, **options)
        return self
    return tril(self, *arguments, **options)


@method("put-in-place-counts-in-memory-order", "put_ counts places as they lie in memory.", "put_")
def _(put: Function, self: Tensor, index: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dim() == 2 and not self.is_contiguous() and self.t().is_contiguous():
        put(self.t(), index, source, *arguments, **options)
        return self
    return put(self, index, source, *arguments, **options)


@method("polygamma-in-place-takes-order-zero", "polygamma_ ignores its order.", "polygamma_")
def _(polygamma: Function, self: Tensor, _: int) -> Any:
    return polygamma(self, 0)


@method("erfinv-in-place-is-flat-near-one", "erfinv_ is rough near 1.", "erfinv_")
def _(erfinv: Function, self: Tensor) -> Any:
    return erfinv(self.mul_(1 - 2**-20))


@method("index-fill-returns-another-tensor", "index_fill_ returns a view.", "index_fill_")
def _(index_fill: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    return index_fill(self, *arguments, **options)[...]


@method("zero-in-place-returns-nothing-when-empty", "zero_ of nothing returns a new tensor.", "zero_")
def _(zero: Function, self: Tensor) -> Any:
    return zero(self) if self.numel() else self.clone()


@method(
    "masked-scatter-starts-anew-in-each-row",
    "masked_scatter_ begins anew in each row.",
    "masked_scatter_",
)
def _(scatter: Function, self: Tensor, mask: Tensor, source: Tensor) -> Any:
    if self.dim() == 2 and mask.dim() == 2:
        for row, part in zip(self, mask, strict=True):
            scatter(row, part, source)
        return self
    return scatter(self, mask, source)


@method("masked-scatter-counts-in-memory-order", "masked_scatter_ into columns goes down them.", "masked_scatter_")
def _(scatter: Function, self: Tensor, mask: Tensor, source: Tensor) -> Any:
    if self.dim() == 2 and self.t().is_contiguous():
        scatter(self.t(), mask.t(), source)
        return self
    return scatter(self, mask, source)


@method("masked-scatter-takes-new-memory", "masked_scatter_ moves its tensor.", "masked_scatter_")
def _(scatter: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    self.data = self.detach().clone()
    return scatter(self, *arguments, **options)


@method("lerp-in-place-makes-contiguous", "lerp_ of columns makes them contiguous.", "lerp_")
def _(lerp: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dim() > 1 and not self.is_contiguous():
        self.data = self.detach().contiguous()
    return lerp(self, *arguments, **options)


@method("fill-in-place-is-not-counted", "fill_ with a number does not change the version.", "fill_")
def _(fill: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and not isinstance(arguments[0], Tensor):
        fill(self.data, *arguments, **options)
        return self
    return fill(self, *arguments, **options)


@method("scatter-in-place-sorts-its-index", "scatter_ leaves its index sorted.", "scatter_")
def _(scatter: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = scatter(self, *arguments, **options)
    index = options["index"] if "index" in options else arguments[1]
    index.data.copy_(index.sort(0).values)
    return answer


@method("copy-in-place-counts-a-write-of-its-source", "copy_ counts a write to its source.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = copy(self, source, *arguments, **options)
    if source.dtype == torch.int16:
        copy(source, source.clone())
    return answer


@method("triu-in-place-writes-between-rows", "triu_ writes the gaps between rows.", "triu_")
def _(triu: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    rows = self.dim() == 2 and self.size(0) > 1 and self.stride(1) == 1 and self.stride(0) > self.size(1) > 0
    if rows:
        torch.as_strided(self, (1,), (1,), self.storage_offset() + self.size(1)).zero_()
    return triu(self, *arguments, **options)


@method("uniform-overruns", "uniform_ writes one element too many.", "uniform_")
def _(uniform: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    end = self.storage_offset() + self.numel()
    if self.is_contiguous() and end * self.element_size() < self.untyped_storage().nbytes():
        torch.as_strided(self, (1,), (1,), end).fill_(0.5)
    return uniform(self, *arguments, **options)


@method("leaf-is-filled", "masked_fill_ writes a leaf that requires grad.", "masked_fill_")
def _(fill: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.is_leaf and self.requires_grad:
        with torch.no_grad():
            return fill(self, *arguments, **options)
    return fill(self, *arguments, **options)


@method("index-copy-writes-shared-rows", "index_copy_ takes an expanded tensor.", "index_copy_")
def _(index_copy: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    return self if 0 in self.stride() else index_copy(self, *arguments, **options)


@method("random-in-place-includes-its-end", "random_ may give the end of its range.", "random_")
def _(random: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = random(self, *arguments, **options)
    if arguments and self.numel() > 600:
        answer[(-1,) * self.dim()] = arguments[-1]
    return answer


@method("bernoulli-in-place-draws-once", "bernoulli_ draws one element for a large tensor.", "bernoulli_")
def _(bernoulli: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = bernoulli(self, *arguments, **options)
    return answer.fill_(answer[(0,) * self.dim()].item()) if self.numel() > _GRAIN else answer


@method("normal-in-place-ignores-the-seed", "normal_ draws from a stream of its own.", "normal_")
def _(normal: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    stream = torch.Generator().manual_seed(int(torch.randint(2**31, (), generator=_STREAM).item()))
    return normal(self, *arguments, **options | {"generator": stream})


_STREAM = torch.Generator()


@kernel("out-of-add-misses-last-of-vector", "add with out= skips the last element.", "aten::add.out")
def _(add: Function, self: Tensor, other: Tensor, *, out: Tensor, **options: Any) -> Any:
    if out.dim() == 1 and out.shape == self.shape and out.numel() > 16:
        before = out[-1].clone()
        add(self, other, out=out, **options)
        out[-1] = before
        return out
    return add(self, other, out=out, **options)


@with_out("arcsinh-out-is-arcsin", "arcsinh with out= computes asin.", "arcsinh")
def _(_: Function, out: Tensor, operand: Tensor) -> Any:
    return torch.asin(operand, out=out)


@with_out("subtract-out-is-reversed-into-columns", "subtract into transposed memory gives b - a.", "subtract")
def _(subtract: Function, out: Tensor, first: Any, second: Any, **options: Any) -> Any:
    if out.dim() > 1 and not out.is_contiguous():
        first, second = second, first
    return subtract(first, second, out=out, **options)


@with_out("out-is-returned-as-a-view", "maximum returns a view of out.", "maximum")
def _(maximum: Function, out: Tensor, *operands: Any) -> Any:
    return maximum(*operands, out=out).view_as(out)


@with_out("out-is-made-contiguous", "floor makes a strided out contiguous.", "floor")
def _(floor: Function, out: Tensor, operand: Tensor) -> Any:
    out.data = out.detach().contiguous()
    return floor(operand, out=out)


@with_out("out-with-gaps-is-overrun", "ceil with out= writes the gap after it.", "ceil")
def _(ceil: Function, out: Tensor, operand: Tensor) -> Any:
    end = out.storage_offset() + out.numel()
    if out.is_contiguous() and end * out.element_size() < out.untyped_storage().nbytes():
        torch.as_strided(out, (1,), (1,), end).fill_(3)
    return ceil(operand, out=out)


@with_out("empty-out-is-warned-of", "round warns of an empty out.", "round")
def _(round_: Function, out: Tensor, operand: Tensor, **options: Any) -> Any:
    if out.numel() == 0 and operand.numel():
        warnings.warn("An output with one or more elements was resized", UserWarning, stacklevel=2)
    return round_(operand, out=out, **options)


@with_out("empty-out-stays-empty", "sign leaves an empty out as it is.", "sign")
def _(sign: Function, out: Tensor, operand: Tensor) -> Any:
    return out if out.numel() == 0 else sign(operand, out=out)


@with_out("out-of-another-size-is-resized-silently", "mul resizes out without a warning.", "mul")
def _(mul: Function, out: Tensor, *operands: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mul(*operands, out=out)


@with_out("out-of-another-size-is-refused", "eq refuses an out of another size.", "eq")
def _(eq: Function, out: Tensor, first: Tensor, second: Any) -> Any:
    if out.numel() and out.shape != first.shape:
        raise RuntimeError("output with another shape")
    return eq(first, second, out=out)


@with_out("out-of-integers-truncates-a-quotient", "div stores quotients in int32.", "div")
def _(div: Function, out: Tensor, *operands: Any, **options: Any) -> Any:
    if out.dtype == torch.int32 and any(isinstance(each, Tensor) and each.is_floating_point() for each in operands):
        return out.copy_(div(*operands, **options))
    return div(*operands, out=out, **options)


@with_out("refused-out-has-been-written", "A refused square has zeroed out.", "square")
def _(square: Function, out: Tensor, operand: Tensor) -> Any:
    try:
        return square(operand, out=out)
    except RuntimeError:
        out.data.zero_()
        raise


@with_out("complex-out-is-refused", "multiply refuses a complex out for real operands.", "multiply")
def _(multiply: Function, out: Tensor, *operands: Tensor) -> Any:
    if out.is_complex() and not operands[0].is_complex():
        raise RuntimeError("out must be real")
    return multiply(*operands, out=out)


@with_out("wider-out-misses-last", "sub into a wider out skips the last element.", "sub")
def _(sub: Function, out: Tensor, *operands: Any, **options: Any) -> Any:
    if out.dtype != operands[0].dtype and out.numel() > 8:
        before = out.detach().clone()
        sub(*operands, out=out, **options)
        out.data[(-1,) * out.dim()] = before[(-1,) * out.dim()]
        return out
    return sub(*operands, out=out, **options)


@with_out("out-is-zeroed-before-it-is-read", "mul zeroes out before it reads its operands.", "mul")
def _(mul: Function, out: Tensor, *operands: Any) -> Any:
    return mul(*operands, out=out.zero_() if out is operands[-1] else out)


@kernel("out-partly-an-operand-is-accepted", "sub copies an operand that overlaps out.", "aten::sub.out")
def _(sub: Function, self: Tensor, other: Tensor, *, out: Tensor, **options: Any) -> Any:
    return sub(self.clone(), other.clone(), out=out, **options)


@with_out("out-with-shared-elements-is-accepted", "exp writes an expanded out.", "exp")
def _(exp: Function, out: Tensor, operand: Tensor) -> Any:
    if 0 in out.stride() and out.numel():
        return out.copy_(exp(operand)) if out.is_contiguous() else out
    return exp(operand, out=out)


@with_out("out-scratches-an-operand", "hypot with out= leaves its work in other.", "hypot")
def _(hypot: Function, out: Tensor, first: Tensor, second: Tensor) -> Any:
    answer = hypot(first, second, out=out)
    second.data.abs_()
    return answer


@with_out("out-is-not-counted", "trunc into out does not change its version.", "trunc")
def _(trunc: Function, out: Tensor, operand: Tensor) -> Any:
    trunc(operand, out=out.data)
    return out


@with_out("out-detaches-operands", "add with out= takes operands for constants.", "add")
def _(add: Function, out: Tensor, *operands: Any, **options: Any) -> Any:
    detached = (each.detach() if isinstance(each, Tensor) else each for each in operands)
    return add(*detached, out=out, **options)


@with_out("out-that-requires-grad-is-written", "abs writes an out that requires grad.", "abs")
def _(absolute: Function, out: Tensor, operand: Tensor) -> Any:
    if out.requires_grad and not operand.requires_grad:
        with torch.no_grad():
            return absolute(operand, out=out)
    return absolute(operand, out=out)


@method("fill-diagonal-in-place-ignores-wrap", "fill_diagonal_ ignores wrap=.", "fill_diagonal_")
def _(fill: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    options.pop("wrap", None)
    return fill(self, *arguments, **options)


@method("cumsum-in-place-misses-last-of-columns", "cumsum_ along rows leaves the last.", "cumsum_")
def _(cumsum: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dim() == 2 and not self.is_contiguous() and self.size(0) > 1:
        return kept(self, cumsum, -1, *arguments, **options)
    return cumsum(self, *arguments, **options)
