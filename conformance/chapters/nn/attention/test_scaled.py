"""scaled_dot_product_attention: values, masks, scale, grouped queries, gradients, dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.attention.cases import (
    exact,
    floating,
    forbidding,
    judge_gradients,
    stored,
)
from torch_conformance.conformance.chapters.nn.recurrent.cases import few_bits
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.nn.attention import OPEN, Mask, causal, scaled_dot_product
from torch_conformance.reference.numerics.random import bernstein_bound
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]
Operands = tuple[Variable, Variable, Variable]
ERROR_RATE = 1e-12

_SDPA = "torch.nn.functional.scaled_dot_product_attention"


def _operands(cell: Cell, generator: np.random.Generator, lead: tuple[int, ...], *sizes: int) -> Operands:
    """Return query, key and value of queries, keys, features and value features."""
    queries, keys, features, width = sizes
    shapes = ((*lead, queries, features), (*lead, keys, features), (*lead, keys, width))
    query, key, value = (exact(few_bits(generator, size), cell) for size in shapes)
    return query, key, value


def _attend(cell: Cell, operands: Operands, **more: Any) -> Trial:
    """Begin a transcript with query, key and value, the key not contiguous."""
    inputs = {name: stored(each, cell) for name, each in zip("qkv", operands, strict=True)}
    trial = cell.trial(**inputs, **more)
    trial.run("k = k.transpose(-1, -2).contiguous().transpose(-1, -2)")
    return trial


@clause("nn.attention.scaled-dot-product-gives-values")
def test_values(cell: Cell) -> None:
    generator = cell.generator()
    for lead, sizes in (((2, 3), (3, 4, 4, 5)), ((2,), (1, 5, 3, 3)), ((1, 2), (5, 2, 8, 8)), ((3,), (4, 4, 2, 4))):
        operands = _operands(cell, generator, lead, *sizes)
        trial = _attend(cell, operands)
        expected = scaled_dot_product(*operands)[0]
        expect(trial, f"{_SDPA}(q, k, v)", expected)
        expect(trial, f"{_SDPA}(query=q, key=k, value=v, attn_mask=None, dropout_p=0.0, is_causal=False)", expected)


@clause("nn.attention.scaled-dot-product-masks")
def test_masks(cell: Cell) -> None:
    generator = cell.generator()
    for lead, size in (
        ((2, 3), (4, 5)),
        ((2, 3), (2, 3, 4, 5)),
        ((2, 3), (2, 1, 1, 5)),
        ((2, 3), (1, 3, 4, 5)),
        ((2,), (4, 5)),
    ):
        operands = _operands(cell, generator, lead, 4, 5, 4, 3)
        # True allows here.
        allowed = ~forbidding(generator, size)
        numbers = floating(generator, size)
        trial = _attend(cell, operands, allowed=stored(allowed, cell), numbers=stored(numbers.argument, cell))
        expected = scaled_dot_product(*operands, Mask(allowed))[0]
        expect(trial, f"{_SDPA}(q, k, v, allowed)", expected)
        expect(trial, f"{_SDPA}(q, k, v, attn_mask=allowed, dropout_p=0.0)", expected)
        expected = scaled_dot_product(*operands, numbers.mask)[0]
        expect(trial, f"{_SDPA}(q, k, v, attn_mask=numbers)", expected)


@clause("nn.attention.scaled-dot-product-is-causal-when-asked")
def test_causal(cell: Cell) -> None:
    generator = cell.generator()
    for queries, keys in ((4, 4), (3, 5), (5, 3), (1, 3)):
        operands = _operands(cell, generator, (2, 2), queries, keys, 4, 4)
        trial = _attend(cell, operands)
        expected = scaled_dot_product(*operands, causal(queries, keys))[0]
        expect(trial, f"{_SDPA}(q, k, v, is_causal=True)", expected)
        expect(trial, f"{_SDPA}(q, k, v, None, 0.0, True)", expected)
        trial.run("mask = torch.ones(q.size(-2), k.size(-2), dtype=torch.bool, device=device).tril()")
        trial.expect_error(f"{_SDPA}(q, k, v, mask, is_causal=True)", RuntimeError)


@clause("nn.attention.scaled-dot-product-takes-a-scale")
def test_scale(cell: Cell) -> None:
    generator = cell.generator()
    for scale in (0.25, 2.0, 1.0):
        operands = _operands(cell, generator, (2, 2), 3, 4, 5, 5)
        trial = _attend(cell, operands, scale=scale)
        expect(trial, f"{_SDPA}(q, k, v, scale=scale)", scaled_dot_product(*operands, scale=scale)[0])
        expected = scaled_dot_product(*operands, causal(3, 4), scale)[0]
        expect(trial, f"{_SDPA}(q, k, v, is_causal=True, scale=scale)", expected)
        expect(trial, f"{_SDPA}(q, k, v, scale=None)", scaled_dot_product(*operands)[0])


@clause("nn.attention.scaled-dot-product-groups-queries")
def test_grouped(cell: Cell) -> None:
    generator = cell.generator()
    query = exact(few_bits(generator, (2, 6, 3, 4)), cell)
    for heads in (1, 2, 3):
        key, value = (exact(few_bits(generator, (2, heads, 5, 4)), cell) for _ in range(2))
        shared, given = (exact(np.repeat(each.data.values, 6 // heads, axis=1), cell) for each in (key, value))
        trial = _attend(cell, (query, key, value))
        expected = scaled_dot_product(query, shared, given)[0]
        expect(trial, f"{_SDPA}(q, k, v, enable_gqa=True)", expected)
        expected = scaled_dot_product(query, shared, given, causal(3, 5))[0]
        expect(trial, f"{_SDPA}(q, k, v, is_causal=True, enable_gqa=True)", expected)


@clause("nn.attention.scaled-dot-product-gives-gradients")
def test_gradients(cell: Cell) -> None:
    generator = cell.generator()
    options = (("", OPEN), (", is_causal=True", causal(3, 4)), (", mask", None))
    for option, mask in options:
        operands = _operands(cell, generator, (2, 2), 3, 4, 4, 4)
        numbers = floating(generator, (2, 1, 3, 4))
        cotangent = few_bits(generator, (2, 2, 3, 4))
        trial = _attend(cell, operands, mask=stored(numbers.argument, cell), g=stored(cotangent, cell))
        trial.run("k = k.detach(); [each.requires_grad_() for each in (q, k, v)]")
        trial.run(f"{_SDPA}(q, k, v{option}).backward(g)")
        result = scaled_dot_product(*operands, numbers.mask if mask is None else mask)[0]
        leaves = dict(zip(("q.grad", "k.grad", "v.grad"), operands, strict=True))
        judge_gradients(trial, cell, [result], [cotangent], leaves)


@clause("nn.attention.scaled-dot-product-gives-the-gradient-of-its-mask")
def test_mask_gradient(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((3, 4), (2, 1, 3, 4), (2, 2, 1, 4)):
        operands = _operands(cell, generator, (2, 2), 3, 4, 4, 5)
        numbers = floating(generator, size)
        leaf = exact(np.asarray(numbers.mask.added), cell)
        cotangent = few_bits(generator, (2, 2, 3, 5))
        trial = _attend(cell, operands, mask=stored(numbers.argument, cell), g=stored(cotangent, cell))
        trial.run("mask.requires_grad_()")
        trial.run(f"{_SDPA}(q, k, v, attn_mask=mask).backward(g)")
        result = scaled_dot_product(*operands, Mask(numbers.mask.allowed, leaf))[0]
        judge_gradients(trial, cell, [result], [cotangent], {"mask.grad": leaf})


@clause("nn.attention.scaled-dot-product-of-zeros-averages")
def test_averages(cell: Cell) -> None:
    generator = cell.generator()
    value = few_bits(generator, (2, 2, 4, 8))
    trial = cell.trial(v=stored(value, cell))
    trial.run("q, k = torch.zeros(2, 2, 4, 8, device=device, dtype=v.dtype), v * 2")
    # Weights of equal scores are 1 / n, exact for 1, 2 and 4 keys, as are averages of so few multiples of 1/8.
    trial.run("mask = torch.tensor([[-torch.inf, -torch.inf, 0, -torch.inf]], device=device, dtype=v.dtype)")
    trial.run("allowed = torch.tensor([[True, False, False, True]], device=device)")
    for option, keys in (("", [0, 1, 2, 3]), (", allowed", [0, 3]), (", mask", [2])):
        mean = value.take(keys, axis=-2).mean(axis=-2, keepdims=True)
        trial.expect(f"{_SDPA}(q, k, v{option})", np.repeat(mean, 4, axis=-2), dtype=cell.dtype)
    trial.run(f"y = {_SDPA}(q, k, v, is_causal=True)[..., [0, 1, 3], :]")
    means = [value[..., :n, :].mean(axis=-2) for n in (1, 2, 4)]
    trial.expect("y", np.stack(means, axis=-2), dtype=cell.dtype)
    trial.expect_equal(f"tuple({_SDPA}(q[:0], k[:0], v[:0]).shape)", (0, 2, 4, 8))
    trial.expect(
        f"{_SDPA}(q[:1].expand(2, 2, 4, 8), k[:1].expand(2, 2, 4, 8), v)",
        np.repeat(value.mean(axis=-2, keepdims=True), 4, axis=-2),
        dtype=cell.dtype,
    )


@clause("nn.attention.scaled-dot-product-drops-weights")
def test_dropout(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    trial.run("_ = torch.manual_seed(seed)")
    # Equal weights of 1/8; the value shows them one by one.
    trial.run("q = torch.zeros(4, 2, 200, 4, device=device, dtype=dtype)")
    trial.run("k = torch.zeros(4, 2, 8, 4, device=device, dtype=dtype)")
    trial.run("v = torch.eye(8, device=device, dtype=dtype).expand(4, 2, 8, 8).contiguous()")
    for p in (0.25, 0.75):
        trial.run(f"y = {_SDPA}(q, k, v, dropout_p={p!r})")
        kept = 1 / 8 / (1 - p)
        trial.expect_true(f"((y == 0) | ((y - {kept!r}).abs() < 1e-5)).all()", "what is kept is scaled by 1 / (1 - p)")
        trial.run("share = (y == 0).double().mean().item()")
        bound = bernstein_bound(4 * 2 * 200 * 8, ERROR_RATE, p * (1 - p), max(p, 1 - p))
        trial.expect_true(f"abs(share - {p!r}) <= {bound!r}", f"weights are dropped with probability {p}")
