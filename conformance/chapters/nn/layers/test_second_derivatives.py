"""Gradients of gradients: of layers that are linear in each operand exactly, of smooth ones along directions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.layers import convolution_cases
from torch_conformance.conformance.chapters.nn.layers.convolution_cases import Convolution, Operands
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.conformance.judging.layers import arranged, nearly_whole, selected, whole, within
from torch_conformance.reference.nn import activations, losses, normalisation
from torch_conformance.reference.nn.activations import ACTIVATIONS
from torch_conformance.reference.numerics import differences

Array = npt.NDArray[Any]
Cases = Iterator[tuple[str, dict[str, Any], Callable[..., Any]]]

# d are the gradients; s is their product with given arrays, and its gradient is expected.
_TWICE = """
for each in (x, w, g): _ = each.requires_grad_()
y = call()
d = torch.autograd.grad(y, (x, w), g, create_graph=True)
s = (d[0] * u).sum() + (d[1] * v).sum()
e = torch.autograd.grad(s, (x, w, g))
"""


@clause("nn.second-derivatives.of-linear-maps-are-exact")
def test_linear(cell: Cell) -> None:
    for turn, (lead, (ins, outs)) in enumerate(itertools.product(((3,), (2, 2)), ((4, 3), (1, 5)))):
        generator = cell.generator()
        x, u = (whole(generator, (*lead, ins), 2) for _ in range(2))
        w, v = (whole(generator, (outs, ins), 2) for _ in range(2))
        g = whole(generator, (*lead, outs), 2)
        inputs = {name: arranged(each, cell.dtype, turn) for name, each in zip("xwguv", (x, w, g, u, v), strict=True)}
        trial = cell.trial(**inputs)
        trial.run("call = lambda: torch.nn.functional.linear(x, w)")
        trial.run(_TWICE)
        rows = g.reshape(-1, outs)
        for place, expected in enumerate((g @ v, rows.T @ u.reshape(-1, ins), u @ w.T + x @ v.T)):
            answer = nearly_whole(expected, np.full(expected.shape, 64.0), cell)
            trial.expect(f"e[{place}] + 0", expected, answer.rule, dtype=cell.dtype)


@clause("nn.second-derivatives.of-convolutions-are-exact")
def test_convolutions(cell: Cell) -> None:
    for dims in (1, 2, 3):
        # A sixth of the table has every option.
        for turn, case in selected(cell, convolution_cases.table(dims)[1::6], scale=0.25):
            call = f"torch.nn.functional.conv{dims}d(x, w, None, stride, padding, dilation, groups)"
            _judge_convolution(cell, case, turn, call, transposed=False)
        for turn, case in selected(cell, convolution_cases.transposed_table(dims)[1::6], scale=0.25):
            options = "stride, padding, output_padding, groups, dilation"
            call = f"torch.nn.functional.conv_transpose{dims}d(x, w, None, {options})"
            _judge_convolution(cell, case, turn, call, transposed=True)


def _judge_convolution(cell: Cell, case: Convolution, turn: int, call: str, *, transposed: bool) -> None:
    __tracebackhide__ = True
    generator = cell.generator()
    first, second = (convolution_cases.operands(case, generator, transposed=transposed) for _ in range(2))
    forward = convolution_cases.transposed_forward if transposed else convolution_cases.forward
    backward = convolution_cases.transposed_backward if transposed else convolution_cases.backward
    x, w, u, v = first.x, first.w, second.x, second.w
    g = whole(generator, forward(case, first).shape, 1)

    def expected(x: Array, w: Array, u: Array, v: Array, g: Array) -> tuple[Array, Array, Array]:
        return (
            backward(case, Operands(x, v, None), g)[0],
            backward(case, Operands(u, w, None), g)[1],
            forward(case, Operands(u, w, None)) + forward(case, Operands(x, v, None)),
        )

    arrays = (x, w, u, v, g)
    exact, sizes = expected(*arrays), expected(*map(np.abs, arrays))
    inputs = {name: arranged(each, cell.dtype, 0) for name, each in zip("xwuvg", arrays, strict=True)}
    trial = cell.trial(**inputs, **case.options(transposed=transposed))
    trial.run(f"call = lambda: {call}")
    trial.run(_TWICE)
    for place, (each, size) in enumerate(zip(exact, sizes, strict=True)):
        trial.expect(f"e[{place}] + 0", each, nearly_whole(each, size, cell).rule, dtype=cell.dtype)
    del turn


def _odd(generator: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Return odd multiples of 1/8 up to 31/8, none of which is a kink."""
    return (2 * generator.integers(-16, 16, size) + 1) / 8


def _activations(generator: np.random.Generator) -> Cases:
    f = "torch.nn.functional."
    options: tuple[tuple[str, str, dict[str, Any]], ...] = (
        *(("elu", f"{f}elu(x, 0.5)", {"alpha": 0.5}), ("celu", f"{f}celu(x, 2.0)", {"alpha": 2.0})),
        *(("selu", f"{f}selu(x)", {}), ("gelu", f"{f}gelu(x)", {}), ("silu", f"{f}silu(x)", {})),
        *(("gelu", f"{f}gelu(x, approximate='tanh')", {"approximate": "tanh"}), ("mish", f"{f}mish(x)", {})),
        ("softplus", f"{f}softplus(x, 0.5)", {"beta": 0.5}),
        *(("tanhshrink", f"{f}tanhshrink(x)", {}), ("logsigmoid", f"{f}logsigmoid(x)", {})),
        *(("sigmoid", "torch.sigmoid(x)", {}), ("tanh", "torch.tanh(x)", {}), ("relu", f"{f}relu(x)", {})),
        *(("leaky-relu", f"{f}leaky_relu(x, 0.25)", {"negative_slope": 0.25}),),
    )
    for name, call, chosen in options:

        def gradient(x: Array, g: Array, name: str = name, chosen: dict[str, Any] = chosen) -> Array:
            return np.asarray(g * ACTIVATIONS[name].derivative(x, **chosen))

        yield call, {"x": _odd(generator, (3, 4)), "g": whole(generator, (3, 4), 2)}, gradient
    for call, value, slope in (
        ("softmax", activations.softmax, activations.softmax_gradient),
        ("log_softmax", activations.log_softmax, activations.log_softmax_gradient),
    ):

        def along(x: Array, g: Array, value: Any = value, slope: Any = slope) -> Array:
            return np.asarray(slope(value(x, 1), g, 1))

        yield f"{f}{call}(x, 1)", {"x": _odd(generator, (3, 4)), "g": whole(generator, (3, 4), 2)}, along


def _losses(generator: np.random.Generator) -> Cases:
    f = "torch.nn.functional."
    target = generator.integers(0, 4, 3)
    t, weight = (generator.integers(1, 8, size) / 8 for size in ((3, 4), (4,)))

    def of(function: Callable[[Array], losses.Terms], reduction: str) -> Callable[..., Array]:
        return lambda x, g: losses.gradients(function(x), reduction, g)[0][0]

    for call, function in (
        ("cross_entropy(x, target, weight)", lambda x: losses.cross_entropy(x, target, weight)),
        (
            "cross_entropy(x, target, label_smoothing=0.25)",
            lambda x: losses.cross_entropy(x, target, label_smoothing=0.25),
        ),
        ("cross_entropy(x, t)", lambda x: losses.cross_entropy(x, t)),
        ("mse_loss(x, t)", lambda x: losses.mse(x, t)),
        ("smooth_l1_loss(x, t, beta=3.0625)", lambda x: losses.smooth_l1(x, t, 3.0625)),
        ("huber_loss(x, t, delta=3.0625)", lambda x: losses.huber(x, t, 3.0625)),
        ("binary_cross_entropy_with_logits(x, t, weight)", lambda x: losses.bce_with_logits(x, t, weight)),
        ("soft_margin_loss(x, t.sign())", lambda x: losses.soft_margin(x, np.sign(t))),
        ("poisson_nll_loss(x, t)", lambda x: losses.poisson_nll(x, t)),
    ):
        given = {"x": _odd(generator, (3, 4)), "g": np.array(2.0), "t": t, "target": target, "weight": weight}
        yield f"{f}{call}", given, of(function, "mean")


def _norms(generator: np.random.Generator) -> Cases:
    f = "torch.nn.functional."
    for call, size, axes, shape in (
        ("layer_norm(x, (4,), w.reshape(4), None, 0.5)", (3, 4), (1,), (1, 4)),
        ("batch_norm(x, None, None, w.reshape(3), None, True, 0.1, 0.5)", (4, 3), (0,), (1, 3)),
        ("batch_norm(x, None, None, w.reshape(2), None, True, 0.1, 0.5)", (3, 2, 4), (0, 2), (1, 2, 1)),
        ("instance_norm(x, weight=w.reshape(2), eps=0.5)", (3, 2, 4), (2,), (1, 2, 1)),
    ):

        def gradient(x: Array, w: Array, g: Array, axes: tuple[int, ...] = axes) -> Array:
            return normalisation.input_gradient(normalisation.normalised(x, axes, 0.5), g * w, axes)[0]

        given = {"x": _odd(generator, size), "w": _odd(generator, shape), "g": whole(generator, size, 2)}
        yield f"{f}{call}", given, gradient


@clause("nn.second-derivatives.of-activations-are-theirs")
def test_activations(cell: Cell) -> None:
    _judge(cell, _activations(cell.generator()))


@clause("nn.second-derivatives.of-losses-are-theirs")
def test_losses(cell: Cell) -> None:
    _judge(cell, _losses(cell.generator()))


@clause("nn.second-derivatives.of-normalisations-are-theirs")
def test_norms(cell: Cell) -> None:
    _judge(cell, _norms(cell.generator()))


def _judge(cell: Cell, cases: Cases) -> None:
    """Judge the derivative, along a direction, of the gradient's product with an array."""
    __tracebackhide__ = True
    for turn, (call, given, gradient) in enumerate(cases):
        generator = cell.generator()
        names = [name for name in ("x", "w", "g") if name in given]
        wide = [given[name].astype(np.longdouble) for name in names]
        u = whole(generator, given["x"].shape, 3)
        directions = [whole(generator, each.shape, 3) for each in wide]
        expected = differences.along(lambda *a, u=u, gradient=gradient: (gradient(*a) * u).sum(), wide, directions)
        moved = sum(float(np.abs(each).sum()) + 1 for each in directions)
        bound = distance(cell, "nn.second-derivative", (1 + np.abs(u).sum()) * moved)
        laid = {
            name: arranged(each, "int64" if each.dtype.kind == "i" else cell.dtype, turn)
            for name, each in given.items()
        }
        moves = {f"move_{name}": arranged(each, cell.dtype) for name, each in zip(names, directions, strict=True)}
        trial = cell.trial(**laid, **moves, u=arranged(u, cell.dtype))
        trial.run(f"for each in ({', '.join(names)},): _ = each.requires_grad_()")
        trial.run(f"y = {call}")
        trial.run("d, = torch.autograd.grad(y, x, g, create_graph=True)")
        trial.run(f"e = torch.autograd.grad((d * u).sum(), ({', '.join(names)},), allow_unused=True)")
        trial.run(f"moves = ({', '.join(moves)},)")
        total = "sum((a * b).sum() for a, b in zip(e, moves) if a is not None)"
        trial.expect(total, np.asarray(expected), within(np.asarray(expected), bound).rule, dtype=cell.dtype)
