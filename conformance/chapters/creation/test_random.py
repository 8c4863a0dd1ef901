"""Clauses on what random tensors hold: ranges, distributions, independence, permutations.

A check of a distribution fails on a right generator with probability 1e-12 at most; a run makes fewer than a thousand
of them, so that a run fails falsely with probability 1e-9 at most.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import random

Array = npt.NDArray[Any]
_ERROR_RATE = 1e-12

_EMPIRICAL = "np.abs(np.searchsorted(np.sort(v), points, side='right') / v.size - probabilities)"


def _judge_distribution(
    trial: Trial, count: int, points: Array, distribution: Callable[[Array], Array], slack: float
) -> None:
    """Compare the empirical distribution of the variable v with the true one at some points."""
    bound = random.dkw_bound(count, _ERROR_RATE) + slack
    probabilities = distribution(points)
    trial.run(f"points, probabilities = np.array({points.tolist()}), np.array({probabilities.tolist()})")
    why = f"the empirical distribution of {count} numbers is within {bound:.4f} of the true one"
    trial.expect_true(f"{_EMPIRICAL}.max() <= {bound!r}", why)


def _sources(name: str) -> tuple[str, ...]:
    """Return ways of drawing n numbers; some take them in blocks around the widths of vector loops."""
    return (
        f"torch.{name}(n, dtype=dtype, device=device)",
        f"torch.{name}((n // 8, 8), dtype=dtype, device=device, generator=g)",
        f"torch.{name}_like(x)",
        f"torch.{name}_like(x, dtype=dtype, memory_format=torch.contiguous_format)",
        f"torch.{name}(n, out=torch.empty(n, dtype=dtype, device=device))",
        f"torch.{name}(n, out=torch.empty((n, 2), dtype=dtype, device=device)[:, 1])",
        *(
            f"torch.cat([torch.{name}({block}, dtype=dtype, device=device) for _ in range(n // 20 // {block})])"
            for block in (3, 7, 15, 16, 17, 33)
        ),
    )


def _uniform_points() -> Array:
    return np.linspace(0.03125, 0.96875, 31)


def _normal_points() -> Array:
    return np.linspace(-4, 4, 65)


def _zeros(count: int, dtype: str) -> Strided:
    return Strided.from_array(np.zeros(count, dtype=dtypes.numpy_dtype(dtype)))


def _seeding(spelling: str) -> str:
    """Return the line that seeds what a call draws from; torch.manual_seed is slow, as it visits every device type."""
    if "generator=g" in spelling:
        return "g = torch.Generator(device=device); g.manual_seed(seed)"
    return "torch.manual_seed(seed)"


def _drawn(cell: Cell, source: str) -> tuple[Trial, int]:
    """Return a trial whose variable v holds the drawn numbers as float64, and how many they are."""
    count = cell.profile.samples // 8 * 8
    trial = cell.trial(n=count, x=_zeros(count, cell.dtype), dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    trial.run(_seeding(source))
    trial.run(f"y = {source}")
    trial.run("v = y.double().cpu().numpy().ravel()")
    return trial, trial.namespace["v"].size


def _parts(cell: Cell, source: str) -> str:
    """Return the numbers to look at: of complex tensors, real and imaginary parts as one list."""
    return f"torch.view_as_real({source})" if dtypes.is_complex(cell.dtype) else source


@clause("creation.rand.lies-in-the-unit-interval")
def test_rand_lies_in_the_unit_interval(cell: Cell) -> None:
    for source in _sources("rand"):
        trial, _ = _drawn(cell, _parts(cell, source))
        trial.expect_true("(v >= 0).all() and (v < 1).all()", "every number is at least 0 and less than 1")


@clause("creation.rand.is-uniform")
def test_rand_is_uniform(cell: Cell) -> None:
    slack = float(distance(cell, "rand.distribution", 1))
    for source in _sources("rand"):
        trial, count = _drawn(cell, _parts(cell, source))
        _judge_distribution(trial, count, _uniform_points(), random.uniform_cdf, slack)
        # The last elements alone, which a loop over blocks treats apart.
        trial.run(f"v = v[-{count // 10}:]")
        _judge_distribution(trial, count // 10, _uniform_points(), random.uniform_cdf, slack)


@clause("creation.randn.is-normal")
def test_randn_is_normal(cell: Cell) -> None:
    slack = float(distance(cell, "randn.distribution", 1))
    for source in _sources("randn"):
        trial, count = _drawn(cell, _parts(cell, source))
        if dtypes.is_complex(cell.dtype):
            # Real and imaginary part have variance one half.
            trial.run("v = v * 2 ** 0.5")
        _judge_distribution(trial, count, _normal_points(), random.normal_cdf, slack)
        trial.run(f"v = v[-{count // 10}:]")
        _judge_distribution(trial, count // 10, _normal_points(), random.normal_cdf, slack)


_LAGS = (1, 2, 4, 8, 16, 64, 4096)


def _judge_independence(trial: Trial, count: int, signs: str) -> None:
    """Compare signs of pairs of elements at several distances, each element in one pair."""
    trial.run(f"s = {signs}")
    for lag in _LAGS:
        pairs = count // (2 * lag) * lag
        if pairs < 1000:
            continue
        bound = random.correlation_bound(pairs, _ERROR_RATE)
        trial.run(f"w = s[:{2 * pairs}].reshape(-1, 2, {lag})")
        why = f"elements {lag} apart agree in sign as often as not, within {bound:.4f}"
        trial.expect_true(f"abs((w[:, 0] * w[:, 1]).mean()) <= {bound!r}", why)


@clause("creation.rand.elements-are-independent")
def test_rand_elements_are_independent(cell: Cell) -> None:
    for source in _sources("rand"):
        trial, count = _drawn(cell, source)
        _judge_independence(trial, count, "np.where(v < 0.5, -1.0, 1.0)")


@clause("creation.randn.elements-are-independent")
def test_randn_elements_are_independent(cell: Cell) -> None:
    # Signs, which the symmetry of the distribution makes exact coins in every dtype.
    for source in _sources("randn"):
        trial, count = _drawn(cell, source)
        _judge_independence(trial, count, "np.sign(v)")


def _bounds(dtype: str) -> tuple[tuple[int, int], ...]:
    """Return ranges of random integers that lie inside the dtype."""
    if dtype == "bool":
        return ((0, 2), (0, 1), (1, 2))
    if dtypes.is_floating(dtype):
        return ((0, 10), (5, 6), (-3, 4), (-100, 100))
    facts = dtypes.iinfo(dtype)
    small = ((0, 10), (5, 6), (0, 2), (0, 100), (facts.max - 9, facts.max), (facts.min, facts.min + 7))
    signed = ((-3, 4), (-100, -90)) if facts.min < 0 else ()
    whole = ((0, 2**62), (-(2**62), 2**62), (0, 2**33), (0, 2**31)) if dtype == "int64" else ()
    narrow = ((facts.min, facts.max + 1),) if facts.bits < 64 else ()
    return (*small, *signed, *whole, *narrow)


_RANDINT = (
    "torch.randint(low, high, (n,), dtype=dtype, device=device)",
    "torch.randint(low=low, high=high, size=(n,), dtype=dtype, device=device, generator=g)",
    "torch.randint_like(x, low, high)",
    "torch.randint(low, high, [n], out=torch.empty(n, dtype=dtype, device=device))",
    "torch.randint(low, high, (n,), out=torch.empty((n, 2), dtype=dtype, device=device)[:, 1])",
    "torch.cat([torch.randint(low, high, (17,), dtype=dtype, device=device) for _ in range(n // 20)])",
)
_RANDINT_FROM_ZERO = (
    "torch.randint(high, (n,), dtype=dtype, device=device)",
    "torch.randint_like(x, high)",
    "torch.randint_like(x, high=high)",
)


def _integers(cell: Cell, low: int, high: int, turn: int) -> list[tuple[Trial, int]]:
    """Return trials whose variable y holds integers drawn from low .. high - 1, for several spellings."""
    spellings = _RANDINT + (_RANDINT_FROM_ZERO if low == 0 else ())
    found = []
    for number, spelling in enumerate(spellings):
        # One of them in turn is asked for many, the others for few.
        count = cell.profile.samples // (4 if number == turn % len(spellings) else 40)
        trial = cell.trial(
            low=low, high=high, n=count, x=_zeros(count, cell.dtype), dtype=cell.torch_dtype, seed=cell.seed % 2**63
        )
        trial.run(_seeding(spelling))
        trial.run(f"y = {spelling}")
        trial.expect_equal("y.dtype", cell.torch_dtype)
        # Counted from low, whole numbers of any size stay exact.
        exact = "y.double().cpu().numpy()" if dtypes.is_floating(cell.dtype) else "y.cpu().numpy().astype(np.int64)"
        trial.run(f"v = {exact} - low")
        found.append((trial, trial.namespace["v"].size))
    return found


@clause("creation.randint.lies-in-its-range")
def test_randint_lies_in_its_range(cell: Cell) -> None:
    for turn, (low, high) in enumerate(_bounds(cell.dtype)):
        for trial, count in _integers(cell, low, high, turn):
            trial.expect_true(
                "(v >= 0).all() and (v <= high - 1 - low).all() and (v == np.trunc(v)).all()",
                "every number is a whole one, at least low and less than high",
            )
            if high - low <= count // 50:
                # A value of probability p is missing from n draws with probability exp(-n p).
                trial.expect_true("v.min() == 0 and v.max() == high - 1 - low", "both ends of the range occur")


@clause("creation.randint.is-uniform")
def test_randint_is_uniform(cell: Cell) -> None:
    for turn, (low, high) in enumerate(_bounds(cell.dtype)):
        width = high - low
        # Between whole numbers, where no rounding decides on which side one lies.
        whole = sorted({width * part // 16 for part in range(1, 16)} | {0, width - 1})
        points = np.array(whole, dtype=np.float64) + (0.5 if width < 2**50 else 0.0)

        def distribution(_: Array, width: int = width, whole: list[int] = whole) -> Array:
            return np.array([(value + 1) / width for value in whole])

        for trial, count in _integers(cell, low, high, turn):
            _judge_distribution(trial, count, points, distribution, 2.0**-40)


@clause("creation.randint.elements-are-independent")
def test_randint_elements_are_independent(cell: Cell) -> None:
    for turn, (low, high) in enumerate(((0, 2), (0, 100), (0, 2))):
        for trial, count in _integers(cell, low, high, turn):
            _judge_independence(trial, count, f"np.where(v < {(high - low) / 2}, -1.0, 1.0)")


@clause("creation.randint.refuses-empty-ranges")
def test_randint_refuses_empty_ranges(cell: Cell) -> None:
    for low, high in ((0, 0), (5, 5), (5, 2), (1, 0), (100, 99)):
        trial = cell.trial(low=low, high=high, dtype=cell.torch_dtype)
        trial.run("x = torch.zeros(3, dtype=dtype, device=device)")
        for spelling in (
            "torch.randint(low, high, (3,), dtype=dtype, device=device)",
            "torch.randint(low=low, high=high, size=(3,), dtype=dtype, device=device)",
            "torch.randint_like(x, low, high)",
            "torch.randint(low, high, (3,), out=x)",
            *(("torch.randint(high, (3,), device=device)", "torch.randint_like(x, high)") if high == 0 else ()),
        ):
            trial.expect_error(spelling, RuntimeError)
        trial.expect("x", np.zeros(3, dtype=dtypes.numpy_dtype(cell.dtype)))


@clause("creation.randint.refuses-bounds-beyond-dtype")
def test_randint_refuses_bounds_beyond_dtype(cell: Cell) -> None:
    facts = dtypes.iinfo(cell.dtype)
    for low, high in ((0, facts.max + 2), (facts.min - 1, 3), (facts.max + 1, facts.max + 5), (0, 10 * facts.max)):
        trial = cell.trial(low=low, high=high, dtype=cell.torch_dtype)
        trial.run("x = torch.zeros(3, dtype=dtype, device=device)")
        # Bounds that fit no argument at all are refused before the dtype is looked at.
        for spelling in (
            "torch.randint(low, high, (3,), dtype=dtype, device=device)",
            "torch.randint_like(x, low, high)",
            "torch.randint(low, high, (3,), out=x)",
        ):
            trial.expect_error(spelling, RuntimeError, ValueError, OverflowError, TypeError)


_RANDPERM = (
    "torch.randperm(n, dtype=dtype, device=device)",
    "torch.randperm(n=n, dtype=dtype, device=device)",
    "torch.randperm(n, dtype=dtype, device=device, generator=g)",
    "torch.randperm(n, out=torch.empty(n, dtype=dtype, device=device))",
    "torch.randperm(n, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.randperm(n, out=torch.empty((n, 2), dtype=dtype, device=device)[:, 1])",
)
_COUNTS = (0, 1, 2, 3, 5, 8, 17, 33, 100, 128, 256, 1025, 2048, 29_999, 30_001, 32_769, 65_537, 100_003)


@clause("creation.randperm.is-a-permutation")
def test_randperm_is_a_permutation(cell: Cell) -> None:
    facts = dtypes.finfo if dtypes.is_floating(cell.dtype) else dtypes.iinfo
    most = 2 / facts(cell.dtype).eps if dtypes.is_floating(cell.dtype) else facts(cell.dtype).max + 1  # type: ignore[union-attr]
    for count in _COUNTS:
        if count > most:
            continue
        trial = cell.trial(n=count, dtype=cell.torch_dtype, seed=cell.seed % 2**63)
        trial.run("torch.manual_seed(seed); g = torch.Generator(device=device); g.manual_seed(seed)")
        for spelling in _RANDPERM if count < 5_000 else _RANDPERM[count % 2 :: 3]:
            trial.run(f"y = {spelling}")
            trial.expect_equal("(y.dtype, tuple(y.shape))", (cell.torch_dtype, (count,)))
            trial.run("v = y.double().cpu().numpy()")
            trial.expect_true("(np.sort(v) == np.arange(n)).all()", "each whole number below n occurs once")
        if count >= 100:
            # A right permutation of 100 leaves all in place with probability 1 / 100!.
            trial.expect_true("not (v == np.arange(n)).all()", "the order is a random one")


@clause("creation.randperm.is-uniform")
def test_randperm_is_uniform(cell: Cell) -> None:
    count = cell.profile.samples // 25
    points = np.arange(24) + 0.5
    for ending in ("device=device", "device=device, generator=g", "dtype=torch.int32, device=device"):
        trial = cell.trial(k=count, seed=cell.seed % 2**63)
        trial.run("torch.manual_seed(seed); g = torch.Generator(device=device); g.manual_seed(seed)")
        trial.run(f"p = torch.stack([torch.randperm(4, {ending}) for _ in range(k)]).cpu().numpy()")
        # The rank of a permutation of 4 in alphabetical order: digits count the smaller ones to the right.
        trial.run("d = [(p[:, i + 1:] < p[:, i:i + 1]).sum(1) for i in range(3)]")
        trial.run("v = 6 * d[0] + 2 * d[1] + d[2]")
        _judge_distribution(trial, count, points, lambda at: (np.floor(at) + 1) / 24, 0.0)
    trial = cell.trial(n=cell.profile.samples, seed=cell.seed % 2**63)
    trial.run("torch.manual_seed(seed)")
    trial.run("y = torch.randperm(n, device=device)")
    # Elements in order of their places: what is drawn without replacement is no further from the mean.
    trial.run("v = y.double().cpu().numpy() / n")
    for part in (slice(None, cell.profile.samples // 10), slice(-cell.profile.samples // 10, None)):
        trial.run(f"w = v[{part.start}:{part.stop}]")
        size = cell.profile.samples // 10
        bound = 0.5 * random.correlation_bound(size, _ERROR_RATE)
        trial.expect_true(f"abs((w < 0.5).mean() - 0.5) <= {bound!r}", "any tenth holds as many small as large numbers")
        trial.expect_true(
            f"abs((np.floor(w * n) % 2).mean() - 0.5) <= {bound!r} + 1 / n",
            "any tenth holds as many odd as even numbers",
        )
