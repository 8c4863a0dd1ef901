"""torch.nn.init: ranges, moments, distributions, patterns and errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from torch_conformance.conformance.chapters.nn.initialisation.initial_values import (
    judge_distribution,
    judge_normal,
    judge_uniform,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance, rule_around
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.nn import initialisation

_SAMPLE = 20_000


def _judge_init(
    cell: Cell,
    calls: tuple[tuple[str, tuple[int, ...]], ...],
    judge: Callable[[Trial, int], None],
    *,
    strided: bool = True,
) -> None:
    """Judge calls of torch.nn.init on tensors x of a size, a leaf that requires grad, every other one transposed."""
    for place, (call, size) in enumerate(calls):
        turned = strided and place % 2 == 1
        trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63, size=size[::-1] if turned else size)
        trial.run("_ = torch.manual_seed(seed)")
        trial.run("x = torch.full(size, 77.0, device=device, dtype=dtype)")
        if turned:
            trial.run("x = x.permute(*range(x.dim() - 1, -1, -1))")
        trial.run("x.requires_grad_(); where = x.data_ptr()")
        trial.run(f"y = torch.nn.init.{call}")
        trial.expect_true("y is x and x.data_ptr() == where", "the function fills in place and returns its argument")
        trial.expect_true("x.requires_grad and x.is_leaf and x.grad_fn is None", "filling is not recorded")
        trial.expect_equal("tuple(x.shape)", size)
        judge(trial, place)


@clause("nn.initialisation.uniform-fills-its-interval")
def test_uniform(cell: Cell) -> None:
    ranges = ((0, 1), (-2, 3), (1, 1.5), (-3, 1))
    calls = ("uniform_(x)", "uniform_(x, -2.0, 3.0)", "uniform_(tensor=x, a=1.0, b=1.5)", "uniform_(x, -3.0)")
    sized = tuple((call, (100, _SAMPLE // 100)) for call in calls)
    _judge_init(cell, sized, lambda trial, place: judge_uniform(trial, cell, "x", *ranges[place]))


@clause("nn.initialisation.normal-has-mean-and-deviation")
def test_normal(cell: Cell) -> None:
    moments = ((0, 1), (3, 0.5), (-1, 2), (4, 1))
    calls = ("normal_(x)", "normal_(x, 3.0, 0.5)", "normal_(tensor=x, mean=-1.0, std=2.0)", "normal_(x, 4.0)")
    sized = tuple((call, (100, _SAMPLE // 100)) for call in calls)
    _judge_init(cell, sized, lambda trial, place: judge_normal(trial, cell, "x", *moments[place]))


@clause("nn.initialisation.trunc-normal-is-cut-off")
def test_trunc_normal(cell: Cell) -> None:
    cases = ((0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 0.0, 1.5), (0.5, 0.25, 0.25, 2.0), (0.0, 1.0, 0.5, 2.0))
    calls = (
        "trunc_normal_(x)",
        "trunc_normal_(x, 1.0, 2.0, 0.0, 1.5)",
        "trunc_normal_(tensor=x, mean=0.5, std=0.25, a=0.25, b=2.0)",
        "trunc_normal_(x, a=0.5)",
    )

    def judge(trial: Trial, place: int) -> None:
        mean, std, a, b = cases[place]
        trial.run("v = x.detach().double().cpu().numpy().ravel()")
        trial.expect_true(f"v.min() >= {a!r} and v.max() <= {b!r}", "every value lies between the bounds")
        points = np.linspace(a, b, 41)[1:-1]
        probabilities = initialisation.truncated_normal_cdf(points, mean, std, a, b)
        judge_distribution(trial, _SAMPLE, points, probabilities, float(distance(cell, "nn.init.trunc-normal", 1)))

    _judge_init(cell, tuple((call, (_SAMPLE // 100, 100)) for call in calls), judge)


_FANNED = ((400, 50), (50, 400), (40, 20, 5, 5), (400, 50))


@clause("nn.initialisation.xavier-uniform-has-its-range")
def test_xavier_uniform(cell: Cell) -> None:
    factors = (1, 2, 5 / 3, 0.5)
    calls = (
        "xavier_uniform_(x)",
        "xavier_uniform_(x, 2.0)",
        "xavier_uniform_(x, gain=5 / 3)",
        "xavier_uniform_(tensor=x, gain=0.5)",
    )

    def judge(trial: Trial, place: int) -> None:
        bound = initialisation.uniform_bound(initialisation.xavier_std(_FANNED[place], factors[place]))
        judge_uniform(trial, cell, "x", -bound, bound)

    _judge_init(cell, tuple(zip(calls, _FANNED, strict=True)), judge)


@clause("nn.initialisation.xavier-normal-has-its-deviation")
def test_xavier_normal(cell: Cell) -> None:
    factors = (1, 2, 5 / 3, 0.5)
    calls = (
        "xavier_normal_(x)",
        "xavier_normal_(x, 2.0)",
        "xavier_normal_(x, gain=5 / 3)",
        "xavier_normal_(tensor=x, gain=0.5)",
    )

    def judge(trial: Trial, place: int) -> None:
        judge_normal(trial, cell, "x", 0, initialisation.xavier_std(_FANNED[place], factors[place]))

    _judge_init(cell, tuple(zip(calls, _FANNED, strict=True)), judge)


_KAIMING = (
    ("x", (0.0, "fan_in", "leaky_relu")),
    ("x, 2.0", (2.0, "fan_in", "leaky_relu")),
    ("x, mode='fan_out', nonlinearity='relu'", (0.0, "fan_out", "relu")),
    ("x, 1.0, 'fan_out', 'leaky_relu'", (1.0, "fan_out", "leaky_relu")),
    ("tensor=x, nonlinearity='tanh'", (0.0, "fan_in", "tanh")),
    ("x, nonlinearity='linear', a=3", (3.0, "fan_in", "linear")),
    ("x, nonlinearity='selu', mode='fan_out'", (0.0, "fan_out", "selu")),
)
_KAIMING_SIZES = (*_FANNED, (400, 50), (50, 400), (20, 40, 5, 5))


@clause("nn.initialisation.kaiming-uniform-has-its-range")
def test_kaiming_uniform(cell: Cell) -> None:
    def judge(trial: Trial, place: int) -> None:
        bound = initialisation.uniform_bound(initialisation.kaiming_std(_KAIMING_SIZES[place], *_KAIMING[place][1]))
        judge_uniform(trial, cell, "x", -bound, bound)

    calls = tuple(f"kaiming_uniform_({arguments})" for arguments, _ in _KAIMING)
    _judge_init(cell, tuple(zip(calls, _KAIMING_SIZES, strict=True)), judge)


@clause("nn.initialisation.kaiming-normal-has-its-deviation")
def test_kaiming_normal(cell: Cell) -> None:
    def judge(trial: Trial, place: int) -> None:
        judge_normal(trial, cell, "x", 0, initialisation.kaiming_std(_KAIMING_SIZES[place], *_KAIMING[place][1]))

    calls = tuple(f"kaiming_normal_({arguments})" for arguments, _ in _KAIMING)
    _judge_init(cell, tuple(zip(calls, _KAIMING_SIZES, strict=True)), judge)


@clause("nn.initialisation.orthogonal-has-orthonormal-rows-or-columns")
def test_orthogonal(cell: Cell) -> None:
    sizes = ((5, 5), (3, 7), (7, 3), (4, 2, 3), (2, 3, 2), (1, 4))
    gains = (1, 2, 0.5, 1, 3, 1)
    calls = (
        "orthogonal_(x)",
        "orthogonal_(x, 2.0)",
        "orthogonal_(tensor=x, gain=0.5)",
        "orthogonal_(x, gain=1)",
        "orthogonal_(x, 3)",
        "orthogonal_(x)",
    )

    def judge(trial: Trial, place: int) -> None:
        rows = sizes[place][0]
        trial.run("flat = x.detach().reshape(x.shape[0], -1)")
        fewer = min(rows, math.prod(sizes[place][1:]))
        gram = "flat.T @ flat" if fewer < rows else "flat @ flat.T"
        rule = rule_around(cell, "nn.init.orthogonal", gains[place] ** 2)
        trial.expect(gram, np.eye(fewer) * gains[place] ** 2, rule, dtype=cell.dtype)
        if math.prod(sizes[place]) > 10:
            trial.expect_true("(flat != 0).sum() > flat.numel() // 2", "the values are not all ones")

    _judge_init(cell, tuple(zip(calls, sizes, strict=True)), judge, strided=False)


@clause("nn.initialisation.constant-fills")
def test_constant(cell: Cell) -> None:
    calls = ("constant_(x, 0.375)", "constant_(tensor=x, val=-2.0)", "ones_(x)", "zeros_(x)", "ones_(tensor=x)")
    values, sizes = (0.375, -2, 1, 0, 1), ((3, 5), (2, 3, 4), (7,), (2, 3), (2, 5))

    def judge(trial: Trial, place: int) -> None:
        trial.expect("x", np.full(sizes[place], values[place], numpy_dtype(cell.dtype)))

    _judge_init(cell, tuple(zip(calls, sizes, strict=True)), judge)


@clause("nn.initialisation.eye-is-the-identity")
def test_eye(cell: Cell) -> None:
    sizes = ((3, 3), (2, 5), (5, 2))

    def judge(trial: Trial, place: int) -> None:
        trial.expect("x", initialisation.eye(*sizes[place]).astype(numpy_dtype(cell.dtype)))

    _judge_init(cell, tuple((("eye_(x)", "eye_(tensor=x)")[len(size) % 2], size) for size in sizes), judge)
    for size in ("3", "2, 2, 2"):
        trial = cell.trial()
        trial.expect_error(f"torch.nn.init.eye_(torch.empty({size}, device=device))", ValueError)


@clause("nn.initialisation.dirac-passes-channels-through")
def test_dirac(cell: Cell) -> None:
    cases = (((3, 3, 3), 1), ((4, 2, 5), 1), ((2, 4, 3, 5), 1), ((4, 2, 3, 3), 2), ((6, 1, 2, 2, 3), 3), ((4, 3, 4), 2))

    def judge(trial: Trial, place: int) -> None:
        trial.expect("x", initialisation.dirac(*cases[place]).astype(numpy_dtype(cell.dtype)))

    calls = tuple(("dirac_(x)" if groups == 1 else f"dirac_(x, groups={groups})", size) for size, groups in cases)
    _judge_init(cell, calls, judge)
    trial = cell.trial()
    for arguments in ("torch.empty(3, 3)", "torch.empty(2, 2, 2, 2, 2, 2)", "torch.empty(3, 2, 3), 2"):
        trial.expect_error(f"torch.nn.init.dirac_({arguments})", ValueError)


@clause("nn.initialisation.sparse-empties-a-share-of-each-column")
def test_sparse(cell: Cell) -> None:
    calls = ("sparse_(x, 0.25)", "sparse_(x, sparsity=0.1, std=2.0)", "sparse_(tensor=x, sparsity=0.5, std=1.0)")
    sizes, zeros, stds = ((300, 100), (303, 100), (101, 300)), (75, 31, 51), (0.01, 2.0, 1.0)

    def judge(trial: Trial, place: int) -> None:
        columns = sizes[place][1]
        # A normal number of float32 is itself zero with probability 2**-24, two at a time.
        trial.expect_true(
            f"(x == 0).sum(0).min() >= {zeros[place]}", "each column has at least as many zeros as sparsity asks"
        )
        trial.expect_true(
            f"(x == 0).sum() <= {zeros[place] * columns + 12}", "there are hardly more zeros than sparsity asks"
        )
        trial.expect_true("len({tuple(c.tolist()) for c in (x == 0).t().cpu()}) > 50", "each column has its own places")
        judge_normal(trial, cell, "x[x != 0]", 0, stds[place])

    _judge_init(cell, tuple(zip(calls, sizes, strict=True)), judge)
    trial = cell.trial()
    trial.expect_error("torch.nn.init.sparse_(torch.empty(3), 0.5)", ValueError)
    trial.expect_error("torch.nn.init.sparse_(torch.empty(3, 3, 3), 0.5)", ValueError)


@clause("nn.initialisation.calculate-gain-is-that-of-the-table")
def test_gain(cell: Cell) -> None:
    trial = cell.trial()
    names = ("linear", "conv1d", "conv2d", "conv3d", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
    for name in names:
        expected = initialisation.gain(name)
        trial.expect_true(f"abs(torch.nn.init.calculate_gain({name!r}) - {expected!r}) < 1e-15", f"{expected}")
    for param in (0, 0.2, 1, 5**0.5):
        expected = initialisation.gain("leaky_relu", param)
        for call in (f"'leaky_relu', {param!r}", f"nonlinearity='leaky_relu', param={param!r}"):
            trial.expect_true(f"abs(torch.nn.init.calculate_gain({call}) - {expected!r}) < 1e-15", f"{expected}")
    for call in ("'swish'", "'leaky_relu', 'a'", "''"):
        trial.expect_error(f"torch.nn.init.calculate_gain({call})", ValueError)


@clause("nn.initialisation.fans-need-two-dimensions")
def test_fans(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("x = torch.full((5,), 7.0, device=device)")
    for name in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_"):
        trial.expect_error(f"torch.nn.init.{name}(x)", ValueError)
        trial.expect_error(f"torch.nn.init.{name}(torch.tensor(1.0, device=device))", ValueError)
    for name in ("kaiming_uniform_", "kaiming_normal_"):
        trial.expect_error(f"torch.nn.init.{name}(torch.ones(2, 2, device=device), mode='fan')", ValueError)
        trial.expect_error(f"torch.nn.init.{name}(torch.ones(2, 2, device=device), nonlinearity='x')", ValueError)
    trial.expect("x", np.full(5, 7, np.float32))


@clause("nn.initialisation.draws-from-the-given-generator")
def test_generator(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    for name in (
        "uniform_",
        "normal_",
        "trunc_normal_",
        "xavier_uniform_",
        "xavier_normal_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "orthogonal_",
    ):
        trial.run(
            "g = torch.Generator(device=device); _ = g.manual_seed(seed); a, b, c = torch.zeros(3, 6, 5, device=device)"
        )
        trial.run("state = torch.get_rng_state()")
        trial.run(f"torch.nn.init.{name}(a, generator=g); torch.nn.init.{name}(b, generator=g)")
        trial.run(f"_ = g.manual_seed(seed); torch.nn.init.{name}(c, generator=g)")
        trial.expect_true("torch.equal(a, c) and not torch.equal(a, b)", "the generator decides the values")
        trial.expect_true("torch.equal(torch.get_rng_state(), state)", "the default generator is left alone")
