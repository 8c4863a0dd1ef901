"""Gradients of random expression graphs, gradients of gradients, and forward mode."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.chapters.autograd.derivatives.cases import (
    LAYOUTS,
    laid_out,
    moderate_values,
    small_values,
)
from torch_conformance.conformance.chapters.autograd.derivatives.graphs import SMOOTH, WHOLE, Graph, Step, grow
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import bounded, tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives
from torch_conformance.reference.ops import derivatives_reductions as reductions

_SIZES = ((2, 3), (3,), (2, 1), ())
_LEAVES = ("p", "q", "r")
_PROGRAMS = st.lists(st.integers(0, 2**16 - 1), min_size=4, max_size=12)
_SEEDS = st.integers(0, 2**16 - 1)
# Beyond this a gradient has left the range in which 16 bits hold anything to compare.
_LARGEST_GRADIENT = 2_000.0


def _begun(cell: Cell, seed: int, *, whole: bool) -> tuple[dict[str, Variable], dict[str, Strided]]:
    generator = np.random.default_rng(seed)
    make = small_values if whole else moderate_values
    arrays = {name: make(cell.dtype, _SIZES[(seed + n) % 4], generator) for n, name in enumerate(_LEAVES)}
    inputs = {name: laid_out(each, LAYOUTS[(seed + n) % 5]) for n, (name, each) in enumerate(arrays.items())}
    return {name: tape.variable(each, cell.dtype) for name, each in arrays.items()}, inputs


def _loss(graph: Graph, weights: dict[str, Variable]) -> tuple[str, Variable | None]:
    """Return the weighted sum of all loose ends, in code and on the tape."""
    text, total = "0", None
    for name, value in graph.ends:
        text += f" + ({name} * w_{name}).sum()"
        part = reductions.sum(tape.multiply(value, weights[name]))
        total = part if total is None else total + part
    return text, total


def _run(trial: Trial, graph: Graph) -> None:
    __tracebackhide__ = True
    for name in _LEAVES:
        trial.run(f"{name}.requires_grad_()")
    for line in graph.lines:
        trial.run(line)


def _judge_graph(cell: Cell, steps: tuple[Step, ...], codes: list[int], seed: int, *, whole: bool) -> None:
    __tracebackhide__ = True
    leaves, inputs = _begun(cell, seed, whole=whole)
    graph = grow(leaves, steps, codes)
    generator = np.random.default_rng([seed, 1])
    arrays = {name: small_values(cell.dtype, value.shape, generator, zero=False) for name, value in graph.ends}
    text, total = _loss(graph, {name: tape.variable(each, cell.dtype) for name, each in arrays.items()})
    if total is None or not np.all(np.abs(total.data.values) < _LARGEST_GRADIENT):
        return
    expected = tape.gradients(total, list(leaves.values()), tape.constant(np.ones(()), total))
    sizes = [float(np.max(np.abs(each.data.values), initial=0)) for each in expected if each is not None]
    if not sizes or max(sizes) > _LARGEST_GRADIENT:
        return
    weights = {f"w_{name}": Strided.from_array(each) for name, each in arrays.items()}
    trial = cell.trial(**inputs, **weights)
    _run(trial, graph)
    if seed % 2:
        trial.run(f"({text}).backward()")
        answers = [f"{name}.grad" for name in _LEAVES]
    else:
        trial.run(f"grads = torch.autograd.grad({text}, (p, q, r), allow_unused=True)")
        answers = [f"grads[{number}]" for number in range(3)]
    for answer, gradient in zip(answers, expected, strict=True):
        expect(trial, answer, gradient)


@clause("autograd.graph.random-whole-numbered-graphs")
@given(codes=_PROGRAMS, more=_PROGRAMS, seed=_SEEDS)
def test_whole_graph(cell: Cell, codes: list[int], more: list[int], seed: int) -> None:
    for turn in range(3):
        _judge_graph(cell, WHOLE, (codes, more, codes[::-1])[turn], seed + turn, whole=True)


@clause("autograd.graph.random-smooth-graphs")
@given(codes=_PROGRAMS, more=_PROGRAMS, seed=_SEEDS)
def test_smooth_graph(cell: Cell, codes: list[int], more: list[int], seed: int) -> None:
    for turn in range(3):
        _judge_graph(cell, SMOOTH, (codes, more, more[::-1])[turn], seed + turn, whole=turn == 0)


@clause("autograd.graph.every-step")
def test_every_step(cell: Cell) -> None:
    generator = cell.generator()
    for number, step in enumerate(SMOOTH):
        seed = int(generator.integers(0, 2**16)) * 2 + number % 2
        _judge_graph(cell, (step,), [64, 256 * 5 + 64 * 3, 64 * 2 + 256 * 2], seed, whole=number < len(WHOLE))


# Functions of p (2, 3), q (3,), in code and on the tape, of which gradients have gradients.
_TWICE: tuple[tuple[str, Callable[[Variable, Variable], Variable]], ...] = (
    ("p * p * p - 2 * p * q", lambda p, q: tape.multiply(tape.multiply(p, p), p) - tape.multiply(p, q) * 2),
    ("(p / 2).exp() * q", lambda p, q: tape.multiply(derivatives.UNARY["exp"](p / 2), q)),
    ("torch.sin(p) * torch.cos(q)", lambda p, q: tape.multiply(*(_of("sin", p), _of("cos", q)))),
    ("p / (q * q + 1)", lambda p, q: p / (tape.multiply(q, q) + 1)),
    ("p.tanh() + q.sigmoid() * p", lambda p, q: _of("tanh", p) + tape.multiply(_of("sigmoid", q), p)),
    ("(p @ p.t()) @ (p * q)", lambda p, q: tape.matmul(tape.matmul(p, tape.transposed(p)), tape.multiply(p, q))),
    ("(p * p + 1).log() * q", lambda p, q: tape.multiply(_of("log", tape.multiply(p, p) + 1), q)),
    ("(p * p + q * q + 1).sqrt()", lambda p, q: _of("sqrt", tape.multiply(p, p) + tape.multiply(q, q) + 1)),
    ("p.softmax(1) * q", lambda p, q: tape.multiply(reductions.softmax(p, 1), q)),
    ("p[[0, 0, 1]] * q * p[1]", lambda p, q: tape.multiply(tape.multiply(_rows(p, [0, 0, 1]), q), _rows(p, 1))),
    ("(p * q).sum(0) ** 2", lambda p, q: _squared(reductions.sum(tape.multiply(p, q), 0))),
    ("(p.clone().mul_(q)) * p", lambda p, q: tape.multiply(tape.multiply(p, q), p)),
)


def _of(name: str, x: Variable) -> Variable:
    return derivatives.UNARY[name](x)


def _squared(x: Variable) -> Variable:
    return tape.multiply(x, x)


def _rows(x: Variable, which: int | list[int]) -> Variable:
    return tape.taken(x, tape.places_of(x.shape)[which])


def _pair(cell: Cell, generator: np.random.Generator) -> tuple[list[Variable], dict[str, Strided]]:
    arrays = [moderate_values(cell.dtype, size, generator) for size in ((2, 3), (3,))]
    layouts = [LAYOUTS[int(generator.integers(0, 5))] for _ in arrays]
    inputs = {name: laid_out(each, layout) for name, each, layout in zip("pq", arrays, layouts, strict=True)}
    return [tape.variable(each, cell.dtype) for each in arrays], inputs


def _loose(cell: Cell, answer: Variable | None, like: Variable) -> Variable:
    """Return an answer with room for the other formulas by which second derivatives are worked out."""
    if answer is None:
        return tape.constant(np.zeros(like.shape), like)
    room = distance(cell, "gradient.other-formula", 1 + np.abs(answer.data.values).astype(np.float64))
    return Variable(bounded.like(answer.data, answer.data.values, answer.data.bound + room))


@clause("autograd.double.gradients-of-gradients")
def test_double(cell: Cell) -> None:
    generator = cell.generator()
    for text, function in _TWICE:
        (p, q), inputs = _pair(cell, generator)
        result = function(p, q)
        g, u = (small_values(cell.dtype, each.shape, generator) for each in (result, p))
        first = tape.gradients(result, [p, q], tape.variable(g, cell.dtype))[0]
        assert first is not None
        second = tape.gradients(first, [p, q], tape.variable(u, cell.dtype))
        trial = cell.trial(**inputs, g=Strided.from_array(g), u=laid_out(u, "transposed"))
        trial.run("p.requires_grad_(); q.requires_grad_()")
        trial.run(f"(first,) = torch.autograd.grad({text}, (p,), g, create_graph=True)")
        trial.run("second = torch.autograd.grad(first, (p, q), u, retain_graph=True, allow_unused=True)")
        # What a gradient does not depend on may get None or zeros.
        trial.run("second = [torch.zeros_like(x) if g is None else g for x, g in zip((p, q), second)]")
        trial.run("p.grad, q.grad = torch.zeros_like(p), torch.zeros_like(q); (first * u).sum().backward()")
        for number, (name, answer, leaf) in enumerate(zip("pq", second, (p, q), strict=True)):
            expect(trial, f"second[{number}]", _loose(cell, answer, leaf))
            expect(trial, f"{name}.grad", _loose(cell, answer, leaf))


@clause("autograd.double.third-derivatives-of-polynomials")
def test_third(cell: Cell) -> None:
    generator = cell.generator()
    x = small_values(cell.dtype, (5,), generator, zero=False)
    for text, factors in (("x * x * x * x", (4, 12, 24)), ("(x * x) * (x * x)", (4, 12, 24)), ("x * x * x", (3, 6, 6))):
        trial = cell.trial(x=Strided.from_array(x))
        trial.run("x.requires_grad_()")
        trial.run(f"y = {text}")
        for order, factor in enumerate(factors, 1):
            trial.run("(y,) = torch.autograd.grad(y.sum(), (x,), create_graph=True)")
            power = (4 if len(text) > 9 else 3) - order
            expect(trial, "y", tape.variable(factor * x.astype(np.float64) ** power, cell.dtype))


@clause("autograd.jvp.is-the-directional-derivative")
def test_jvp(cell: Cell) -> None:
    generator = cell.generator()
    for number, (text, function) in enumerate(_TWICE[:11]):
        (p, q), inputs = _pair(cell, generator)
        result = function(p, q)
        # The gradient is linear in what arrives; its own gradient by that, along v, is the product from the other side.
        u = tape.constant(np.ones(result.shape), result)
        v, w = (tape.variable(small_values(cell.dtype, each.shape, generator), cell.dtype) for each in (p, q))
        total = None
        for gradient, direction in zip(tape.gradients(result, [p, q], u), (v, w), strict=True):
            if gradient is not None:
                part = reductions.sum(tape.multiply(gradient, direction))
                total = part if total is None else total + part
        assert total is not None
        expected = _loose(cell, tape.gradients(total, [u], tape.constant(np.ones(()), u))[0], u)
        directions = {"v": v.data.values.astype(inputs["p"].storage.dtype), "w": w.data.values}
        tensors = {
            name: Strided.from_array(each.astype(inputs["p"].storage.dtype)) for name, each in directions.items()
        }
        trial = cell.trial(**inputs, **tensors)
        trial.run(f"f = lambda p, q: {text}")
        if number % 3 == 0:
            trial.run("jvp = torch.func.jvp(f, (p, q), (v, w))[1]")
        elif number % 3 == 1:
            trial.run("jvp = torch.autograd.functional.jvp(f, (p, q), (v, w))[1]")
        else:
            trial.run("from torch.autograd import forward_ad")
            trial.run(
                "with forward_ad.dual_level(): "
                "jvp = forward_ad.unpack_dual(f(forward_ad.make_dual(p, v), forward_ad.make_dual(q, w))).tangent"
            )
        expect(trial, "jvp", expected)


@clause("autograd.jvp.jacobian-and-hessian")
def test_jacobian(cell: Cell) -> None:
    generator = cell.generator()
    for number, (text, function) in enumerate(_TWICE[:11]):
        (p, q), inputs = _pair(cell, generator)
        result = function(p, q)
        rows = []
        for place in range(result.data.values.size):
            unit = np.zeros(result.shape)
            unit.flat[place] = 1
            gradient = tape.gradients(result, [p], tape.constant(unit, result))[0]
            rows.append(_loose(cell, gradient, p))
        whole = tape.reshape(tape.joined(rows, np.stack), (*result.shape, *p.shape))
        trial = cell.trial(**inputs)
        trial.run(f"f = lambda p: {text}")
        expect(trial, "torch.autograd.functional.jacobian(f, p)", whole)
        if number % 4 == 0:
            expect(trial, "torch.autograd.functional.jacobian(f, (p,), create_graph=True)[0]", whole)
    x, a = moderate_values(cell.dtype, (3,), generator), small_values(cell.dtype, (3, 3), generator)
    trial = cell.trial(x=Strided.from_array(x), a=Strided.from_array(a))
    expect(trial, "torch.autograd.functional.hessian(lambda x: x @ a @ x, x)", tape.variable(a + a.T, cell.dtype))
