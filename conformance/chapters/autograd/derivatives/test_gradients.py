"""Gradients worked by hand, broadcast, of numbers as operands, at kinks, of complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.derivatives.calls import (
    DerivedCall,
    judge_all,
    moderate,
    positive,
    whole,
)
from torch_conformance.conformance.chapters.autograd.derivatives.cases import (
    LAYOUTS,
    laid_out,
    moderate_values,
    paired_table,
    small_values,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.judging.accuracy import rule_around
from torch_conformance.reference.model.dtypes import numpy_dtype, real_of
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives
from torch_conformance.reference.ops import derivatives_reductions as reductions
from torch_conformance.spec.operators import operators

Array = npt.NDArray[Any]


def _tensor(values: Any, dtype: str) -> Strided:
    return Strided.from_array(np.asarray(values).astype(numpy_dtype(dtype)))


@clause("autograd.gradient.of-the-squared-error-by-hand")
def test_squared_error(cell: Cell) -> None:
    losses = (
        "(x * w + b - y) ** 2",
        "(x * w + b - y).pow(2)",
        "torch.square(x * w + b - y)",
        "torch.nn.functional.mse_loss(x * w + b, y)",
        "torch.nn.MSELoss()(x * w + b, y)",
        "torch.nn.functional.mse_loss(x * w + b, y, reduction='sum')",
    )
    for loss in losses:
        named = {name: _tensor(value, cell.dtype) for name, value in zip("wby", (1, 3, 0), strict=True)}
        trial = cell.trial(x=Strided.from_array(np.asarray(5, dtype=np.int64)), **named)
        trial.run("w.requires_grad_(); b.requires_grad_()")
        trial.run(f"loss = {loss}")
        trial.expect("loss", np.asarray(64).astype(numpy_dtype(cell.dtype)))
        trial.run("loss.backward()")
        trial.expect("w.grad", np.asarray(80).astype(numpy_dtype(cell.dtype)))
        trial.expect("b.grad", np.asarray(16).astype(numpy_dtype(cell.dtype)))
        trial.expect_true("x.grad is None and y.grad is None", "x and y need no gradient")


@clause("autograd.gradient.of-a-layer-by-hand")
def test_layer(cell: Cell) -> None:
    generator = cell.generator()
    kind = numpy_dtype(cell.dtype)
    layers = ("x @ w + b", "torch.matmul(x, w) + b", "torch.addmm(b, x, w)", "torch.nn.functional.linear(x, w.t(), b)")
    for turn, layer in enumerate(layers):
        arrays = [generator.integers(-3, 4, size).astype(kind) for size in ((2, 5), (5, 3), (3,), (2, 3))]
        inputs = {n: laid_out(a, LAYOUTS[turn]) for n, a in zip("xwbg", arrays, strict=True)}
        x, w, _, g = (each.astype(np.float64) for each in arrays)
        trial = cell.trial(**inputs)
        trial.run("x.requires_grad_(); w.requires_grad_(); b.requires_grad_()")
        trial.run(f"z = {layer}")
        trial.run("(z * g).sum().backward()")
        for name, answer in (("x", g @ w.T), ("w", x.T @ g), ("b", g.sum(0))):
            trial.expect(f"{name}.grad", answer.astype(kind), UNSIGNED_ZERO)
    weight, bias = generator.integers(-3, 4, (5, 3)), generator.integers(-3, 4, 3)
    named = {"x": np.ones((2, 5)), "w": weight, "b": bias, "y": np.zeros((2, 3))}
    trial = cell.trial(**{name: _tensor(each, cell.dtype) for name, each in named.items()})
    trial.run("w.requires_grad_(); b.requires_grad_()")
    trial.run("torch.nn.MSELoss()(torch.matmul(x, w) + b, y).backward()")
    # The mean over six elements derives to a third of each, which two equal rows of ones add up.
    sums = 2 * (weight.sum(0) + bias) / 3
    rule = rule_around(cell, "gradient.squared-error", sums)
    trial.expect("w.grad", np.broadcast_to(sums, (5, 3)), rule, dtype=cell.dtype)
    trial.expect("b.grad", sums, rule, dtype=cell.dtype)


_SHAPES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((2, 3), (3,)),
    ((2, 1), (1, 4)),
    ((), (2, 2)),
    ((3, 1, 2), (4, 1)),
    ((1,), (0,)),
    ((2, 3), (2, 3)),
    ((1, 3), (5, 3)),
)


@clause("autograd.gradient.is-summed-over-broadcast-dimensions")
def test_broadcast(cell: Cell) -> None:
    generator = cell.generator()
    for number, (name, function) in enumerate(derivatives.BINARY.items()):
        row = operators()[name]
        table = paired_table(name, cell.dtype, cell.seed % 1_000)
        for turn in range(2):
            sizes = _SHAPES[(number + 3 * turn + cell.seed) % len(_SHAPES)]
            if turn:
                sizes = (sizes[1], sizes[0])
            arrays = [table.operands[w][generator.integers(0, 16, size)] for w, size in zip("ab", sizes, strict=True)]
            operands = [tape.variable(each, cell.dtype) for each in arrays]
            result = function(*operands)
            g = small_values(cell.dtype, result.shape, generator)
            gradients = tape.gradients(result, operands, tape.variable(g, cell.dtype))
            layouts = [LAYOUTS[(number + turn + each) % 5] for each in range(3)]
            inputs = {w: laid_out(a, way) for w, a, way in zip("abg", (*arrays, g), layouts, strict=True)}
            spellings = row.derived_spellings
            for spelling in (spellings[(number + turn) % len(spellings)], spellings[0]):
                trial = cell.trial(**inputs)
                trial.run("a.requires_grad_(); b.requires_grad_()")
                trial.run(f"({spelling}).backward(g)")
                expect(trial, "a.grad", gradients[0])
                expect(trial, "b.grad", gradients[1])


def _of(name: str, x: Variable) -> Variable:
    return derivatives.UNARY[name](x)


def _powered(x: Variable, exponent: float) -> Variable:
    return derivatives.BINARY["pow"](x, tape.lifted(exponent, x))


def _based(base: float, x: Variable) -> Variable:
    return derivatives.BINARY["pow"](tape.lifted(base, x), x)


_SIZE = ((3, 4),)
_PAIR = ((3, 4), (4,))
NUMBERS: tuple[DerivedCall, ...] = (
    DerivedCall("x + 3", lambda x: x + 3, _SIZE),
    DerivedCall("2.5 - x", lambda x: 2.5 - x, _SIZE),
    DerivedCall("x * -3", lambda x: x * -3, _SIZE),
    DerivedCall("0.5 * x", lambda x: x * 0.5, _SIZE),
    DerivedCall("x / 4", lambda x: x / 4, _SIZE),
    DerivedCall("x / 3", lambda x: x / 3, _SIZE),
    DerivedCall("3 / x", lambda x: 3 / x, _SIZE, {}, positive),
    DerivedCall("torch.add(x, y, alpha=3)", lambda x, y: x + y * 3, _PAIR),
    DerivedCall("x.add(y, alpha=-2)", lambda x, y: x + y * -2, _PAIR),
    DerivedCall("torch.sub(x, y, alpha=3)", lambda x, y: x - y * 3, _PAIR),
    DerivedCall("torch.rsub(x, y, alpha=2)", lambda x, y: y - x * 2, _PAIR),
    DerivedCall("x ** 2", lambda x: _powered(x, 2), _SIZE),
    DerivedCall(
        "torch.pow(x, 3)", lambda x: tape.multiply(tape.multiply(x, x), x) + _powered(x, 2) * 0, _SIZE, {}, whole
    ),
    DerivedCall("x.pow(-1)", lambda x: _powered(x, -1), _SIZE, {}, positive),
    DerivedCall("x ** 0.5", lambda x: _powered(x, 0.5), _SIZE, {}, positive),
    DerivedCall("x ** 0", lambda x: x * 0, _SIZE),
    DerivedCall("x ** 1", lambda x: x, _SIZE),
    DerivedCall("2 ** x", lambda x: _based(2, x), _SIZE, {}, moderate),
    DerivedCall("torch.pow(3.0, x)", lambda x: _based(3, x), _SIZE, {}, moderate),
    DerivedCall("torch.float_power(x, 2).to(x.dtype)", lambda x: _powered(x, 2), _SIZE, {}, moderate),
    DerivedCall("torch.addcmul(x, y, z, value=3)", lambda x, y, z: x + tape.multiply(y, z) * 3, ((2, 3), (3,), (2, 1))),
    DerivedCall("torch.addcdiv(x, y, z, value=2)", lambda x, y, z: x + y / z * 2, ((2, 3), (3,), (2, 1)), {}, positive),
    DerivedCall("torch.lerp(x, y, 0.25)", lambda x, y: x + (y - x) * 0.25, ((3, 4), (3, 4))),
    DerivedCall("x.lerp(y, z)", lambda x, y, z: x + tape.multiply(y - x, z), ((3, 4), (3, 4), (4,))),
    DerivedCall("torch.fmod(x, 2.25)", lambda x: x + 0, _SIZE),
    DerivedCall("torch.div(x, 2.25, rounding_mode='floor')", lambda x: x * 0, _SIZE),
    DerivedCall("x.div(2.25, rounding_mode='trunc')", lambda x: x * 0, _SIZE),
    DerivedCall("x.div(4, rounding_mode=None)", lambda x: x / 4, _SIZE),
    DerivedCall("x % 2.25", lambda x: x + 0, _SIZE),
    DerivedCall("torch.xlogy(x, 2.0)", lambda x: x * np.log(np.longdouble(2)), _SIZE),
    DerivedCall("torch.xlogy(2.0, x)", lambda x: _of("log", x) * 2, _SIZE, {}, positive),
)


@clause("autograd.gradient.of-numbers-as-operands")
def test_numbers(cell: Cell) -> None:
    judge_all(cell, NUMBERS)


def _judge_slopes(cell: Cell, texts: tuple[str, ...], inputs: dict[str, Array], slopes: dict[str, Any]) -> None:
    """Compare gradients with slopes times an incoming gradient of whole numbers."""
    __tracebackhide__ = True
    size = next(iter(inputs.values())).shape
    g = small_values(cell.dtype, size, cell.generator(), zero=False)
    for text in texts:
        trial = cell.trial(
            **{name: _tensor(each, cell.dtype) for name, each in inputs.items()}, g=_tensor(g, cell.dtype)
        )
        for name in slopes:
            trial.run(f"{name}.requires_grad_()")
        trial.run(f"({text}).backward(g)")
        for name, slope in slopes.items():
            with np.errstate(invalid="ignore"):
                answer = g.astype(np.float64) * np.asarray(slope, dtype=np.float64)
            trial.expect(f"{name}.grad", answer.astype(numpy_dtype(cell.dtype)), UNSIGNED_ZERO)


_AROUND = np.array([-2, 0.0, -0.0, 1.5, 0, -0.25, 3, 0.0, 4])


@clause("autograd.abs.gradient-at-zero")
def test_abs(cell: Cell) -> None:
    texts = (
        "x.abs()",
        "torch.abs(x)",
        "abs(x)",
        "torch.absolute(x)",
        "torch.nn.functional.l1_loss(x, y, reduction='none')",
    )
    _judge_slopes(cell, texts, {"x": _AROUND, "y": 0 * _AROUND}, {"x": np.sign(_AROUND)})


@clause("autograd.relu.gradient-at-zero")
def test_relu(cell: Cell) -> None:
    texts = (
        *("torch.relu(x)", "x.relu()", "torch.nn.functional.relu(x)", "torch.nn.ReLU()(x)", "x.clone().relu_()"),
        *("torch.clamp(x, min=0) * (x != 0)", "torch.nn.functional.threshold(x, 0, 0)"),
    )
    for turn in range(2):
        values = np.tile(_AROUND, 1 + 8 * turn)
        _judge_slopes(cell, texts, {"x": values}, {"x": values > 0})


@clause("autograd.sqrt.gradient-at-zero")
def test_sqrt(cell: Cell) -> None:
    values = np.array([0.0, 4, 0, 0.25, 16, 0])
    with np.errstate(divide="ignore"):
        slopes = 1 / (2 * np.sqrt(values))
    _judge_slopes(cell, ("torch.sqrt(x)", "x.sqrt()", "x.clone().sqrt_()"), {"x": values}, {"x": slopes})


@clause("autograd.norm.gradient-at-zero")
def test_norm(cell: Cell) -> None:
    for order in ("1", "2", "3", "float('inf')"):
        for text in ("torch.linalg.vector_norm(x, {}, 1)", "torch.norm(x, {}, 1)", "x.norm({}, -1)"):
            trial = cell.trial(
                x=_tensor(np.array([[0.0, 0, 0], [0, -2, 0]]), cell.dtype), g=_tensor([3.0, 2], cell.dtype)
            )
            trial.run("x.requires_grad_()")
            trial.run(f"{text.format(order)}.backward(g)")
            trial.expect("x.grad", np.array([[0, 0, 0], [0, -2, 0]]).astype(numpy_dtype(cell.dtype)), UNSIGNED_ZERO)


_BOUNDED = (
    "torch.clamp(x, -1.0, 2.0)",
    "x.clamp(min=-1, max=2)",
    "torch.clip(x, -1, 2)",
    "x.clamp_min(-1).clamp_max(2)",
)


@clause("autograd.clamp.gradient-inside-and-outside")
def test_clamp(cell: Cell) -> None:
    values = np.array([-3, -1.25, -0.5, 0, 0.75, 1.5, 2.5, 4, 1, -7])
    inside = (values > -1) & (values < 2)
    low, high = np.full(values.shape, -1.0), np.full(values.shape, 2.0)
    tensors = ("torch.clamp(x, l, h)", "x.clamp(min=l, max=h)", "torch.minimum(torch.maximum(x, l), h)")
    inplace = ("x.clone().clamp_(-1, 2)",)
    _judge_slopes(cell, (*_BOUNDED, *inplace), {"x": values}, {"x": inside})
    _judge_slopes(cell, tensors, {"x": values, "l": low, "h": high}, {"x": inside, "l": values < -1, "h": values > 2})
    _judge_slopes(cell, ("torch.clamp(x, min=-1)", "x.clamp_min(-1)"), {"x": values}, {"x": values > -1})
    _judge_slopes(cell, ("torch.clamp(x, max=2)", "x.clamp_max(2)"), {"x": values}, {"x": values < 2})


@clause("autograd.clamp.gradient-at-the-bounds")
def test_clamp_bounds(cell: Cell) -> None:
    beside = np.array([-1.5, 1.5, 0, -0.5, 3, 2.5])
    _judge_slopes(cell, ("torch.clamp(x, -1, 2)", "x.clamp(-1, 2)"), {"x": beside}, {"x": (beside > -1) & (beside < 2)})
    at = np.array([-1, 2, 0, -1, 3, 2.0])
    texts = ("torch.clamp(at_bounds, -1, 2)", "at_bounds.clamp(min=-1, max=2)", "torch.clip(at_bounds, -1, 2)")
    _judge_slopes(cell, texts, {"at_bounds": at}, {"at_bounds": (at > -1) & (at < 2)})


@clause("autograd.fmax.gradient-at-equal-operands")
def test_fmax_equal(cell: Cell) -> None:
    x, y = np.array([1.0, 2, -3, 0, 5]), np.array([2.0, 1, -4, 1, 4])
    larger = np.where(x > y, 1.0, 0.0)
    _judge_slopes(cell, ("torch.fmax(x, y)", "x.fmax(y)"), {"x": x, "y": y}, {"x": larger, "y": 1 - larger})
    equal = np.array([1.0, 1, -3, 1, 5])
    share = np.where(x == equal, 0.5, x > equal)
    inputs = {"x": x, "tied": equal}
    _judge_slopes(cell, ("torch.fmax(x, tied)", "x.fmax(tied)"), inputs, {"x": share, "tied": 1 - share})
    _judge_slopes(cell, ("torch.fmin(x, tied)", "x.fmin(tied)"), inputs, {"x": 1 - share, "tied": share})


def _holomorphic(name: str) -> Callable[[Variable], Variable]:
    return derivatives.UNARY[name]


_HOLOMORPHIC: tuple[DerivedCall, ...] = (
    *(
        DerivedCall(text.format(name), _holomorphic(name), ((2, 3),), {}, moderate)
        for name in ("exp", "sin", "cos", "sinh", "cosh", "tanh")
        for text in ("torch.{}(x)", "x.{}()")
    ),
    DerivedCall("x * y", tape.multiply, ((2, 3), (3,)), {}, whole),
    DerivedCall("x.mul(y)", tape.multiply, ((2, 3), (2, 1)), {}, whole),
    DerivedCall("x * x * y", lambda x, y: tape.multiply(tape.multiply(x, x), y), ((3,), (3,)), {}, whole),
    DerivedCall("x - 2j * y", lambda x, y: x - y * 2j, ((2, 3), (3,)), {}, whole),
    DerivedCall(
        "x / (y * y.conj() + 1)", lambda x, y: x / (tape.multiply(y, tape.conjugate(y)) + 1), ((3,), (3,)), {}, moderate
    ),
    DerivedCall("x @ y", tape.matmul, ((2, 3), (3, 2)), {}, whole),
    DerivedCall("x.conj() * y", lambda x, y: tape.multiply(tape.conjugate(x), y), ((2, 3), (3,)), {}, whole),
    DerivedCall(
        "torch.conj(x).t() @ x", lambda x: tape.matmul(tape.transposed(tape.conjugate(x)), x), ((2, 3),), {}, whole
    ),
    DerivedCall("x.resolve_conj() ** 2", lambda x: tape.multiply(x, x) + _powered(x, 1) * 0, ((2, 3),), {}, whole),
    DerivedCall("x.sum(0).conj()", lambda x: tape.conjugate(reductions.sum(x, 0)), ((2, 3),), {}, whole),
)


@clause("autograd.gradient.conjugate-of-holomorphic-derivatives")
def test_holomorphic(cell: Cell) -> None:
    judge_all(cell, _HOLOMORPHIC)


@clause("autograd.gradient.of-real-parts-of-complex-numbers")
def test_parts(cell: Cell) -> None:
    part = real_of(cell.dtype)
    generator = cell.generator()
    z = moderate_values(cell.dtype, (2, 3), generator)
    z[0, 0] = 0
    g = small_values(part, (2, 3), generator, zero=False)
    wide, size = z.astype(np.complex128), np.abs(z.astype(np.complex128))
    with np.errstate(invalid="ignore", divide="ignore"):
        sign = np.where(size == 0, 0, wide / size)
        turned = np.where(size == 0, 0, 1j * wide / size**2)
    rows: tuple[tuple[str, Array], ...] = (
        ("z.real", np.ones((2, 3))),
        ("torch.real(z)", np.ones((2, 3))),
        ("z.imag", np.full((2, 3), 1j)),
        ("torch.view_as_real(z)[..., 1]", np.full((2, 3), 1j)),
        ("z.conj().imag", np.full((2, 3), -1j)),
        ("z.abs()", sign),
        ("torch.abs(z)", sign),
        ("z.abs() ** 2", 2 * wide),
        ("(z * z.conj()).real", 2 * wide),
        ("z.real ** 2 + z.imag ** 2", 2 * wide),
        ("z[1:].angle() * 1", turned[1:]),
    )
    for turn, (text, slope) in enumerate(rows):
        arrived = g[-slope.shape[0] :]
        trial = cell.trial(z=laid_out(z, LAYOUTS[turn % 5]), g=laid_out(arrived, LAYOUTS[(turn + 1) % 5]))
        trial.run("z.requires_grad_()")
        trial.run(f"({text}).backward(g)")
        answer = np.concatenate([np.zeros((2 - slope.shape[0], 3)), arrived * slope])
        rule = rule_around(cell, "gradient.complex-parts", answer)
        trial.expect("z.grad", answer.astype(np.complex128), rule, dtype=cell.dtype)
    h = small_values(cell.dtype, (2, 3), generator)
    x, y = (moderate_values(part, (2, 3), generator) for _ in range(2))
    for text in ("torch.complex(x, y)", "torch.view_as_complex(torch.stack((x, y), -1))", "x + 1j * y"):
        trial = cell.trial(x=laid_out(x, "transposed"), y=laid_out(y, "sliced"), h=laid_out(h, "gapped"))
        trial.run("x.requires_grad_(); y.requires_grad_()")
        trial.run(f"({text}).backward(h)")
        trial.expect("x.grad", h.real.astype(numpy_dtype(part)), UNSIGNED_ZERO)
        trial.expect("y.grad", h.imag.astype(numpy_dtype(part)), UNSIGNED_ZERO)
