"""addmm, addmv, addr, addbmm and baddbmm: beta * input + alpha * product."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.matmul.cases import drawn, laid_out, sizes, whole
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.reductions import rotating
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import products

Array = npt.NDArray[Any]
Size = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Added:
    """A scaled sum with a product: names of its factors, sizes of input and factors from (b, m, k, n)."""

    first: str
    second: str
    shapes: Any


ADDED = {
    "addmm": Added("mat1", "mat2", lambda _, m, k, n: ((m, n), (m, k), (k, n))),
    "addmv": Added("mat", "vec", lambda _, m, k, __: ((m,), (m, k), (k,))),
    "addr": Added("vec1", "vec2", lambda _, m, __, n: ((m, n), (m,), (n,))),
    "addbmm": Added("batch1", "batch2", lambda b, m, k, n: ((m, n), (b, m, k), (b, k, n))),
    "baddbmm": Added("batch1", "batch2", lambda b, m, k, n: ((b, m, n), (b, m, k), (b, k, n))),
}


def _forms(name: str) -> tuple[str, ...]:
    added = ADDED[name]
    scaled = "beta=beta, alpha=alpha"
    return (
        *(f"torch.{name}(x, a, b, {scaled})", f"x.{name}(a, b, {scaled})"),
        f"torch.{name}(input=x, {added.first}=a, {added.second}=b, {scaled})",
        f"x.{name}({added.first}=a, {added.second}=b, alpha=alpha, beta=beta)",
        f"torch.{name}(x, a, b, {scaled}, out=torch.empty_like(torch.{name}(x, a, b)))",
    )


def _product(name: str, a: Array, b: Array) -> tuple[Bounded, Array]:
    """Return the product and the sum of the magnitudes of its terms."""
    if name == "addr":
        a, b = a[:, None], b[None, :]
    if name == "addbmm":
        # The batches add up as one long inner dimension.
        a = np.concatenate(list(a), axis=1) if len(a) else np.zeros((a.shape[1], 0), a.dtype)
        b = np.concatenate(list(b), axis=0) if len(b) else np.zeros((0, b.shape[2]), b.dtype)
    return products.matmul(a, b), products.magnitude(a, b)


def expected(name: str, x: Array, a: Array, b: Array, beta: complex, alpha: complex) -> Bounded:
    """Return beta * x + alpha * (a times b)."""
    product, size = _product(name, a, b)
    return products.combined(np.broadcast_to(x, product.values.shape), product, size, beta, alpha)


_WHOLE_FACTORS: tuple[tuple[Any, Any], ...] = (
    (1, 1),
    (2, 1),
    (1, 3),
    (-1, 2),
    (0, 1),
    (1, 0),
    (3, -2),
    (0, 0),
    (0, -1),
)


def _factors(name: str, dtype: str) -> tuple[tuple[Any, Any], ...]:
    # With alpha 0 torch 2.13 ignores beta for bfloat16, and with beta 0 besides writes nothing.
    found = tuple((beta, alpha) for beta, alpha in _WHOLE_FACTORS if alpha or dtype != "bfloat16")
    if name == "baddbmm":
        # With beta 0 torch 2.0 reads what it should write.
        found = tuple((beta, alpha) for beta, alpha in found if beta)
    if dtypes.is_floating(dtype):
        found += ((1.0, 2.0), (-2.0, 1.0))
    if dtypes.is_complex(dtype):
        found += ((1j, 2), (1, 1 - 1j), (2 + 1j, -1j))
    return found


def _judge(cell: Cell, name: str, *, most: int) -> None:
    generator = cell.generator()
    cases = [(1, 1, 1), (2, 3, 4), (3, 1, 2), *sizes(generator, cell.profile.examples, most=most)]
    forms = _forms(name)
    for number, (m, k, n) in enumerate(cases):
        for batch in (2, 5) if name.endswith("bmm") else (1,):
            shapes = ADDED[name].shapes(batch, m, k, n)
            depth = 4 * (k * batch + 4)
            x, a, b = (whole(generator, shape, cell.dtype, depth) for shape in shapes)
            options = _factors(name, cell.dtype)
            for place, (beta, alpha) in enumerate(options if m * k * n < 3_000 else options[number % 3 :: 3]):
                answer = expected(name, x, a, b, beta, alpha)
                trial = cell.trial(
                    x=laid_out(x, number), a=laid_out(a, place), b=laid_out(b, place // 2), beta=beta, alpha=alpha
                )
                for form in rotating(forms, number + place, 2):
                    expect(trial, form, answer)
            answer = expected(name, x, a, b, 1, 1)
            expect(cell.trial(x=laid_out(x, 0), a=laid_out(a, 3), b=laid_out(b, 3)), f"torch.{name}(x, a, b)", answer)


@clause("matmul.*.adds-scaled-product")
def test_adds_scaled_product(cell: Cell) -> None:
    _judge(cell, cell.clause.subject, most=65)


@clause("matmul.*.adds-scaled-integers")
def test_adds_scaled_integers(cell: Cell) -> None:
    _judge(cell, cell.clause.subject, most=17)


@clause("matmul.add.takes-fractions")
def test_takes_fractions(cell: Cell) -> None:
    generator = cell.generator()
    for name, added in ADDED.items():
        for m, k, n in ((2, 3, 4), (5, 17, 3), (33, 8, 9)):
            x, a, b = (drawn(generator, shape, cell.dtype) for shape in added.shapes(2, m, k, n))
            for beta, alpha in ((0.5, 0.25), (0.1, -1.7), (1e-3, 3.0), (0.0, 0.3), (2.5, 0.0)):
                trial = cell.trial(x=Strided.from_array(x), a=laid_out(a, m), b=laid_out(b, n), beta=beta, alpha=alpha)
                for form in rotating(_forms(name), m, 3):
                    expect(trial, form, expected(name, x, a, b, beta, alpha))


def _judge_ignoring(cell: Cell, name: str) -> None:
    generator = cell.generator()
    for m, k, n in ((2, 3, 4), (1, 1, 1), (9, 17, 5), (33, 2, 31), (3, 0, 2)):
        if name == "addr" and not k:
            continue
        shapes = ADDED[name].shapes(2, m, k, n)
        x, a, b = (whole(generator, shape, cell.dtype, 4 * k + 4) for shape in shapes)
        answer = expected(name, x, a, b, 0, 2)
        for special in (np.nan, np.inf):
            poisoned = np.full(x.shape, special, x.dtype)
            for layout in range(4):
                trial = cell.trial(x=laid_out(poisoned, layout), a=laid_out(a, k), b=laid_out(b, n), beta=0, alpha=2)
                for form in rotating(_forms(name)[:4], layout, 2):
                    expect(trial, form, answer)
                trial.run(f"x.{name}_(a, b, beta=beta, alpha=alpha)")
                expect(trial, "x", answer)


@clause("matmul.add.ignores-input-when-beta-is-zero")
def test_ignores_input(cell: Cell) -> None:
    for name in ADDED:
        if name != "baddbmm":
            _judge_ignoring(cell, name)


@clause("matmul.baddbmm.ignores-input-when-beta-is-zero")
def test_baddbmm_ignores_input(cell: Cell) -> None:
    _judge_ignoring(cell, "baddbmm")


@clause("matmul.add.broadcasts-input")
def test_broadcasts_input(cell: Cell) -> None:
    generator = cell.generator()
    for name, added in ADDED.items():
        for m, k, n in ((2, 3, 4), (9, 17, 5), (33, 2, 17)):
            shape, left, right = added.shapes(2, m, k, n)
            a, b = (whole(generator, each, cell.dtype, 4 * k + 4) for each in (left, right))
            for small in {(), (1,), shape[-1:], (*shape[:-1], 1), (1,) * len(shape), shape[1:]}:
                x = whole(generator, small, cell.dtype, 4 * k + 4)
                trial = cell.trial(x=Strided.from_array(x), a=laid_out(a, 0), b=laid_out(b, 0), beta=2, alpha=1)
                for form in _forms(name)[:4]:
                    expect(trial, form, expected(name, x, a, b, 2, 1))


@clause("matmul.add.in-place-writes-self")
def test_in_place(cell: Cell) -> None:
    generator = cell.generator()
    for name, added in ADDED.items():
        for number, (m, k, n) in enumerate(((2, 3, 4), (1, 1, 1), (9, 17, 5), (33, 2, 17), (3, 0, 2))):
            shapes = added.shapes(2, m, k, n)
            x, a, b = (whole(generator, shape, cell.dtype, 4 * k + 4) for shape in shapes)
            for layout in range(4):
                tensor = laid_out(x, layout)
                beta, alpha = ((1, 1), (2, -1), (1, 2), (-1, 1))[layout]
                trial = cell.trial(x=tensor, a=laid_out(a, number), b=laid_out(b, number), beta=beta, alpha=alpha)
                trial.run("p = x.data_ptr()")
                trial.run(f"r = x.{name}_(a, b, beta=beta, alpha=alpha)")
                expect(trial, "x", expected(name, x, a, b, beta, alpha))
                trial.expect_true("r is x", "the in-place form returns its tensor")
                trial.expect_true("x.data_ptr() == p", "the in-place form keeps its storage")
                trial.expect_equal("x.stride()", tensor.stride)
                trial.expect("a", a)
                trial.run(f"x.{name}_(a, b)")
                trial.run(f"y = x.{name}(a, b)")
                trial.expect_true(
                    "y is not x and y.data_ptr() != x.data_ptr() or x.numel() == 0",
                    "the form out of place makes a new tensor",
                )


@clause("matmul.add.writes-into-out")
def test_out(cell: Cell) -> None:
    generator = cell.generator()
    for name, added in ADDED.items():
        for m, k, n in ((2, 3, 4), (9, 17, 5), (33, 2, 17)):
            shapes = added.shapes(3, m, k, n)
            x, a, b = (whole(generator, shape, cell.dtype, 4 * k + 4) for shape in shapes)
            for layout in range(4):
                out = laid_out(np.ones(x.shape, x.dtype), layout)
                trial = cell.trial(x=laid_out(x, 0), a=laid_out(a, 0), b=laid_out(b, 0), out=out)
                trial.run(f"r = torch.{name}(x, a, b, beta=2, alpha=1, out=out)")
                expect(trial, "out", expected(name, x, a, b, 2, 1))
                trial.expect_true("r.data_ptr() == out.data_ptr()", "the result is the tensor given as out")
                trial.expect_equal("out.stride()", out.stride)
                trial.expect("x", x)


@clause("matmul.add.refuses-other-sizes")
def test_refuses(cell: Cell) -> None:
    for name, added in ADDED.items():
        x, a, b = (np.ones(shape, numpy_dtype(cell.dtype)) for shape in added.shapes(2, 3, 4, 5))
        wrong = np.ones((2, *x.shape[:-1], 7), x.dtype)
        trial = cell.trial(
            x=Strided.from_array(x), a=Strided.from_array(a), b=Strided.from_array(b), w=Strided.from_array(wrong)
        )
        for form in (
            "torch.{}(x, b, b)",
            "torch.{}(w, a, b)",
            "x.{}(w, b)",
            "x.{}_(w, b)",
            "torch.{}(x, a, w)",
            "w.{}_(a, b)",
        ):
            if name == "addr" and "b, b" in form:
                continue
            trial.expect_error(form.format(name), RuntimeError)
        trial.expect("x", x)
        trial.expect("w", wrong)
