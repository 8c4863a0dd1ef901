"""mm, bmm, mv, dot, vdot, inner, outer, kron, tensordot, einsum and chains of matrices."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.matmul.cases import laid_out, sizes, whole
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.reductions import plain, rotating
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import products

Array = npt.NDArray[Any]
Size = tuple[int, ...]
_Sizes = Callable[[int, int, int], list[tuple[Size, Size]]]


@dataclasses.dataclass(frozen=True)
class Product:
    """A product of two tensors: its spellings, its answer, and the sizes that it takes."""

    spellings: tuple[str, ...]
    reference: Callable[[Array, Array], Bounded]
    sizes: _Sizes


def _forms(name: str, second: str) -> tuple[str, ...]:
    return (
        *(f"torch.{name}(a, b)", f"a.{name}(b)", f"torch.{name}(a, {second}=b)", f"a.{name}({second}=b)"),
        f"torch.{name}(a, b, out=torch.empty_like(torch.{name}(a, b)))",
    )


def _conjugated(a: Array, b: Array) -> Bounded:
    return products.einsum("i,i->", np.conj(a), b)


def _inner(a: Array, b: Array) -> Bounded:
    if not a.ndim or not b.ndim:
        return products.einsum("...,...->...", a, b)
    return products.matmul(a.reshape(-1, a.shape[-1]), b.reshape(-1, b.shape[-1]).T)


def _shaped(answer: Bounded, shape: Size) -> Bounded:
    return Bounded(
        answer.values.reshape(shape), np.broadcast_to(answer.bound, answer.values.shape).reshape(shape), answer.dtype
    )


PRODUCTS = {
    "mm": Product(_forms("mm", "mat2"), products.matmul, lambda m, k, n: [((m, k), (k, n))]),
    "bmm": Product(_forms("bmm", "mat2"), products.matmul, lambda m, k, n: [((b, m, k), (b, k, n)) for b in (1, 3, 0)]),
    "mv": Product(_forms("mv", "vec"), products.matmul, lambda m, k, _: [((m, k), (k,))]),
    "dot": Product(_forms("dot", "tensor"), products.matmul, lambda m, k, n: [((k * m,), (k * m,)), ((n,), (n,))]),
    "vdot": Product(
        (
            "torch.vdot(a, b)",
            "a.vdot(b)",
            "torch.vdot(input=a, other=b)",
            "torch.vdot(a, b, out=torch.empty_like(a[0]))",
        ),
        _conjugated,
        lambda m, k, n: [((k * m,), (k * m,)), ((n,), (n,))],
    ),
    "outer": Product(
        (*_forms("outer", "vec2"), *_forms("ger", "vec2")),
        lambda a, b: products.einsum("i,j->ij", a, b),
        lambda m, k, n: [((m,), (n,)), ((k,), (m,))],
    ),
    "inner": Product(
        _forms("inner", "other"),
        lambda a, b: _shaped(_inner(a, b), (*a.shape[:-1], *b.shape[:-1])) if a.ndim and b.ndim else _inner(a, b),
        lambda m, k, n: [((k,), (k,)), ((m, k), (n, k)), ((m, k), (k,)), ((2, 1, k), (n, k)), ((), (n,)), ((m, 2), ())],
    ),
    "kron": Product(
        _forms("kron", "other"),
        lambda a, b: plain(products.kron(a, b)),
        lambda m, k, n: [((m,), (n,)), ((m % 7, 2), (3, n % 5)), ((2,), (k % 5, 3)), ((2, 1, 3), (2, 2)), ((), (n,))],
    ),
}


def _judge(cell: Cell, subject: str, *, most: int = 129) -> None:
    product = PRODUCTS[subject]
    generator = cell.generator()
    cases = [(1, 1, 1), (2, 3, 4), (5, 1, 2), *sizes(generator, 2 * cell.profile.examples, most=most)]
    for number, (m, k, n) in enumerate(cases):
        for left, right in product.sizes(m, k, n):
            # torch 2.0 adds integers of an inner size of 1 up to int64.
            if subject == "inner" and dtypes.is_integral(cell.dtype) and left[-1:] == (1,):
                continue
            depth = left[-1] if left else 1
            a, b = whole(generator, left, cell.dtype, depth), whole(generator, right, cell.dtype, depth)
            answer = product.reference(a, b)
            # kron refuses operands that are stored in different orders, in every version so far.
            layout = 0 if subject == "kron" else number
            trial = cell.trial(a=laid_out(a, layout), b=laid_out(b, layout // 2))
            for form in rotating(product.spellings, number, 3):
                expect(trial, form, answer)


@clause("matmul.*.multiplies")
def test_multiplies(cell: Cell) -> None:
    _judge(cell, cell.clause.subject)


@clause("matmul.*.multiplies-integers")
def test_multiplies_integers(cell: Cell) -> None:
    _judge(cell, cell.clause.subject, most=33)


_REFUSED: tuple[tuple[str, Size, Size], ...] = (
    *(
        ("mm", (2, 3), (2, 3)),
        ("mm", (3,), (3,)),
        ("mm", (2, 3), (3,)),
        ("mm", (1, 2, 3), (1, 3, 2)),
        ("mm", (2, 1), (3, 2)),
    ),
    *(
        ("bmm", (2, 3, 4), (2, 3, 4)),
        ("bmm", (2, 3, 4), (1, 4, 5)),
        ("bmm", (1, 3, 4), (2, 4, 5)),
        ("bmm", (3, 4), (4, 5)),
    ),
    *(("mv", (2, 3), (2,)), ("mv", (2, 3), (1,)), ("mv", (3,), (3,)), ("mv", (2, 3), (3, 1)), ("mv", (2, 1), (3,))),
    *(("dot", (3,), (4,)), ("dot", (1,), (4,)), ("dot", (2, 3), (2, 3)), ("dot", (), ())),
    *(("vdot", (3,), (4,)), ("vdot", (2, 3), (3,))),
    *(
        ("outer", (2, 3), (3,)),
        ("outer", (2,), ()),
        ("ger", (2, 3), (3,)),
        ("inner", (2, 3), (2, 4)),
        ("inner", (3,), (1,)),
    ),
)


@clause("matmul.products.refuse-other-ranks-and-sizes")
def test_refuse_other_ranks(cell: Cell) -> None:
    for name, left, right in _REFUSED:
        a, b = np.ones(left, numpy_dtype(cell.dtype)), np.ones(right, numpy_dtype(cell.dtype))
        trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
        trial.expect_error(f"torch.{name}(a, b)", RuntimeError)
        trial.expect_error(f"a.{name}(b)", RuntimeError)
        trial.expect("a", a)


_TENSORDOTS: tuple[tuple[Size, Size, Any], ...] = (
    *(((2, 3), (4, 5), 0), ((2, 3), (3, 4), 1), ((2, 3), (2, 3), 2), ((3, 4, 5), (4, 5, 2), 2), ((3,), (3,), 1)),
    *(((2, 3, 4), (4, 2, 5), ([2, 0], [0, 1])), ((2, 3), (3, 4), ([1], [0])), ((2, 3), (4, 3), ([-1], [1]))),
    *(((3, 4, 5), (4, 3, 2), ([1, 0], [0, 1])), ((2, 3), (2, 4), ([0], [-2])), ((2, 17, 3), (17, 2), ([1], [0]))),
    *(((2, 0), (0, 3), 1), ((2, 3), (3,), 1), ((4, 33, 2), (2, 33), ([2, 1], [0, 1]))),
)


@clause("matmul.tensordot.sums-over-pairs-of-dims")
def test_tensordot(cell: Cell) -> None:
    generator = cell.generator()
    for number, (left, right, dims) in enumerate(_TENSORDOTS):
        count = dims if isinstance(dims, int) else None
        first = list(range(len(left) - count, len(left))) if count is not None else [d % len(left) for d in dims[0]]
        second = list(range(count)) if count is not None else [d % len(right) for d in dims[1]]
        depth = int(np.prod([left[d] for d in first], dtype=np.int64))
        a, b = whole(generator, left, cell.dtype, depth), whole(generator, right, cell.dtype, depth)
        letters = "abcdefgh"
        names = list(letters[: len(left)])
        others = list("ijklmnop"[: len(right)])
        for x, y in zip(first, second, strict=True):
            others[y] = names[x]
        kept = [n for n in names if n not in others] + [n for n in others if n not in names]
        answer = products.einsum(f"{''.join(names)},{''.join(others)}->{''.join(kept)}", a, b)
        trial = cell.trial(a=laid_out(a, number), b=laid_out(b, number // 2), dims=dims)
        expect(trial, "torch.tensordot(a, b, dims)", answer)
        expect(trial, "torch.tensordot(a, b, dims=dims)", answer)
        if count is None:
            expect(trial, "torch.tensordot(a, b, dims=(tuple(dims[0]), tuple(dims[1])))", answer)
        expect(trial, "torch.tensordot(a, b, dims, out=torch.empty_like(torch.tensordot(a, b, dims)))", answer)


# Sizes of the letters: distinct, so that a dimension taken for another shows.
_EXTENTS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzAB",
        (2, 3, 4, 2, 3, 2, 3, 2, 4, 3, 5, 2, 3, 2, 3, 2, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3),
        strict=True,
    )
)
EQUATIONS = (
    *("i,i->", "i,j->ij", "i,j->ji", "i->i", "i->", "ij->ji", "ij->", "ij->i", "ij->j", "ii->i", "ii->", "ij->ij"),
    *("ij,jk->ik", "ij,jk->ki", "ij,kj->ik", "ji,jk->ik", "ij,ij->ij", "ij,ij->", "ij,ji->", "ij,j->i", "ij,j->ij"),
    *("bij,bjk->bik", "bij,bkj->bik", "bij,jk->bik", "ij,bjk->bik", "bij,bij->b", "bi,bj->bij", "bhid,bhjd->bhij"),
    *(
        "bhij,bhjd->bihd",
        "ijk,ilk->ijl",
        "ijk,jil->kl",
        "ijk->kji",
        "ijk->ki",
        "iij->ij",
        "iij->j",
        "ijj->i",
        "ijij->ij",
    ),
    *("iji->j", "ab,cd->acbd", "abc,bad->dc", "i,ij,j->", "ij,jk,kl->il", "ij,j,jk->ik", "bn,anm,bm->ba", "i,j,k->kji"),
    *("ij,jk", "ij,ij", "ba", "ij,kj", "i,i", " i j , j k -> i k ", "Ab,bB->AB", "ij,jk,kl,lm->im", "ab,ab,ab->ab"),
)
_ELLIPSES = (
    *(("...ij,...jk->...ik", ((3, 2, 4), (3, 4, 2))), ("...ij,...jk->...ik", ((3, 2, 4), (4, 2)))),
    *(
        ("...i->...", ((2, 3, 4),)),
        ("i...->...", ((2, 3, 4),)),
        ("...ii->...i", ((2, 3, 3),)),
        ("...ij->...ji", ((2, 3, 4),)),
    ),
    *(("...,...->...", ((3,), (2, 3))), ("...i,...i->...", ((2, 1, 4), (3, 4))), ("i...j->ij...", ((2, 3, 4, 5),))),
    *(("...ij,jk->...ik", ((2, 2, 3, 4), (4, 5))), ("b...d,b...d->b...", ((2, 3, 4), (2, 3, 4)))),
    *(("...", ((2, 3),)), ("...i,i...->...", ((2, 3), (3, 2)))),
)


def _einsum_inputs(cell: Cell, generator: np.random.Generator, equation: str, shapes: list[Size]) -> list[Array]:
    depth = int(np.prod([extent for letter, extent in _EXTENTS.items() if letter in equation], dtype=np.int64))
    return [whole(generator, shape, cell.dtype, min(depth, 100), factors=len(shapes)) for shape in shapes]


def _implicit(equation: str) -> str:
    """Return an equation for NumPy, which orders capitals otherwise in implicit output."""
    return equation.replace(" ", "")


@clause("matmul.einsum.sums-products-by-letters")
def test_einsum(cell: Cell) -> None:
    generator = cell.generator()
    for number, equation in enumerate(EQUATIONS):
        inputs = equation.replace(" ", "").split("->")[0].split(",")
        shapes = [tuple(_EXTENTS[letter] for letter in letters) for letters in inputs]
        operands = _einsum_inputs(cell, generator, equation, shapes)
        answer = products.einsum(_implicit(equation), *operands)
        tensors = [laid_out(each, number) for each in operands]
        trial = cell.trial(equation=equation, t=tensors)
        expect(trial, "torch.einsum(equation, *t)", answer)
        expect(trial, "torch.einsum(equation, t)", answer)
        if "->" in equation:
            right = equation.replace(" ", "").split("->")[1]
            lists = [[sorted(_EXTENTS).index(letter) for letter in letters] for letters in (*inputs, right)]
            arguments = [
                part
                for pair in zip(
                    (f"t[{i}]" for i in range(len(inputs))), (f"s[{i}]" for i in range(len(inputs))), strict=True
                )
                for part in pair
            ]
            trial = cell.trial(t=tensors, s=lists)
            expect(trial, f"torch.einsum({', '.join(arguments)}, s[-1])", answer)


@clause("matmul.einsum.takes-ellipses")
def test_einsum_ellipses(cell: Cell) -> None:
    generator = cell.generator()
    for number, (equation, shapes) in enumerate(_ELLIPSES):
        operands = [whole(generator, shape, cell.dtype, 20) for shape in shapes]
        answer = products.einsum(equation, *operands)
        trial = cell.trial(equation=equation, t=[laid_out(each, number) for each in operands])
        expect(trial, "torch.einsum(equation, *t)", answer)
        expect(trial, "torch.einsum(equation, t)", answer)


@clause("matmul.einsum.refuses-malformed-equations")
def test_einsum_refuses(cell: Cell) -> None:
    a, b = np.ones((2, 3), numpy_dtype(cell.dtype)), np.ones((3, 4), numpy_dtype(cell.dtype))
    trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
    for equation in (
        "ij,jk->il",
        "ij,jk->iik",
        "ijk,jk->i",
        "i,jk->ik",
        "ij->ij",
        "ij,jk,kl->il",
        "ij,ik->jk",
        "i1,1k->ik",
        "ij,jk-ik",
    ):
        trial.expect_error(f"torch.einsum('{equation}', a, b)", RuntimeError)
        trial.expect_error(f"torch.einsum('{equation}', [a, b])", RuntimeError)
    trial.expect_error("torch.einsum('ii->i', a)", RuntimeError)


_CHAINS = (
    *(
        (2, 3),
        (2, 3, 4),
        (4, 2, 3, 5),
        (2, 7, 3, 5, 2),
        (5, 2, 6, 3, 7, 4),
        (1, 4, 1, 4),
        (10, 1, 10, 1),
        (3, 17, 2, 9),
    ),
    *((3, 1, 1, 5), (2, 0, 3), (3, 2, 0, 4)),
)


@clause("matmul.chain.multiplies-in-any-order")
def test_chain(cell: Cell) -> None:
    generator = cell.generator()
    for extents in _CHAINS:
        shapes = list(itertools.pairwise(extents))
        depth = int(np.prod(extents[1:-1], dtype=np.int64))
        factors = [whole(generator, shape, cell.dtype, max(depth, 4), factors=len(shapes)) for shape in shapes]
        trial = cell.trial(t=[laid_out(each, len(extents)) for each in factors])
        answer = products.chain(*factors)
        expect(trial, "torch.chain_matmul(*t)", answer)
        if len(shapes) < 2:
            continue
        expect(trial, "torch.linalg.multi_dot(t)", answer)
        expect(trial, "torch.linalg.multi_dot(tuple(t))", answer)
        expect(trial, "torch.linalg.multi_dot(t, out=torch.empty_like(torch.linalg.multi_dot(t)))", answer)
        for ends, expression in (
            ((0,), "torch.linalg.multi_dot([t[0][0], *t[1:]])"),
            ((-1,), "torch.linalg.multi_dot([*t[:-1], t[-1][:, 0]])"),
            ((0, -1), "torch.linalg.multi_dot([t[0][0], *t[1:-1], t[-1][:, 0]])"),
        ):
            cut = list(factors)
            if 0 in ends:
                cut[0] = cut[0][0]
            if -1 in ends:
                cut[-1] = cut[-1][:, 0]
            expect(trial, expression, products.chain(*cut))


@clause("matmul.vecdot.conjugates-and-sums-along-dim")
def test_vecdot(cell: Cell) -> None:
    generator = cell.generator()
    for left, right in (
        ((3,), (3,)),
        ((2, 3), (2, 3)),
        ((4, 1, 5), (2, 5)),
        ((2, 17), (1, 17)),
        ((7, 33), (7, 33)),
        ((0, 3), (0, 3)),
    ):
        a, b = whole(generator, left, cell.dtype, left[-1]), whole(generator, right, cell.dtype, right[-1])
        answer = products.einsum("...i,...i->...", np.conj(a), b)
        trial = cell.trial(a=laid_out(a, 2), b=laid_out(b, 3))
        for form in ("torch.linalg.vecdot(a, b)", "torch.linalg.vecdot(x=a, y=b)", "torch.linalg.vecdot(a, b, dim=-1)"):
            expect(trial, form, answer)
        if len(left) == len(right) == 2:
            down = products.einsum("i...,i...->...", np.conj(a.T), b.T)
            expect(trial, "torch.linalg.vecdot(a.mT, b.mT, dim=0)", down)


@clause("matmul.matrix-power.multiplies-with-itself")
def test_matrix_power(cell: Cell) -> None:
    generator = cell.generator()
    for shape in ((1, 1), (2, 2), (3, 3), (2, 3, 3), (17, 17)):
        array = np.eye(shape[-1])[generator.permutation(shape[-1])] * generator.choice([-1, 1], shape[-1])
        array = np.broadcast_to(array, shape).astype(numpy_dtype(cell.dtype))
        for n in range(8):
            power = np.linalg.matrix_power(
                array.astype(np.complex128 if dtypes.is_complex(cell.dtype) else np.float64), n
            )
            trial = cell.trial(a=laid_out(np.array(array), n), n=n)
            for form in ("torch.matrix_power(a, n)", "a.matrix_power(n)", "torch.linalg.matrix_power(a, n)"):
                expect(trial, form, plain(power.astype(array.dtype)))
