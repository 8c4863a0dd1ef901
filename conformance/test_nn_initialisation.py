"""Initial values: of layers as they are made, and of torch.nn.init.

A check of a distribution fails on a right generator with probability 1e-12 at most; a run makes fewer than a thousand
of them, so that a run fails falsely with probability 1e-9 at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.binding import clause
from torch_conformance.conformance.cell import Cell
from torch_conformance.conformance.comparison import absolute
from torch_conformance.conformance.trial import Trial
from torch_conformance.reference import initialisation, random
from torch_conformance.reference.dtypes import finfo, numpy_dtype

Array = npt.NDArray[Any]
_ERROR_RATE = 1e-12
_SAMPLE = 20_000


def _judge_uniform(trial: Trial, cell: Cell, expression: str, low: float, high: float) -> None:
    """Judge range and distribution of a tensor; both ends are reached as nearly as the sample's size demands."""
    trial.run(f"v = ({expression}).detach().double().cpu().numpy().ravel()")
    count = trial.namespace["v"].size
    slack = 4 * finfo(cell.dtype).eps
    room = (high - low) * slack
    trial.expect_true(f"v.min() >= {low - room!r} and v.max() <= {high + room!r}", f"within {low:.6g} and {high:.6g}")
    short = (initialisation.largest_shortfall(count, _ERROR_RATE) + slack) * (high - low)
    if short < high - low:
        trial.expect_true(f"v.min() <= {low + short!r} and v.max() >= {high - short!r}", "the whole range is used")
    points = np.linspace(0.03125, 0.96875, 31)
    _judge_distribution(trial, count, low + points * (high - low), points, slack)


def _judge_normal(trial: Trial, cell: Cell, expression: str, mean: float, std: float) -> None:
    """Judge mean, variance and distribution of a tensor."""
    trial.run(f"v = (({expression}).detach().double().cpu().numpy().ravel() - {mean!r}) / {std!r}")
    count = trial.namespace["v"].size
    slack = 16 * finfo(cell.dtype).eps * (1 + abs(mean / std))
    bound = random.normal_mean_bound(count, _ERROR_RATE) + slack
    trial.expect_true(f"abs(v.mean()) <= {bound!r}", f"the mean is {mean:g}")
    low, high = random.normal_variance_interval(count, _ERROR_RATE)
    why = f"the standard deviation is {std:g}"
    trial.expect_true(f"{low - slack!r} <= v.var(ddof=1) <= {high + slack!r}", why)
    points = np.linspace(-3, 3, 31)
    _judge_distribution(trial, count, points, random.normal_cdf(points), slack)


def _judge_distribution(trial: Trial, count: int, points: Array, probabilities: Array, slack: float) -> None:
    bound = random.dkw_bound(count, _ERROR_RATE) + slack
    trial.run(f"points, probabilities = np.array({points.tolist()}), np.array({probabilities.tolist()})")
    empirical = "np.abs(np.searchsorted(np.sort(v), points, side='right') / v.size - probabilities)"
    trial.expect_true(f"{empirical}.max() <= {bound!r}", f"distributed within {bound:.4f} of the documented")


def _made(cell: Cell, layer: str) -> Trial:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    trial.run("_ = torch.manual_seed(seed)")
    trial.run(f"net = torch.nn.{layer}")
    return trial


# Layers whose weights and biases are uniform within a bound.
_LINEAR = (
    ("Linear(4, 5000, device=device, dtype=dtype)", ("net.weight", "net.bias"), 1 / 2),
    ("Linear(9, 2500, bias=False, device=device, dtype=dtype)", ("net.weight",), 1 / 3),
    ("Bilinear(4, 3, 2000, device=device, dtype=dtype)", ("net.weight", "net.bias"), 1 / 2),
)
_CONVOLUTIONS = (
    ("Conv1d(2, 4000, 3, device=device, dtype=dtype)", ("net.weight", "net.bias"), 6**-0.5),
    ("Conv2d(4, 2000, (2, 3), groups=2, device=device, dtype=dtype)", ("net.weight", "net.bias"), 12**-0.5),
    ("Conv3d(1, 2000, 2, bias=False, device=device, dtype=dtype)", ("net.weight",), 8**-0.5),
    ("ConvTranspose1d(2000, 2, 5, device=device, dtype=dtype)", ("net.weight",), 10**-0.5),
    ("ConvTranspose2d(1000, 4, (3, 2), groups=2, device=device, dtype=dtype)", ("net.weight",), 12**-0.5),
    ("ConvTranspose3d(1, 3000, 1, device=device, dtype=dtype)", ("net.weight", "net.bias"), 3000**-0.5),
)
_RECURRENT = (
    ("RNN(40, 49, 2, device=device, dtype=dtype)", "torch.cat([p.view(-1) for p in net.parameters()])", 1 / 7),
    (
        "LSTM(30, 36, proj_size=9, device=device, dtype=dtype)",
        "torch.cat([p.view(-1) for p in net.parameters()])",
        1 / 6,
    ),
    ("GRU(30, 36, bidirectional=True, device=device, dtype=dtype)", "net.weight_hh_l0_reverse", 1 / 6),
    ("RNNCell(60, 49, device=device, dtype=dtype)", "torch.cat([p.view(-1) for p in net.parameters()])", 1 / 7),
    ("LSTMCell(30, 36, device=device, dtype=dtype)", "torch.cat([p.view(-1) for p in net.parameters()])", 1 / 6),
    ("GRUCell(30, 36, device=device, dtype=dtype)", "torch.cat([p.view(-1) for p in net.parameters()])", 1 / 6),
)


@clause("nn.initialisation.linear-layers-are-uniform-within-their-range")
def test_linear(cell: Cell) -> None:
    _judge_layers(cell, _LINEAR)


@clause("nn.initialisation.convolutions-are-uniform-within-their-range")
def test_convolutions(cell: Cell) -> None:
    _judge_layers(cell, _CONVOLUTIONS)


def _judge_layers(cell: Cell, layers: tuple[tuple[str, tuple[str, ...], float], ...]) -> None:
    for layer, parameters, bound in layers:
        trial = _made(cell, layer)
        for parameter in parameters:
            _judge_uniform(trial, cell, parameter, -bound, bound)
        trial.run("before = net.weight.detach().clone()")
        trial.run("net.reset_parameters()")
        _judge_uniform(trial, cell, parameters[0], -bound, bound)
        trial.expect_true("not torch.equal(before, net.weight)", "reset_parameters draws anew")


@clause("nn.initialisation.recurrent-networks-are-uniform-within-their-range")
def test_recurrent(cell: Cell) -> None:
    for layer, parameters, bound in _RECURRENT:
        trial = _made(cell, layer)
        _judge_uniform(trial, cell, parameters, -bound, bound)
        room = bound * (1 + 4 * finfo(cell.dtype).eps)
        trial.expect_true(f"all(p.abs().max() <= {room!r} for p in net.parameters())", "each parameter is in range")
        trial.expect_true(f"all(p.abs().max() > {bound / 2!r} for p in net.parameters())", "and not near 0 alone")


@clause("nn.initialisation.embeddings-are-standard-normal")
def test_embedding(cell: Cell) -> None:
    for layer in (
        "Embedding(1000, 20, device=device, dtype=dtype)",
        "EmbeddingBag(1000, 20, device=device, dtype=dtype)",
    ):
        trial = _made(cell, layer)
        _judge_normal(trial, cell, "net.weight", 0, 1)
    for name in ("Embedding", "EmbeddingBag"):
        trial = _made(cell, f"{name}(1000, 20, padding_idx=3, device=device, dtype=dtype)")
        trial.expect("net.weight[3]", np.zeros(20, numpy_dtype(cell.dtype)))
        _judge_normal(trial, cell, "net.weight[4:]", 0, 1)
        trial.run("net.reset_parameters()")
        trial.expect("net.weight[3]", np.zeros(20, numpy_dtype(cell.dtype)))
    trial = _made(cell, "Embedding(10, 4, padding_idx=-1, device=device, dtype=dtype)")
    trial.expect("net.weight[9]", np.zeros(4, numpy_dtype(cell.dtype)))
    trial.expect_true("(net.weight[:9] != 0).sum() > 30", "the others are drawn")


@clause("nn.initialisation.attention-is-xavier-uniform-with-zero-biases")
def test_attention(cell: Cell) -> None:
    trial = _made(cell, "MultiheadAttention(96, 4, device=device, dtype=dtype)")
    bound = initialisation.uniform_bound(initialisation.xavier_std((288, 96)))
    _judge_uniform(trial, cell, "net.in_proj_weight", -bound, bound)
    trial.expect("net.in_proj_bias", np.zeros(288, numpy_dtype(cell.dtype)))
    trial.expect("net.out_proj.bias", np.zeros(96, numpy_dtype(cell.dtype)))
    trial = _made(cell, "MultiheadAttention(96, 4, kdim=120, vdim=144, device=device, dtype=dtype)")
    for name, inputs in (("q", 96), ("k", 120), ("v", 144)):
        bound = initialisation.uniform_bound(initialisation.xavier_std((96, inputs)))
        _judge_uniform(trial, cell, f"net.{name}_proj_weight", -bound, bound)


@clause("nn.initialisation.is-reproducible")
def test_reproducible(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    layers = (
        *(
            "Linear(5, 7)",
            "Conv2d(2, 3, 3)",
            "LSTM(3, 4, 2)",
            "GRUCell(3, 4)",
            "Embedding(5, 3)",
            "MultiheadAttention(4, 2)",
        ),
        *("TransformerEncoderLayer(4, 2, 8)", "Bilinear(2, 3, 4)", "ConvTranspose1d(2, 3, 3)"),
    )
    for layer in layers:
        make = f"torch.nn.{layer[:-1]}, device=device, dtype=dtype)"
        trial.run(f"_ = torch.manual_seed(seed); first = {make}; second = {make}")
        trial.run(f"_ = torch.manual_seed(seed); third = {make}")
        pairs = "zip(first.parameters(), third.parameters())"
        trial.expect_true(f"all(torch.equal(a, b) for a, b in {pairs})", "the same seed gives the same parameters")
        pairs = "zip(first.parameters(), second.parameters())"
        trial.expect_true(f"any(not torch.equal(a, b) for a, b in {pairs})", "the stream goes on")


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
        trial.expect_true("y is x and x.data_ptr() == where", "it fills in place and returns its argument")
        trial.expect_true("x.requires_grad and x.is_leaf and x.grad_fn is None", "filling is not recorded")
        trial.expect_equal("tuple(x.shape)", size)
        judge(trial, place)


@clause("nn.initialisation.uniform-fills-its-interval")
def test_uniform(cell: Cell) -> None:
    ranges = ((0, 1), (-2, 3), (1, 1.5), (-3, 1))
    calls = ("uniform_(x)", "uniform_(x, -2.0, 3.0)", "uniform_(tensor=x, a=1.0, b=1.5)", "uniform_(x, -3.0)")
    sized = tuple((call, (100, _SAMPLE // 100)) for call in calls)
    _judge_init(cell, sized, lambda trial, place: _judge_uniform(trial, cell, "x", *ranges[place]))


@clause("nn.initialisation.normal-has-mean-and-deviation")
def test_normal(cell: Cell) -> None:
    moments = ((0, 1), (3, 0.5), (-1, 2), (4, 1))
    calls = ("normal_(x)", "normal_(x, 3.0, 0.5)", "normal_(tensor=x, mean=-1.0, std=2.0)", "normal_(x, 4.0)")
    sized = tuple((call, (100, _SAMPLE // 100)) for call in calls)
    _judge_init(cell, sized, lambda trial, place: _judge_normal(trial, cell, "x", *moments[place]))


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
        trial.expect_true(f"v.min() >= {a!r} and v.max() <= {b!r}", "nothing lies outside")
        points = np.linspace(a, b, 41)[1:-1]
        probabilities = initialisation.truncated_normal_cdf(points, mean, std, a, b)
        _judge_distribution(trial, _SAMPLE, points, probabilities, 64 * finfo(cell.dtype).eps)

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
        _judge_uniform(trial, cell, "x", -bound, bound)

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
        _judge_normal(trial, cell, "x", 0, initialisation.xavier_std(_FANNED[place], factors[place]))

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
        _judge_uniform(trial, cell, "x", -bound, bound)

    calls = tuple(f"kaiming_uniform_({arguments})" for arguments, _ in _KAIMING)
    _judge_init(cell, tuple(zip(calls, _KAIMING_SIZES, strict=True)), judge)


@clause("nn.initialisation.kaiming-normal-has-its-deviation")
def test_kaiming_normal(cell: Cell) -> None:
    def judge(trial: Trial, place: int) -> None:
        _judge_normal(trial, cell, "x", 0, initialisation.kaiming_std(_KAIMING_SIZES[place], *_KAIMING[place][1]))

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
        # Householder's method keeps columns orthonormal within a modest multiple of the unit roundoff and their size.
        bound = 200 * finfo(cell.dtype).eps * gains[place] ** 2
        trial.expect(gram, np.eye(fewer) * gains[place] ** 2, absolute(bound), dtype=cell.dtype)
        if math.prod(sizes[place]) > 10:
            trial.expect_true("(flat != 0).sum() > flat.numel() // 2", "it is no pattern of ones")

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
        trial.expect_true(f"(x == 0).sum(0).min() >= {zeros[place]}", "so many of each column are zero")
        trial.expect_true(f"(x == 0).sum() <= {zeros[place] * columns + 12}", "and hardly more")
        trial.expect_true("len({tuple(c.tolist()) for c in (x == 0).t().cpu()}) > 50", "each column has its own places")
        _judge_normal(trial, cell, "x[x != 0]", 0, stds[place])

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
        trial.expect_true("torch.equal(a, c) and not torch.equal(a, b)", "the generator decides")
        trial.expect_true("torch.equal(torch.get_rng_state(), state)", "the default generator is left alone")
