"""matmul: every pair of ranks, layouts, sizes around blocks, accuracy, special values, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.matmul.cases import MATMULS, drawn, laid_out, sizes, whole
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.reductions import rotating
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import products

Array = npt.NDArray[Any]

_BATCHES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    *(((), (3,)), ((3,), ()), ((3,), (3,)), ((3,), (1,)), ((1,), (3,)), ((2, 3), ()), ((2, 3), (3,)), ((2, 1), (3,))),
    *(
        ((), (2, 3)),
        ((2, 1, 2), (3, 1)),
        ((2, 3), (2, 3)),
        ((1, 1), (2, 3)),
        ((0,), (0,)),
        ((2, 0), (1,)),
        ((5,), (5,)),
    ),
)


def _pairs(m: int, k: int, n: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the sizes of operands of every pair of ranks up to 4."""
    found: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((k,), (k,)),
        ((m, k), (k,)),
        ((k,), (k, n)),
        ((m, k), (k, n)),
    ]
    for left, right in _BATCHES:
        found += [((*left, m, k), (*right, k, n))]
    for batch in ((3,), (2, 3), (0,)):
        found += [((*batch, m, k), (k,)), ((k,), (*batch, k, n))]
    return found


def _judge_pairs(cell: Cell, m: int, k: int, n: int, *, each: int = 2) -> None:
    generator = cell.generator()
    for number, (left, right) in enumerate(_pairs(m, k, n)):
        a, b = (whole(generator, size, cell.dtype, k) for size in (left, right))
        answer = products.matmul(a, b)
        trial = cell.trial(a=laid_out(a, 0), b=laid_out(b, 0))
        for form in rotating(MATMULS, number, each):
            expect(trial, form, answer)


@clause("matmul.matmul.multiplies-every-rank-pair")
def test_every_rank_pair(cell: Cell) -> None:
    for m, k, n in ((2, 3, 4), (1, 1, 1), (1, 5, 3), (4, 2, 1), (7, 17, 5), (33, 9, 2)):
        _judge_pairs(cell, m, k, n)


@clause("matmul.integers.wrap-around")
def test_integers_wrap_around(cell: Cell) -> None:
    for m, k, n in ((2, 3, 4), (1, 1, 1), (7, 33, 5)):
        _judge_pairs(cell, m, k, n)
    generator = cell.generator()
    facts = np.iinfo(numpy_dtype(cell.dtype))
    for number, (m, k, n) in enumerate([*sizes(generator, 3 * cell.profile.examples, most=65), (129, 65, 33)]):
        a = generator.integers(facts.min, facts.max, (m, k), numpy_dtype(cell.dtype), endpoint=True)
        b = generator.integers(facts.min, facts.max, (k, n), numpy_dtype(cell.dtype), endpoint=True)
        trial = cell.trial(a=laid_out(a, number), b=laid_out(b, number // 3))
        for form in (*rotating(MATMULS, number, 2), "torch.mm(a, b)"):
            expect(trial, form, products.matmul(a, b))
        expect(trial, "torch.mv(a, b[:, 0])", products.matmul(a, b[:, 0]))
        expect(trial, "a[0] @ b[:, -1]", products.matmul(a[0], b[:, -1]))
        expect(trial, "torch.dot(a[-1], b[:, 0])", products.matmul(a[-1], b[:, 0]))
        expect(trial, "torch.bmm(a[None], b[None])[0]", products.matmul(a, b))


@clause("matmul.integers.int64-is-exact-beyond-float64")
def test_int64_is_exact(cell: Cell) -> None:
    a = np.array([[2**53 + 1, -1, 2**31], [2**62 + 1, 3, 1], [5, 2**53 - 1, 7]], np.int64)
    b = np.array([[1, 3], [2**53, 1], [2**31 + 1, -5]], np.int64)
    trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
    for form in (*MATMULS, "torch.mm(a, b)", "torch.einsum('ij,jk->ik', a, b)", "torch.tensordot(a, b, 1)"):
        expect(trial, form, products.matmul(a, b))
    expect(trial, "torch.mv(a, b[:, 0])", products.matmul(a, b[:, 0]))
    expect(trial, "torch.dot(a[0], b[:, 1])", products.matmul(a[0], b[:, 1]))
    expect(trial, "torch.outer(a[0], b[:, 1])", products.einsum("i,j->ij", a[0], b[:, 1]))


@clause("matmul.matmul.reads-any-layout")
def test_reads_any_layout(cell: Cell) -> None:
    generator = cell.generator()
    for m, k, n in ((2, 3, 2), (5, 9, 4), (17, 33, 8)):
        for left, right in (((m, k), (k, n)), ((m, k), (k,)), ((k,), (k, n)), ((k,), (k,)), ((3, m, k), (3, k, n))):
            a, b = (whole(generator, size, cell.dtype, k) for size in (left, right))
            answer = products.matmul(a, b)
            number = 0
            for first in range(5 if len(left) > 1 else 3):
                for second in range(5 if len(right) > 1 else 3):
                    trial = cell.trial(a=laid_out(a, first), b=laid_out(b, second))
                    for form in rotating(MATMULS, number, 1):
                        expect(trial, form, answer)
                    number += 1
        a, b = whole(generator, (1, k), cell.dtype, k), whole(generator, (k, 1), cell.dtype, k)
        repeated = products.matmul(np.repeat(a, m, 0), np.repeat(b, n, 1))
        trial = cell.trial(a=laid_out(a, 0), b=laid_out(b, 0), m=m, n=n)
        for form in ("a.expand(m, -1) @ b.expand(-1, n)", "torch.mm(a.expand(m, -1), b.expand(-1, n))"):
            expect(trial, form, repeated)
        expect(trial, "a.expand(m, -1) @ b[:, 0]", products.matmul(np.repeat(a, m, 0), b[:, 0]))
        one = whole(generator, (1,), cell.dtype, k)
        trial = cell.trial(a=laid_out(np.repeat(a, m, 0), 0), b=Strided.from_array(one), k=k)
        expect(trial, "a @ b.expand(k)", products.matmul(np.repeat(a, m, 0), np.repeat(one, k)))
        expect(trial, "b.expand(k) @ a.mT", products.matmul(np.repeat(one, k), np.repeat(a, m, 0).T))


@clause("matmul.matmul.crosses-block-edges")
def test_crosses_block_edges(cell: Cell) -> None:
    generator = cell.generator()
    cases = [*sizes(generator, 6 * cell.profile.examples), (65, 257, 129), (257, 129, 65)]
    for number, (m, k, n) in enumerate(cases):
        a, b = whole(generator, (m, k), cell.dtype, k), whole(generator, (k, n), cell.dtype, k)
        trial = cell.trial(a=laid_out(a, number % 5), b=laid_out(b, number // 5 % 5))
        answer = products.matmul(a, b)
        forms = (*MATMULS, "torch.mm(a, b)", "torch.bmm(a[None], b[None])[0]")
        for form in rotating(forms, number, 2):
            expect(trial, form, answer)


@clause("matmul.matmul.sums-long-inner-dimensions")
def test_long_inner_dimensions(cell: Cell) -> None:
    generator = cell.generator()
    for number, (m, k, n) in enumerate(((1, 1_025, 1), (3, 4_099, 2), (2, 9_001, 5), (1, 33_001, 3), (5, 2_049, 17))):
        a, b = whole(generator, (m, k), cell.dtype, k), whole(generator, (k, n), cell.dtype, k)
        # The last products of each sum count.
        a[:, -1], b[-1, :] = 1, 1
        trial = cell.trial(a=laid_out(a, number), b=laid_out(b, number + 3))
        for form in rotating(MATMULS, number, 2):
            expect(trial, form, products.matmul(a, b))
        expect(trial, "a[0] @ b", products.matmul(a[0], b))
        expect(trial, "a @ b[:, -1]", products.matmul(a, b[:, -1]))
        expect(trial, "a[-1] @ b[:, 0]", products.matmul(a[-1], b[:, 0]))
        expect(trial, "torch.dot(a[0], b[:, -1])", products.matmul(a[0], b[:, -1]))
        expect(trial, "torch.mv(b.t(), a[0])", products.matmul(b.T, a[0]))


@clause("matmul.matmul.stays-within-error-bound")
def test_stays_within_error_bound(cell: Cell) -> None:
    generator = cell.generator()
    cases = [*sizes(generator, 2 * cell.profile.examples, most=65), (3, 1_025, 5), (2, 4_099, 3), (65, 129, 33)]
    for number, (m, k, n) in enumerate(cases):
        a, b = drawn(generator, (m, k), cell.dtype), drawn(generator, (k, n), cell.dtype)
        if number % 2 and k > 1:
            # The two halves of every sum cancel.
            half = k // 2
            a[:, half : 2 * half], b[half : 2 * half] = a[:, :half], -b[:half]
        trial = cell.trial(a=laid_out(a, number), b=laid_out(b, number // 2))
        answer = products.matmul(a, b)
        forms = (*MATMULS, "torch.mm(a, b)", "torch.bmm(a[None], b[None])[0]", "torch.einsum('ij,jk->ik', a, b)")
        for form in rotating(forms, number, 3):
            expect(trial, form, answer)
        expect(trial, "a @ b[:, 0]", products.matmul(a, b[:, 0]))
        expect(trial, "torch.dot(a[0], b[:, -1])", products.matmul(a[0], b[:, -1]))


_PLAIN_REDUCTION = "torch.backends.cuda.matmul.allow_{}_reduced_precision_reduction = {}"


@clause("matmul.halves.accumulate-in-float32")
def test_halves_accumulate_in_float32(cell: Cell) -> None:
    generator = cell.generator()
    names = {"float16": "fp16", "bfloat16": "bf16"}
    for m, k, n in ((1, 300, 1), (3, 2_100, 2), (17, 5_001, 5), (2, 10_001, 3)):
        a, b = np.ones((m, k)), np.where(generator.random((k, n)) < 0.9, 1, 0.75)
        a, b = a.astype(numpy_dtype(cell.dtype)), b.astype(numpy_dtype(cell.dtype))
        for number in range(4):
            trial = cell.trial(a=laid_out(a, 3 * (number % 2)), b=laid_out(b, 3 * (number // 2)))
            trial.run(_PLAIN_REDUCTION.format(names[cell.dtype], "False"))
            for form in (
                "a @ b",
                "torch.mm(a, b)",
                "torch.bmm(a[None], b[None])[0]",
                "torch.einsum('ij,jk->ik', a, b)",
            ):
                expect(trial, form, products.matmul(a, b))
            expect(trial, "a @ b[:, 0]", products.matmul(a, b[:, 0]))
            expect(trial, "a[0] @ b", products.matmul(a[0], b))
            expect(trial, "torch.dot(a[0], b[:, -1])", products.matmul(a[0], b[:, -1]))
            trial.run(_PLAIN_REDUCTION.format(names[cell.dtype], "True"))


@clause("matmul.float32.keeps-24-bits")
def test_float32_keeps_24_bits(cell: Cell) -> None:
    trial = cell.trial()
    trial.expect_equal("torch.get_float32_matmul_precision()", "highest")
    trial.expect_equal("torch.backends.cuda.matmul.allow_tf32", value=False)
    generator = cell.generator()
    for extent in (1, 3, 16, 33, 65, 129):
        # A factor of 1 + 2**-23 loses its last bit in any shorter format; the other operand is a permutation.
        a = (1 + generator.integers(1, 2**23, (extent, extent)) * 2.0**-23).astype(np.float32)
        b = np.eye(extent, dtype=np.float32)[generator.permutation(extent)]
        trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
        for form in (
            *MATMULS[:4],
            "torch.mm(a, b)",
            "torch.bmm(a[None], b[None])[0]",
            "torch.einsum('ij,jk->ik', a, b)",
        ):
            trial.expect(form, a @ b)
        for form in (
            "b @ a",
            "torch.addmm(torch.zeros_like(a), b, a)",
            "torch.baddbmm(a[None] * 0, b[None], a[None])[0]",
        ):
            trial.expect(form, b @ a)
        trial.expect("torch.tensordot(b, a, 1)", b @ a)
        trial.expect("b @ a[:, 0]", b @ a[:, 0])


@clause("matmul.matmul.zero-inner-size-gives-zeros")
def test_zero_inner_size(cell: Cell) -> None:
    for left, right in (
        *(((3, 0), (0, 4)), ((0,), (0,)), ((3, 0), (0,)), ((0,), (0, 4)), ((2, 3, 0), (2, 0, 4)), ((2, 3, 0), (0, 4))),
        *(
            ((0, 3), (3, 4)),
            ((3, 4), (4, 0)),
            ((0, 0), (0, 0)),
            ((0, 2, 3), (0, 3, 2)),
            ((2, 0, 3), (3, 4)),
            ((1, 0), (0, 1)),
        ),
    ):
        a, b = (np.ones(size, numpy_dtype(cell.dtype)) for size in (left, right))
        expected = np.zeros(products.matmul_shape(left, right), numpy_dtype(cell.dtype))
        trial = cell.trial(
            a=Strided.from_array(a), b=Strided.from_array(b), size=expected.shape, dtype=cell.torch_dtype
        )
        for form in MATMULS:
            # Fresh memory would often hold zeros.
            trial.run("junk = torch.full(size, 7, dtype=dtype, device=device); del junk")
            trial.expect(form, expected)
        trial.run("out = torch.full(size, 7, dtype=dtype, device=device)")
        trial.run("torch.matmul(a, b, out=out)")
        trial.expect("out", expected)
        if len(left) == len(right) == 2:
            trial.expect("torch.mm(a, b)", expected)
        if len(left) == len(right) == 3:
            trial.expect("torch.bmm(a, b)", expected)


@clause("matmul.matmul.spreads-nan-and-infinity-along-rows")
def test_spreads_nan(cell: Cell) -> None:
    generator = cell.generator()
    for m, k, n in ((2, 3, 4), (9, 17, 5), (33, 65, 17), (64, 64, 64)):
        a, b = (
            np.abs(drawn(generator, size, cell.dtype)).astype(numpy_dtype(cell.dtype)) + 1 for size in ((m, k), (k, n))
        )
        a, b = a.astype(numpy_dtype(cell.dtype)), b.astype(numpy_dtype(cell.dtype))
        row, inner, column = (int(generator.integers(extent)) for extent in (m, k, n))
        for special in (np.nan, np.inf, -np.inf):
            changed = a.copy()
            changed[row, inner] = special
            answer = products.matmul(changed, b)
            trial = cell.trial(a=laid_out(changed, row), b=laid_out(b, column))
            for form in (*rotating(MATMULS, row, 2), "torch.mm(a, b)"):
                trial.expect(f"({form})[row]".replace("row", str(row)), answer.values[row].astype(a.dtype))
                trial.expect(f"({form}).isfinite()", np.isfinite(answer.values))
            # 0 times an infinity, or a NaN, is NaN.
            zero = np.zeros_like(b)
            trial = cell.trial(a=laid_out(changed, row), b=laid_out(zero, column))
            expected = np.zeros((m, n), a.dtype)
            expected[row] = np.nan
            trial.expect("a @ b", expected)
            trial.expect("a[:, :] @ b[:, 0]", expected[:, 0])


@clause("matmul.matmul.multiplies-conjugate-views")
def test_conjugate_views(cell: Cell) -> None:
    generator = cell.generator()
    for m, k, n in ((2, 3, 4), (9, 17, 5), (33, 8, 16), (1, 5, 1)):
        a, b = whole(generator, (m, k), cell.dtype, k), whole(generator, (k, n), cell.dtype, k)
        trial = cell.trial(a=laid_out(a, m), b=laid_out(b, n), c=laid_out(a.T, m), d=laid_out(b.T, n))
        for first, left in (
            ("a", a),
            ("a.conj()", a.conj()),
            ("c.mH", a.conj()),
            ("c.mT", a),
            ("c.t().conj()", a.conj()),
        ):
            for second, right in (("b", b), ("b.conj()", b.conj()), ("d.mH", b.conj()), ("d.mT.conj()", b.conj())):
                answer = products.matmul(left, right)
                expect(trial, f"{first} @ {second}", answer)
                expect(trial, f"torch.mm({first}, {second})", answer)
                expect(trial, f"torch.bmm({first}[None], {second}[None])[0]", answer)
                expect(trial, f"{first} @ ({second})[:, 0]", products.matmul(left, right[:, 0]))
        real = products.matmul(np.ascontiguousarray(-a.imag), np.ascontiguousarray(b.real))
        expect(trial, "a.conj().imag @ b.real", real)


@clause("matmul.matmul.writes-into-out")
def test_writes_into_out(cell: Cell) -> None:
    generator = cell.generator()
    for left, right in (
        ((3, 5), (5, 4)),
        ((5,), (5,)),
        ((3, 5), (5,)),
        ((5,), (5, 4)),
        ((2, 3, 5), (2, 5, 4)),
        ((2, 3, 5), (5, 4)),
    ):
        a, b = (whole(generator, size, cell.dtype, 5) for size in (left, right))
        answer = products.matmul(a, b)
        shape = answer.values.shape
        # A strided out of a vector times a matrix is laid out anew, over its neighbours, in every version so far.
        # So is one of a batch times a matrix, or it is refused.
        usual = len(right) == 1 or len(left) == len(right)
        for layout in range(5) if usual else (0,):
            out = laid_out(np.ones(shape, a.dtype), layout)
            trial = cell.trial(
                a=Strided.from_array(a), b=Strided.from_array(b), out=out, none=Strided.from_array(a.ravel()[:0])
            )
            forms = ["torch.matmul(a, b, out=out)", "torch.linalg.matmul(a, b, out=out)"]
            if len(left) == len(right) > 1:
                forms += ["torch.mm(a, b, out=out)" if len(left) == 2 else "torch.bmm(a, b, out=out)"]
            for form in forms:
                trial.run("out.fill_(7)")
                trial.run(f"r = {form}")
                expect(trial, "out", answer)
                trial.expect_true("r.data_ptr() == out.data_ptr()", "the result is the tensor given as out")
                trial.expect_equal("out.stride()", out.stride)
            trial.run("fresh = none.clone()")
            trial.run("torch.matmul(a, b, out=fresh)")
            expect(trial, "fresh", answer)


_MISMATCHED = (
    *(((3,), (4,)), ((2, 3), (2, 3)), ((2, 3), (4,)), ((3,), (4, 3)), ((2, 3), (1, 4)), ((2, 3, 4), (2, 3, 4))),
    *(((2, 3, 4), (3, 4, 5)), ((5, 1, 3, 4), (2, 2, 4, 5))),
    *(
        ((2, 0), (1, 3)),
        ((3, 1), (2, 3)),
        ((4, 3, 1), (2, 5)),
        ((1,), (2,)),
        ((2, 2), (1,)),
        ((), (2,)),
        ((2, 2), ()),
        ((), ()),
    ),
)


@clause("matmul.matmul.refuses-mismatched-sizes")
def test_refuses_mismatched_sizes(cell: Cell) -> None:
    for left, right in _MISMATCHED:
        a, b = (np.ones(size, numpy_dtype(cell.dtype)) for size in (left, right))
        trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
        for form in MATMULS[:-1]:
            trial.expect_error(form, RuntimeError)
        trial.expect("a", a)


@clause("matmul.matmul.refuses-mixed-dtypes")
def test_refuses_mixed_dtypes(cell: Cell) -> None:
    others = [name for name in ("int64", "float32", "float64", "complex64", "bfloat16") if name != cell.dtype]
    for name in others:
        for left, right in (((2, 3), (3, 2)), ((3,), (3,)), ((2, 3), (3,)), ((2, 2, 3), (2, 3, 2))):
            a, b = np.ones(left, numpy_dtype(cell.dtype)), np.ones(right, numpy_dtype(name))
            trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b), dtype=TORCH_DTYPES[name])
            for form in MATMULS[:-1]:
                trial.expect_error(form, RuntimeError)
            if len(left) == len(right) == 2:
                trial.expect_error("torch.mm(a, b)", RuntimeError)
