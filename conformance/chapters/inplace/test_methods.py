"""Every other method of a tensor that writes it: the table of spec/tables/inplace.toml."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from torch_conformance.conformance.chapters.inplace.method_calls import LARGE, method_sizes, method_write, table_methods
from torch_conformance.conformance.chapters.inplace.writes import Write, each_implemented, structure_of, writable
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import to_host
from torch_conformance.conformance.judging.accuracy import rule_of
from torch_conformance.reference.model.strided import Strided
from torch_conformance.spec.inplace import Method

Judge = Callable[[Method, str, Write], None]


# Judged by a clause of its own.
_IN_ORDER = "masked_scatter_"


def _each_call(cell: Cell, judge: Judge, *judges: str, turns: int = 4, only: str | None = None) -> None:
    """Judge every call of every method, or of one, in one of so many turns of its sizes, in layouts taken in turn."""
    __tracebackhide__ = True

    def judge_method(method: Method) -> None:
        sizes = method_sizes(method, cell.dtype)
        for place, call in enumerate(method.calls):
            # Methods and dtypes have much in common: sizes go round among them.
            start = (cell.seed + place) % turns % len(sizes)
            for turn, size in enumerate(sizes[start::turns]):
                structure = structure_of(size, turn + place + cell.seed, call)
                judge(method, call, method_write(method, call, cell.dtype, structure, cell.seed % 2**16 + turn))

    chosen = (each for each in table_methods(cell.dtype, *judges) if only in (None, each.name))
    each_implemented(cell, ((each.name, functools.partial(judge_method, each)) for each in chosen))


def _judge_result(cell: Cell, call: str, case: Write) -> None:
    __tracebackhide__ = True
    trial = cell.trial(**case.operands)
    trial.run(call)
    trial.expect("a", case.expected, case.rule)


@clause("inplace.masked-scatter.takes-elements-in-order")
def test_masked_scatter(cell: Cell) -> None:
    _each_call(cell, lambda _, call, case: _judge_result(cell, call, case), turns=1, only=_IN_ORDER)


@clause("inplace.method.stores-what-is-documented")
def test_reference(cell: Cell) -> None:
    def judge(method: Method, call: str, case: Write) -> None:
        if method.name != _IN_ORDER:
            _judge_result(cell, call, case)

    _each_call(cell, judge, "reference", turns=1 if cell.profile.exhaustive else 2)

    def judge_large(method: Method) -> None:
        for place, call in enumerate(method.calls):
            sizes = LARGE.get(method.shape, ())
            for turn, size in enumerate(sizes[(place + cell.seed) % 2 :: 2] if len(sizes) > 1 else sizes):
                structure = structure_of(size, turn + place * 2 + cell.seed)
                if method.shape == "any" or place == cell.seed % len(method.calls):
                    judge(method, call, method_write(method, call, cell.dtype, structure, turn))

    # Sums and products along a long dimension are not exact.
    large = (each for each in table_methods(cell.dtype, "reference") if not each.name.startswith("cum"))
    each_implemented(cell, ((each.name, functools.partial(judge_large, each)) for each in large))


@clause("inplace.method.stores-what-its-twin-returns")
def test_twin(cell: Cell) -> None:
    rule = rule_of("twin", cell.dtype, cell.device, signed_zero=False)

    def judge(method: Method, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands)
        trial.run(f"twin = {call.replace(f'{method.name}(', f'{method.name[:-1]}(')}")
        trial.run(call)
        trial.expect("a", to_host(trial.evaluate("twin")), rule)

    _each_call(cell, judge, "twin", turns=1)


@clause("inplace.method.returns-self")
def test_returns_self(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        cell.trial(**case.operands).expect_true(f"({call}) is a", "a method in place returns its tensor")

    _each_call(cell, judge)


@clause("inplace.method.keeps-memory-and-dtype")
def test_keeps_memory(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        a = case.operands["a"]
        trial = cell.trial(**case.operands, dtype=cell.torch_dtype)
        trial.run("address = a.data_ptr()")
        trial.run(call)
        trial.expect_true("a.data_ptr() == address and a.dtype is dtype", "memory and dtype are the same")
        trial.expect_equal("(tuple(a.shape), tuple(a.stride()), a.storage_offset())", (a.size, a.stride, a.offset))

    _each_call(cell, judge)


@clause("inplace.method.counts-as-a-write")
def test_version(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands)
        trial.run("base, before = a.detach(), a._version")
        trial.run(call)
        trial.expect_true("a._version > before and base._version == a._version", "a write counts, for views too")

    _each_call(cell, judge)


@clause("inplace.method.leaves-arguments-as-they-were")
def test_arguments(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands)
        trial.run(call)
        for name, value in case.operands.items():
            if name != "a":
                trial.expect(name, value)
                trial.expect_true(f"{name}._version == 0", "reading does not count as a write")

    _each_call(cell, judge)


@clause("inplace.method.leaves-the-rest-untouched")
def test_rest(cell: Cell) -> None:
    def judge_method(method: Method) -> None:
        for place, call in enumerate(method.calls):
            for turn, size in enumerate(method_sizes(method, cell.dtype)[(place + cell.seed) % 3 :: 3]):
                layouts = ("offset",) if "wrap=True" in call else ("sliced", "gapped", "offset")
                options = [each for each in writable(size) if each.layout in layouts]
                structure = options[(place + turn + cell.seed) % len(options)]
                case = method_write(method, call, cell.dtype, structure, cell.seed % 2**16 + turn)
                a = case.operands["a"]
                free = np.ones(a.storage.size, dtype=np.bool_)
                free[a.addresses().ravel()] = False
                outside = np.flatnonzero(free)
                trial = cell.trial(**case.operands, length=a.storage.size, outside=Strided.from_array(outside))
                trial.run("whole = torch.as_strided(a, (length,), (1,), 0)")
                trial.run(call)
                trial.expect("whole[outside]", a.storage[outside])

    each_implemented(cell, ((each.name, functools.partial(judge_method, each)) for each in table_methods(cell.dtype)))


@clause("inplace.method.leaf-is-refused")
def test_leaf(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands)
        trial.run("a.requires_grad_()")
        trial.expect_error(call, RuntimeError)
        trial.expect("a", case.operands["a"])
        trial.expect_true("a._version == 0 and a.is_leaf and a.requires_grad", "a refused write changes nothing")

    _each_call(cell, judge)


_SHARED = {"any": ((2, 3), (0, 1), 3), "rows": ((4, 3), (0, 1), 3), "matrices": ((2, 3), (0, 1), 3)}


@clause("inplace.method.shared-elements-are-refused")
def test_shared(cell: Cell) -> None:
    def judge_method(method: Method) -> None:
        size, stride, length = _SHARED[method.shape]
        for call in method.calls:
            if call == "a.fill_(z)":
                continue
            case = method_write(method, call, cell.dtype, structure_of(size, 0), cell.seed % 2**16)
            a = Strided(case.operands["a"].storage[:length].copy(), size, stride)
            trial = cell.trial(**case.operands | {"a": a})
            trial.expect_error(call, RuntimeError)
            trial.expect("a", a)

    refusing = (each for each in table_methods(cell.dtype) if each.expanded == "refused")
    each_implemented(cell, ((each.name, functools.partial(judge_method, each)) for each in refusing))


@clause("inplace.random.stays-within-its-bounds")
def test_random(cell: Cell) -> None:
    bounds = {"a.uniform_(0.25, to=0.5)": (0.25, 0.5), "a.random_(2, 10)": (2, 9), "a.random_(to=5)": (0, 4)}

    def judge_method(method: Method) -> None:
        for place, call in enumerate(method.calls):
            low, high = bounds.get(call, (method.low, method.high))
            for turn, size in enumerate(((), (0,), (3, 5), (67,), (5, 131), (3, 10_925))):
                structure = structure_of(size, turn + place + cell.seed)
                case = method_write(method, call, cell.dtype, structure, turn)
                trial = cell.trial(**case.operands, low=low, high=high)
                trial.run("torch.manual_seed(5)")
                trial.run(call)
                trial.expect_true("bool(((a >= low) & (a <= high)).all())", "every element lies within the bounds")
                if structure.length > 600:
                    trial.expect_true("a.unique().numel() > 1", "elements are drawn one by one")

    random = (each for each in table_methods(cell.dtype, "random") if each.name != "cauchy_")
    each_implemented(cell, ((each.name, functools.partial(judge_method, each)) for each in random))


@clause("inplace.random.repeats-after-a-seed")
def test_random_repeats(cell: Cell) -> None:
    def judge(_: Method, call: str, case: Write) -> None:
        if not case.operands["a"].numel:
            return
        trial = cell.trial(**case.operands)
        trial.run("torch.manual_seed(11)")
        trial.run(call)
        first = to_host(trial.evaluate("a.clone()"))
        trial.run("a.zero_()")
        trial.run("torch.manual_seed(11)")
        trial.run(call)
        trial.expect("a", first)

    _each_call(cell, judge, "random")
