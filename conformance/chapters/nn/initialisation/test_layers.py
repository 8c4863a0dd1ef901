"""Initial values of layers as they are made."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.nn.initialisation.initial_values import judge_normal, judge_uniform
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.nn import initialisation


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
            judge_uniform(trial, cell, parameter, -bound, bound)
        trial.run("before = net.weight.detach().clone()")
        trial.run("net.reset_parameters()")
        judge_uniform(trial, cell, parameters[0], -bound, bound)
        trial.expect_true("not torch.equal(before, net.weight)", "reset_parameters draws anew")


@clause("nn.initialisation.recurrent-networks-are-uniform-within-their-range")
def test_recurrent(cell: Cell) -> None:
    for layer, parameters, bound in _RECURRENT:
        trial = _made(cell, layer)
        judge_uniform(trial, cell, parameters, -bound, bound)
        room = bound * (1 + float(distance(cell, "nn.init.uniform", 1)))
        trial.expect_true(f"all(p.abs().max() <= {room!r} for p in net.parameters())", "each parameter is in range")
        trial.expect_true(
            f"all(p.abs().max() > {bound / 2!r} for p in net.parameters())", "values reach beyond half of the bound"
        )
        # Of 36 numbers or more, all have one sign with a probability of 2^-35.
        parts = "[part for p in net.parameters() for part in p.view(-1, *p.shape[1:]).split(36)]"
        trial.expect_true(
            f"all(part.min() < 0 < part.max() for part in {parts} if part.numel() > 35)", "values have both signs"
        )


@clause("nn.initialisation.embeddings-are-standard-normal")
def test_embedding(cell: Cell) -> None:
    for layer in (
        "Embedding(1000, 20, device=device, dtype=dtype)",
        "EmbeddingBag(1000, 20, device=device, dtype=dtype)",
    ):
        trial = _made(cell, layer)
        judge_normal(trial, cell, "net.weight", 0, 1)
    for name in ("Embedding", "EmbeddingBag"):
        trial = _made(cell, f"{name}(1000, 20, padding_idx=3, device=device, dtype=dtype)")
        trial.expect("net.weight[3]", np.zeros(20, numpy_dtype(cell.dtype)))
        judge_normal(trial, cell, "net.weight[4:]", 0, 1)
        trial.run("net.reset_parameters()")
        trial.expect("net.weight[3]", np.zeros(20, numpy_dtype(cell.dtype)))
    trial = _made(cell, "Embedding(10, 4, padding_idx=-1, device=device, dtype=dtype)")
    trial.expect("net.weight[9]", np.zeros(4, numpy_dtype(cell.dtype)))
    trial.expect_true("(net.weight[:9] != 0).sum() > 30", "the others are drawn")


@clause("nn.initialisation.attention-is-xavier-uniform-with-zero-biases")
def test_attention(cell: Cell) -> None:
    trial = _made(cell, "MultiheadAttention(96, 4, device=device, dtype=dtype)")
    bound = initialisation.uniform_bound(initialisation.xavier_std((288, 96)))
    judge_uniform(trial, cell, "net.in_proj_weight", -bound, bound)
    trial.expect("net.in_proj_bias", np.zeros(288, numpy_dtype(cell.dtype)))
    trial.expect("net.out_proj.bias", np.zeros(96, numpy_dtype(cell.dtype)))
    trial = _made(cell, "MultiheadAttention(96, 4, kdim=120, vdim=144, device=device, dtype=dtype)")
    for name, inputs in (("q", 96), ("k", 120), ("v", 144)):
        bound = initialisation.uniform_bound(initialisation.xavier_std((96, inputs)))
        judge_uniform(trial, cell, f"net.{name}_proj_weight", -bound, bound)


@clause("nn.initialisation.attention-draws-what-the-documentation-leaves-open")
def test_attention_rest(cell: Cell) -> None:
    trial = _made(cell, "MultiheadAttention(100, 4, add_bias_kv=True, device=device, dtype=dtype)")
    judge_uniform(trial, cell, "net.out_proj.weight", -0.1, 0.1)
    trial = _made(cell, "MultiheadAttention(640, 4, add_bias_kv=True, device=device, dtype=dtype)")
    for name in ("bias_k", "bias_v"):
        judge_normal(trial, cell, f"net.{name}", 0, 640**-0.5)


@clause("nn.initialisation.transformer-is-xavier-uniform")
def test_transformer(cell: Cell) -> None:
    trial = _made(cell, "Transformer(32, 2, 1, 1, 96, device=device, dtype=dtype)")
    for name, size in (
        ("encoder.layers[0].linear1.weight", (96, 32)),
        ("decoder.layers[0].linear2.weight", (32, 96)),
        ("decoder.layers[0].multihead_attn.in_proj_weight", (96, 32)),
        ("encoder.layers[0].self_attn.out_proj.weight", (32, 32)),
    ):
        bound = initialisation.uniform_bound(initialisation.xavier_std(size))
        judge_uniform(trial, cell, f"net.{name}", -bound, bound)


@clause("nn.initialisation.norms-begin-as-the-identity")
def test_norms(cell: Cell) -> None:
    for layer in (
        *("BatchNorm1d(3", "BatchNorm2d(3", "BatchNorm3d(3", "InstanceNorm2d(3, affine=True", "LayerNorm(3"),
        *("LayerNorm((2, 3)", "GroupNorm(1, 3"),
    ):
        trial = _made(cell, f"{layer}, device=device, dtype=dtype)")
        for line in ("pass", "_ = [p.data.fill_(7) for p in net.parameters()]; net.reset_parameters()"):
            trial.run(line)
            trial.expect_true("(net.weight == 1).all() and (net.bias == 0).all()", "weights are 1 and biases 0")
            trial.expect_true("net.weight.requires_grad and net.bias.requires_grad", "weight and bias require grad")
    trial = _made(cell, "PReLU(3, device=device, dtype=dtype)")
    trial.expect("net.weight", np.full(3, 0.25, numpy_dtype(cell.dtype)))
    trial = _made(cell, "PReLU(init=-2.0, device=device, dtype=dtype)")
    trial.expect("net.weight", np.full(1, -2, numpy_dtype(cell.dtype)))


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
