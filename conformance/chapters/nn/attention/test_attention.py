"""MultiheadAttention: output, weights, masks, gradients, dropout, parameters."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.attention.cases import (
    FILL,
    Masking,
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
from torch_conformance.reference.nn import attention
from torch_conformance.reference.nn.attention import OPEN, Mask, causal
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives_reductions as reductions

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Multihead:
    """Options of a MultiheadAttention, of 4 features and 2 heads, and of its call; sizes of the inputs."""

    bias: bool = True
    bias_kv: bool = False
    zero: bool = False
    widths: tuple[int, int] = (4, 4)
    batch_first: bool = False
    batched: bool = True
    alike: bool = False

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the parameters, in order."""
        found: dict[str, tuple[int, ...]] = {}
        if self.widths == (4, 4):
            found["in_proj_weight"] = (12, 4)
        else:
            found |= {f"{n}_proj_weight": (4, width) for n, width in zip("qkv", (4, *self.widths), strict=True)}
        if self.bias:
            found["in_proj_bias"] = (12,)
        if self.bias_kv:
            found |= {"bias_k": (1, 1, 4), "bias_v": (1, 1, 4)}
        found["out_proj.weight"] = (4, 4)
        if self.bias:
            found["out_proj.bias"] = (4,)
        return found


_OPTIONS = (
    Multihead(batch_first=True, alike=True),
    Multihead(bias=False, bias_kv=True, widths=(3, 5)),
    Multihead(zero=True, batched=False),
    Multihead(bias_kv=True, zero=True, batch_first=True),
    Multihead(widths=(4, 6), bias=True, batch_first=True, batched=False),
    Multihead(alike=True, bias=False),
)
_MAKE = (
    "net = torch.nn.MultiheadAttention(embed_dim=4, num_heads=2, bias=bias, add_bias_kv=bias_kv, add_zero_attn=zero, "
    "kdim=kdim, vdim=vdim, batch_first=batch_first, device=device, dtype=dtype)"
)
_MAKE_BY_PLACE = (
    "net = torch.nn.MultiheadAttention(4, 2, 0.0, bias, bias_kv, zero, kdim, vdim, batch_first, device, dtype)"
)


class MultiheadCase:
    """A MultiheadAttention with drawn weights and inputs, 3 queries, 4 keys, a batch of 2."""

    def __init__(self, cell: Cell, options: Multihead, generator: np.random.Generator) -> None:
        """Draw the values."""
        self.cell, self.options = cell, options
        self.weights = drawn(options.shapes(), cell, generator)
        batch = 2 if options.batched else 1
        sizes = ((3, batch, 4), (4, batch, options.widths[0]), (4, batch, options.widths[1]))
        values = [exact(few_bits(generator, size), cell) for size in sizes]
        self.inputs = [values[0]] * 3 if options.alike else values
        self.keys, self.batch = 3 if options.alike else 4, batch

    def trial(self, **more: Any) -> Trial:
        """Begin a transcript with a module `net` and inputs q, k and v, laid out as the options say."""
        options = self.options
        flags = {name: getattr(options, name) for name in ("bias", "bias_kv", "zero", "batch_first")}
        laid = {
            name: stored(self.moved(each.data.values), self.cell) for name, each in zip("qkv", self.inputs, strict=True)
        }
        more = {name: value if value is None else stored(value, self.cell) for name, value in more.items()}
        widths = {"kdim": options.widths[0], "vdim": options.widths[1]}
        trial = self.cell.trial(**laid, **flags, **widths, **more, **weighted(self.weights, self.cell))
        trial.run(_MAKE_BY_PLACE if options.zero else _MAKE)
        trial.run(FILL)
        if options.alike:
            trial.run("k = v = q")
        return trial

    def moved(self, array: Array) -> Array:
        """Return steps by batch by features in the layout that the options ask for."""
        if not self.options.batched:
            return array.squeeze(1)
        return array.swapaxes(0, 1) if self.options.batch_first else array

    def answer(self, mask: Mask = OPEN, **more: Any) -> tuple[Variable, Variable]:
        """Return output and weights per head."""
        first, second, third = self.inputs
        options = self.options
        return attention.multi_head((first, second, third), self.weights, 2, mask, zero_attention=options.zero, **more)

    def judge(self, trial: Trial, arguments: str, mask: Mask = OPEN, *, without_gradients: bool = True) -> None:
        """Judge output and weights, averaged or not or not asked for, in both modes, with no_grad and without."""
        output, weights = self.answer(mask)
        averaged = reductions.mean(weights, 1)
        laid = self.moved_result(output)
        for mode in ("net.train()", "net.eval()"):
            trial.run(f"_ = {mode}")
            trial.run(f"y, w = net(q, k, v{arguments})")
            expect(trial, "y", laid)
            expect(trial, "w", self._unbatched(averaged, 0))
            trial.run(f"y, w = net(q, k, v{arguments}, average_attn_weights=False)")
            expect(trial, "y", laid)
            expect(trial, "w", self._unbatched(weights, 0))
            unneeded = f"y, w = net(q, k, v{arguments}, need_weights=False)"
            for line in (unneeded, f"with torch.no_grad(): {unneeded}")[: 1 + without_gradients]:
                trial.run(line)
                expect(trial, "y", laid)
                trial.expect_true("w is None", "weights that are not needed are None")

    def moved_result(self, output: Variable) -> Variable:
        """Return an output in the layout that the options ask for."""
        return tape.taken(output, self.moved(tape.places_of(output.shape)))

    def _unbatched(self, weights: Variable, axis: int) -> Variable:
        if self.options.batched:
            return weights
        return tape.taken(weights, tape.places_of(weights.shape).squeeze(axis))


def _options(cell: Cell) -> tuple[Multihead, ...]:
    return _OPTIONS[: max(3, min(cell.profile.examples, len(_OPTIONS)))]


@clause("nn.attention.multihead-gives-output-and-weights")
def test_multihead(cell: Cell) -> None:
    generator = cell.generator()
    for options in _options(cell):
        asked = MultiheadCase(cell, options, generator)
        asked.judge(asked.trial(), "")


@clause("nn.attention.multihead-masks")
def test_multihead_masks(cell: Cell) -> None:
    generator = cell.generator()
    for place, options in enumerate(_options(cell)[: max(2, cell.profile.examples)]):
        asked = MultiheadCase(cell, options, generator)
        batch, keys = asked.batch, asked.keys
        masks = (
            true_forbids(generator, (3, keys)),
            floating(generator, (3, keys)),
            true_forbids(generator, (2 * batch, 3, keys)),
            floating(generator, (2 * batch, 3, keys)),
        )
        padding = (true_forbids(generator, (batch, keys)), floating(generator, (batch, keys)))
        for turn, mask in enumerate(masks):
            whole = reshaped(mask.mask, batch, 2, 3, keys) if turn >= 2 else mask.mask
            given, with_bool = asked.trial(mask=mask.argument), turn % 2 == 0
            asked.judge(given, ", attn_mask=mask", whole, without_gradients=with_bool)
            # Both masks are of one kind: mixing them is deprecated.
            if turn % 2 == place % 2:
                over = padding[turn % 2]
                arguments = _padded(asked, over)
                given = asked.trial(mask=mask.argument, padding=arguments)
                both = whole & _spread(over.mask)
                call = ", key_padding_mask=padding, attn_mask=mask"
                asked.judge(given, call, both, without_gradients=with_bool)
        over = padding[place % 2]
        given = asked.trial(padding=_padded(asked, over))
        asked.judge(given, ", padding", _spread(over.mask), without_gradients=place % 2 == 0)


@clause("nn.attention.multihead-adds-floating-masks-without-gradients")
def test_multihead_floating(cell: Cell) -> None:
    generator = cell.generator()
    for options in (Multihead(batch_first=True, alike=True), Multihead(alike=True), Multihead(batch_first=True)):
        asked = MultiheadCase(cell, options, generator)
        for made in (floating, infinite):
            mask, padding = made(generator, (3, asked.keys)), made(generator, (2, asked.keys))
            given = asked.trial(mask=mask.argument, padding=padding.argument)
            asked.judge(given, ", attn_mask=mask", mask.mask)
            asked.judge(given, ", key_padding_mask=padding", _spread(padding.mask))
            asked.judge(given, ", attn_mask=mask, key_padding_mask=padding", mask.mask & _spread(padding.mask))


def _spread(mask: Mask) -> Mask:
    """Return a mask over batch and keys as one over batch, heads, queries and keys."""
    keys = next(each for each in (mask.allowed, mask.added) if each is not None).shape
    return reshaped(mask, keys[0], 1, 1, keys[1])


def _padded(asked: MultiheadCase, masking: Masking) -> Array:
    argument = np.asarray(masking.argument)
    return argument if asked.options.batched else argument[0]


@clause("nn.attention.multihead-gives-gradients")
def test_multihead_gradients(cell: Cell) -> None:
    generator = cell.generator()
    for options in _options(cell):
        asked = MultiheadCase(cell, options, generator)
        mask = floating(generator, (3, asked.keys))
        output, weights = asked.answer(mask.mask)
        cotangents = [few_bits(generator, output.shape), few_bits(generator, weights.shape)]
        given = _with_cotangents(asked, mask, cotangents)
        given.run("[each.requires_grad_() for each in (q, k, v)]")
        given.run("y, w = net(q, k, v, attn_mask=mask, average_attn_weights=False)")
        given.run("torch.autograd.backward([y, w], [g, gw])")
        leaves = {f"held[{name!r}].grad": each for name, each in asked.weights.items()}
        entered = dict(zip(("q", "k", "v"), asked.inputs, strict=True))
        if options.alike:
            entered = {"q": asked.inputs[0]}
        layout = ".transpose(0, 1)" if options.batch_first and options.batched else ""
        layout = layout if options.batched else ".unsqueeze(1)"
        leaves |= {f"{name}.grad{layout}": each for name, each in entered.items()}
        judge_gradients(given, cell, [output, weights], cotangents, leaves)


def _with_cotangents(asked: MultiheadCase, mask: Masking, cotangents: list[Array]) -> Trial:
    weights = cotangents[1] if asked.options.batched else cotangents[1][0]
    return asked.trial(mask=mask.argument, g=asked.moved(cotangents[0]), gw=weights)


@clause("nn.attention.multihead-drops-weights-in-training-alone")
def test_multihead_dropout(cell: Cell) -> None:
    generator = cell.generator()
    for options in (Multihead(batch_first=True), Multihead(alike=True)):
        asked = MultiheadCase(cell, options, generator)
        trial = asked.trial()
        trial.run("net.dropout = 1.0")
        dropped = asked.moved_result(asked.answer(dropped=True)[0])
        for arguments in ("", ", need_weights=False"):
            trial.run(f"y, w = net.train()(q, k, v{arguments})")
            expect(trial, "y", dropped)
        trial.run("net.eval()")
        expected = asked.moved_result(asked.answer()[0])
        for arguments in ("", ", need_weights=False"):
            trial.run(f"y, w = net(q, k, v{arguments})")
            expect(trial, "y", expected)


@clause("nn.attention.multihead-takes-a-causal-hint")
def test_multihead_causal(cell: Cell) -> None:
    generator = cell.generator()
    for options in (Multihead(alike=True, batch_first=True), Multihead(alike=True)):
        asked = MultiheadCase(cell, options, generator)
        forbidden = ~np.tril(np.ones((3, 3), dtype=np.bool_))
        trial = asked.trial(mask=forbidden)
        asked.judge(trial, ", attn_mask=mask, is_causal=True", causal(3, 3))
        trial.expect_error("net(q, k, v, is_causal=True)", RuntimeError)


@clause("nn.attention.multihead-names-and-shapes-its-parameters")
def test_multihead_parameters(cell: Cell) -> None:
    for options in _OPTIONS:
        shapes = options.shapes()
        trial = MultiheadCase(cell, options, cell.generator()).trial()
        trial.expect_equal("[n for n, _ in net.named_parameters()]", list(shapes))
        trial.expect_equal("list(net.state_dict())", list(shapes))
        trial.expect_equal("[tuple(p.shape) for p in net.parameters()]", list(shapes.values()))
        trial.expect_true(
            "all(p.dtype == dtype and p.requires_grad for p in net.parameters())",
            "parameters have the dtype that was asked for",
        )
    trial.expect_error("torch.nn.MultiheadAttention(5, 2)", AssertionError, ValueError)
    trial.expect_error("torch.nn.MultiheadAttention(4, 3, batch_first=True)", AssertionError, ValueError)


@clause("nn.attention.multihead-refuses-what-does-not-fit")
def test_multihead_misfits(cell: Cell) -> None:
    trial = MultiheadCase(cell, Multihead(), cell.generator()).trial()
    kinds = (RuntimeError, ValueError, AssertionError)
    for arguments in (
        *("q[..., :3], k, v", "q, k[..., :3], v", "q, k, v[..., :3]", "q, k[:2], v", "q[0, 0], k, v", "q, k[:, :1], v"),
        "q, k, v, attn_mask=torch.zeros(3, 3, device=device, dtype=torch.bool)",
        "q, k, v, attn_mask=torch.zeros(2, 3, 4, device=device, dtype=torch.bool)",
        "q, k, v, key_padding_mask=torch.zeros(2, 3, device=device, dtype=torch.bool)",
        "q, k, v, key_padding_mask=torch.zeros(4, 2, device=device, dtype=torch.bool)",
    ):
        trial.expect_error(f"net({arguments})", *kinds)
        trial.expect_error(f"net({arguments}, need_weights=False)", *kinds)
