"""Encoder and decoder layers of the Transformer, stacks of them, and the whole: values, masks, gradients, dropout."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.attention.cases import (
    FILL,
    drawn,
    exact,
    floating,
    infinite,
    judge_gradients,
    reshaped,
    stored,
    true_forbids,
    weighted,
)
from torch_conformance.conformance.chapters.nn.recurrent.cases import few_bits
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.nn import attention
from torch_conformance.reference.nn.attention import OPEN, Layer, Mask, causal
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]

_REST = "layer_norm_eps=eps, batch_first=batch_first, norm_first=norm_first, device=device, dtype=dtype"
_BY_PLACE = "4, 2, 5, 0.0, activation, eps, batch_first, norm_first"
_BY_NAME = "d_model=4, nhead=2, dim_feedforward=5, dropout=0.0, activation=activation"
_MAKE = {
    "encoder": (
        f"net = torch.nn.TransformerEncoderLayer({_BY_NAME}, {_REST})",
        f"net = torch.nn.TransformerEncoderLayer({_BY_PLACE}, device=device, dtype=dtype)",
    ),
    "decoder": (
        f"net = torch.nn.TransformerDecoderLayer({_BY_NAME}, {_REST})",
        f"net = torch.nn.TransformerDecoderLayer({_BY_PLACE}, device=device, dtype=dtype)",
    ),
}
# The layer and whether batches come first.
_LAYERS = (
    (Layer(2, "relu", norm_first=False, eps=0.25), True),
    (Layer(2, "gelu", norm_first=True, eps=1e-5), False),
    (Layer(2, "relu", norm_first=True, eps=0.5), True),
    (Layer(2, "gelu", norm_first=False, eps=0.125), False),
)


@dataclasses.dataclass
class TransformerCase:
    """A layer with drawn weights: x of 3 steps, memory of 4, batches of 2, 4 features."""

    cell: Cell
    kind: str
    layer: Layer
    batch_first: bool
    generator: np.random.Generator
    bias: bool = True

    def __post_init__(self) -> None:
        """Draw the values."""
        shapes = attention.layer_shapes(4, 5, decoder=self.kind == "decoder", bias=self.bias)
        self.weights = drawn(shapes, self.cell, self.generator)
        self.x, self.memory = (exact(few_bits(self.generator, (steps, 2, 4)), self.cell) for steps in (3, 4))

    def moved(self, array: Array) -> Array:
        """Return steps by batch by features in the layer's layout."""
        return array.swapaxes(0, 1) if self.batch_first else array

    def trial(self, *, by_place: bool = False, make: str = "", **more: Any) -> Trial:
        """Begin a transcript with a module `net`, x and memory."""
        more = {name: stored(value, self.cell) for name, value in more.items()}
        for name, each in (("x", self.x), ("memory", self.memory)):
            more[name] = stored(self.moved(each.data.values), self.cell)
        options = {"activation": self.layer.activation, "eps": self.layer.eps, "norm_first": self.layer.norm_first}
        more |= {**options, "batch_first": self.batch_first}
        trial = self.cell.trial(**more, **weighted(self.weights, self.cell))
        trial.run(make or _MAKE[self.kind][by_place])
        trial.run(FILL)
        return trial

    def answer(self, masks: tuple[Mask, Mask] = (OPEN, OPEN)) -> Variable:
        """Return the layer's output, steps first."""
        if self.kind == "decoder":
            return attention.decoder_layer(self.layer, self.x, self.memory, self.weights, masks)
        return attention.encoder_layer(self.layer, self.x, self.weights, masks[0])

    def judge(
        self, trial: Trial, call: str, masks: tuple[Mask, Mask] = (OPEN, OPEN), *, without_gradients: bool = True
    ) -> None:
        """Judge the layer in training and in evaluation, with and, where asked, without gradients."""
        expected = self.laid_out(self.answer(masks))
        lines = ("net.train(); y = {}", "net.eval(); y = {}", "with torch.no_grad(): y = {}")
        for line in lines if without_gradients else lines[:2]:
            trial.run(line.format(call))
            expect(trial, "y", expected)

    def laid_out(self, result: Variable) -> Variable:
        """Return a result in the layer's layout."""
        return tape.taken(result, self.moved(tape.places_of(result.shape)))


def _layers(cell: Cell) -> tuple[tuple[Layer, bool], ...]:
    return _LAYERS[: max(2, min(cell.profile.examples, len(_LAYERS)))]


@clause("nn.transformer.encoder-layer-gives-values")
def test_encoder(cell: Cell) -> None:
    generator = cell.generator()
    for place, (layer, batch_first) in enumerate(_layers(cell)):
        asked = TransformerCase(cell, "encoder", layer, batch_first, generator)
        asked.judge(asked.trial(by_place=place % 2 == 1), "net(x)")


@clause("nn.transformer.encoder-layer-masks")
def test_encoder_masks(cell: Cell) -> None:
    generator = cell.generator()
    for layer, batch_first in _layers(cell)[: 2 if cell.profile.examples > 2 else 1]:
        asked = TransformerCase(cell, "encoder", layer, batch_first, generator)
        for made in (true_forbids, floating, infinite):
            own, padding = made(generator, (3, 3)), made(generator, (2, 3))
            over = reshaped(padding.mask, 2, 1, 1, 3)
            trial = asked.trial(own=own.argument, padding=padding.argument)
            for call, mask in (
                ("net(x, own)", own.mask),
                ("net(src=x, src_key_padding_mask=padding)", over),
                ("net(x, src_mask=own, src_key_padding_mask=padding)", own.mask & over),
            ):
                asked.judge(trial, call, (mask, OPEN), without_gradients=made is not floating)


@clause("nn.transformer.encoder-layer-gives-gradients")
def test_encoder_gradients(cell: Cell) -> None:
    generator = cell.generator()
    for layer, batch_first in _layers(cell):
        _judge_gradients(TransformerCase(cell, "encoder", layer, batch_first, generator), "net(x, src_mask=own)")


def _judge_gradients(asked: TransformerCase, call: str) -> None:
    own = floating(asked.generator, (3, 3))
    cotangent = few_bits(asked.generator, (3, 2, 4))
    trial = asked.trial(own=own.argument, g=asked.moved(cotangent))
    trial.run("_ = x.requires_grad_(), memory.requires_grad_()")
    trial.run(f"{call}.backward(g)")
    layout = ".transpose(0, 1)" if asked.batch_first else ""
    leaves = {f"held[{name!r}].grad": each for name, each in asked.weights.items()}
    leaves[f"x.grad{layout}"] = asked.x
    if asked.kind == "decoder":
        leaves[f"memory.grad{layout}"] = asked.memory
    judge_gradients(trial, asked.cell, [asked.answer((own.mask, OPEN))], [cotangent], leaves)


@clause("nn.transformer.decoder-layer-gives-values")
def test_decoder(cell: Cell) -> None:
    generator = cell.generator()
    for place, (layer, batch_first) in enumerate(_layers(cell)):
        asked = TransformerCase(cell, "decoder", layer, batch_first, generator)
        asked.judge(asked.trial(by_place=place % 2 == 1), "net(x, memory)")


@clause("nn.transformer.decoder-layer-masks")
def test_decoder_masks(cell: Cell) -> None:
    generator = cell.generator()
    for layer, batch_first in _layers(cell)[: 2 if cell.profile.examples > 2 else 1]:
        asked = TransformerCase(cell, "decoder", layer, batch_first, generator)
        for made in (true_forbids, floating, infinite):
            own, other = made(generator, (3, 3)), made(generator, (3, 4))
            padded, forgotten = made(generator, (2, 3)), made(generator, (2, 4))
            over, beyond = reshaped(padded.mask, 2, 1, 1, 3), reshaped(forgotten.mask, 2, 1, 1, 4)
            trial = asked.trial(
                own=own.argument,
                other=other.argument,
                padded=padded.argument,
                forgotten=forgotten.argument,
            )
            for call, pair in (
                ("net(x, memory, own, other)", (own.mask, other.mask)),
                (
                    "net(tgt=x, memory=memory, tgt_key_padding_mask=padded, memory_key_padding_mask=forgotten)",
                    (over, beyond),
                ),
                (
                    "net(x, memory, memory_mask=other, tgt_mask=own, tgt_key_padding_mask=padded)",
                    (own.mask & over, other.mask),
                ),
            ):
                asked.judge(trial, call, pair, without_gradients=made is not floating)


@clause("nn.transformer.decoder-layer-gives-gradients")
def test_decoder_gradients(cell: Cell) -> None:
    generator = cell.generator()
    for layer, batch_first in _layers(cell)[: 2 if cell.dtype == "float32" else 4]:
        _judge_gradients(
            TransformerCase(cell, "decoder", layer, batch_first, generator), "net(x, memory, tgt_mask=own)"
        )


@clause("nn.transformer.layers-without-bias")
def test_without_bias(cell: Cell) -> None:
    generator = cell.generator()
    for kind, call, names in (("encoder", "net(x)", "Encoder"), ("decoder", "net(x, memory)", "Decoder")):
        asked = TransformerCase(cell, kind, _LAYERS[1][0], batch_first=True, generator=generator, bias=False)
        make = f"net = torch.nn.Transformer{names}Layer(4, 2, 5, 0.0, activation, bias=False, {_REST})"
        trial = asked.trial(make=make)
        trial.expect_true("net.linear1.bias is None and net.norm1.bias is None", "there are no biases")
        asked.judge(trial, call)


@clause("nn.transformer.names-and-shapes-its-parameters")
def test_parameters(cell: Cell) -> None:
    for kind in ("encoder", "decoder"):
        asked = TransformerCase(cell, kind, _LAYERS[0][0], batch_first=True, generator=cell.generator())
        shapes = attention.layer_shapes(4, 5, decoder=kind == "decoder")
        trial = asked.trial()
        trial.expect_equal("[n for n, _ in net.named_parameters()]", list(shapes))
        trial.expect_equal("list(net.state_dict())", list(shapes))
        trial.expect_equal("[tuple(p.shape) for p in net.parameters()]", list(shapes.values()))
        trial.run(f"wide = torch.nn.Transformer{kind.capitalize()}Layer(8, 4, device=device)")
        trial.expect_equal("tuple(wide.linear1.weight.shape)", (2048, 8))
        trial.expect_equal(
            "[m.p for m in wide.modules() if isinstance(m, torch.nn.Dropout)]", [0.1] * (3 + (kind == "decoder"))
        )
        trial.expect_true(
            "wide.norm1.eps == 1e-5 and not wide.norm_first", "layer_norm_eps is 1e-5 and norm_first False by default"
        )


@clause("nn.transformer.drops-in-training-alone")
def test_dropout(cell: Cell) -> None:
    generator = cell.generator()
    for kind, call in (("encoder", "net(x)"), ("decoder", "net(x, memory)")):
        asked = TransformerCase(cell, kind, Layer(2, "relu", norm_first=True), batch_first=True, generator=generator)
        make = _MAKE[kind][0].replace("dropout=0.0", "dropout=1.0")
        trial = asked.trial(make=make)
        trial.run(f"y = {call}")
        # Whatever the blocks give is dropped: the residual stays.
        trial.expect("y", asked.moved(asked.x.data.values).astype(numpy_dtype(cell.dtype)))
        trial.run(f"y = net.eval(){call[3:]}")
        expect(trial, "y", asked.laid_out(asked.answer()))


@clause("nn.transformer.stacks-run-their-layers-in-turn")
def test_stacks(cell: Cell) -> None:
    generator = cell.generator()
    for kind in ("encoder", "decoder"):
        layer = Layer(2, "relu", norm_first=kind == "encoder", eps=0.25)
        asked = [TransformerCase(cell, kind, layer, batch_first=False, generator=generator) for _ in range(2)]
        norm = drawn({"norm.weight": (4,), "norm.bias": (4,)}, cell, generator)
        whole = {f"layers.{place}.{name}": each for place in range(2) for name, each in asked[place].weights.items()}
        made = {"encoder": ", enable_nested_tensor=False", "decoder": ""}[kind]
        inputs = weighted({**whole, **norm}, cell)
        extra = {"x": stored(asked[0].x, cell), "memory": stored(asked[0].memory, cell), "own": _causal_mask(cell)}
        trial = cell.trial(**inputs, **extra)
        first = kind == "encoder"
        name = kind.capitalize()
        trial.run(
            f"layer = torch.nn.Transformer{name}Layer(4, 2, 5, 0.0, layer_norm_eps=0.25, norm_first={first}, "
            "device=device, dtype=dtype)"
        )
        trial.run("norm = torch.nn.LayerNorm(4, eps=0.5, device=device, dtype=dtype)")
        trial.run(f"net = torch.nn.Transformer{name}(layer, num_layers=2, norm=norm{made})")
        trial.expect_true("net.layers[0] is not net.layers[1] and net.layers[0] is not layer", "layers are copies")
        trial.expect_true(
            "torch.equal(net.layers[0].linear1.weight, net.layers[1].linear1.weight)",
            "layers have the weights of the layer that was given",
        )
        trial.run(FILL)
        for mask, call in ((OPEN, ""), (causal(3, 3), "own")):
            y = asked[0].x
            for each in asked:
                each.x, each.memory = y, asked[0].memory
                y = each.answer((mask, OPEN))
            expected = attention.layer_norm(y, norm, "norm", 0.5)
            argument = f", {'mask' if first else 'tgt_mask'}=own" if call else ""
            asked[0].x = exact(asked[0].x.data.values, cell)
            for mode in ("train", "eval"):
                trial.run(f"_ = net.{mode}()")
                expect(trial, f"net(x{'' if first else ', memory'}{argument})", expected)
        trial.run("net.norm = None")
        expect(trial, f"net(x{'' if first else ', memory'}{argument})", y)


def _causal_mask(cell: Cell) -> Any:
    return stored(np.where(np.tril(np.ones((3, 3))) > 0, 0.0, -np.inf), cell)


@clause("nn.transformer.generates-the-causal-mask")
def test_square_mask(cell: Cell) -> None:
    trial = cell.trial()
    for size in (1, 2, 5):
        expected = np.where(np.tril(np.ones((size, size))) > 0, 0.0, -np.inf)
        call = f"torch.nn.Transformer.generate_square_subsequent_mask({size}, device=device)"
        trial.expect(call, expected.astype(np.float32))


@clause("nn.transformer.generates-the-causal-mask-in-a-dtype")
def test_square_mask_dtype(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    for size in (1, 4):
        expected = np.where(np.tril(np.ones((size, size))) > 0, 0.0, -np.inf).astype(numpy_dtype(cell.dtype))
        trial.expect(f"torch.nn.Transformer.generate_square_subsequent_mask({size}, device, dtype)", expected)


@clause("nn.transformer.whole-is-encoder-and-decoder")
def test_whole(cell: Cell) -> None:
    generator = cell.generator()
    encoder = TransformerCase(
        cell, "encoder", Layer(2, "gelu", norm_first=True), batch_first=False, generator=generator
    )
    decoder = TransformerCase(
        cell, "decoder", Layer(2, "gelu", norm_first=True), batch_first=False, generator=generator
    )
    final = {name: drawn({"n.weight": (4,), "n.bias": (4,)}, cell, generator) for name in ("encoder", "decoder")}
    whole = {
        f"{side}.{name}": each
        for side, asked in (("encoder", encoder), ("decoder", decoder))
        for name, each in {
            **{f"layers.0.{n}": w for n, w in asked.weights.items()},
            **{f"norm.{n[2:]}": w for n, w in final[side].items()},
        }.items()
    }
    inputs = weighted(whole, cell)
    source = exact(few_bits(generator, (4, 2, 4)), cell)
    trial = cell.trial(**inputs, source=stored(source, cell), x=stored(decoder.x, cell), own=_causal_mask(cell))
    trial.run(
        "net = torch.nn.Transformer(4, 2, 1, 1, 5, 0.0, activation='gelu', norm_first=True, device=device, dtype=dtype)"
    )
    trial.run(FILL)
    encoder.x = source
    memory = attention.layer_norm(encoder.answer(), final["encoder"], "n", 1e-5)
    decoder.memory = memory
    expected = attention.layer_norm(decoder.answer((causal(3, 3), OPEN)), final["decoder"], "n", 1e-5)
    for mode in ("train", "eval"):
        trial.run(f"_ = net.{mode}()")
        expect(trial, "net(source, x, tgt_mask=own)", expected)
        expect(trial, "net.encoder(source)", memory)
    trial.expect_error("net(source[:, :1], x)", RuntimeError)
    trial.expect_error("net(source[..., :3], x)", RuntimeError)
