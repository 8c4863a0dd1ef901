"""Faults of linear and bilinear layers, of layers that move elements, and of upsampling."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.chapters.nn.faults.layers import BILINEAR, LINEAR
from torch_conformance.conformance.power.argument_forms import arguments_set, replaced_by_name
from torch_conformance.conformance.power.damage import off, read_as_dense, scaled
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function


@replaced_by_name("nn-linear-adds-bias-twice", "linear adds its bias twice.", "F.linear", order=LINEAR)
def _(f: Function, given: Named) -> Any:
    bias = given.get("bias")
    return f(**given) if bias is None else f(**given) + bias


@replaced_by_name(
    "nn-linear-bias-gradient-of-first-row",
    "linear's gradient of the bias is not summed over further leading dimensions.",
    "F.linear",
    order=LINEAR,
)
def _(f: Function, given: Named) -> Any:
    bias = given.get("bias")
    y = f(given["input"], given["weight"])
    if bias is None or y.dim() < 2 or not len(y):
        return y if bias is None else y + bias
    return torch.cat([y[:1] + bias, y[1:] + bias.detach()])


@replaced_by_name("nn-linear-in-bfloat16", "linear is worked out in bfloat16.", "F.linear", order=LINEAR)
def _(f: Function, given: Named) -> Any:
    short = {name: None if each is None else each.bfloat16() for name, each in given.items()}
    return f(**short).to(given["input"].dtype)


arguments_set("nn-linear-vector-drops-bias", "linear of a vector adds no bias.", "F.linear", order=LINEAR)(
    lambda given: {"bias": None} if given["input"].dim() == 1 else {}
)
arguments_set("nn-linear-transposed-weight-misread", "linear ignores its weight's strides.", "F.linear", order=LINEAR)(
    lambda given: {"weight": read_as_dense(given["weight"])}
)
arguments_set("nn-linear-cuts-its-input", "linear cuts its weight to its input's size.", "F.linear", order=LINEAR)(
    lambda given: {"weight": given["weight"][:, : given["input"].shape[-1]]}
)
arguments_set(
    "nn-linear-input-gradient-lost-without-bias",
    "linear without a bias gives its input no gradient.",
    "F.linear",
    when=lambda given: given.get("bias") is None,
    order=LINEAR,
)(lambda given: {"input": with_gradient(given["input"], torch.zeros_like)})
arguments_set("nn-bilinear-broadcasts-batches", "bilinear broadcasts its inputs.", "F.bilinear", order=BILINEAR)(
    lambda given: {"input2": given["input2"].expand(*given["input1"].shape[:-1], given["input2"].shape[-1])}
)

replaced("nn-identity-copies", "Identity returns a copy.", "nn.Identity.forward")(lambda f, self, x: f(self, x).clone())
replaced("nn-unflatten-sizes-reversed", "Unflatten splits into reversed sizes.", "nn.Unflatten.forward")(
    lambda _f, self, x: x.unflatten(self.dim, tuple(self.unflattened_size)[::-1])
)


@replaced_by_name("nn-unfold-channels-last", "unfold lays out taps before channels.", "F.unfold")
def _(f: Function, given: Named) -> Any:
    blocks = f(**given).unflatten(-2, (given["input"].shape[-3], -1))
    return blocks.transpose(-3, -2).flatten(-3, -2)


replaced_by_name("nn-fold-averages-overlaps", "fold averages blocks that overlap.", "F.fold")(
    lambda f, given: f(**given) / f(**(given | {"input": torch.ones_like(given["input"])})).clamp(min=1)
)


@arguments_set("nn-pad-first-dimension-first", "pad takes its numbers for the first dimension first.", "F.pad")
def _(given: Named) -> Named:
    amounts = given["pad"]
    pairs = [amounts[place : place + 2] for place in range(0, len(amounts), 2)]
    return {"pad": [each for pair in reversed(pairs) for each in pair]}


@replaced_by_name("nn-pad-reflect-gradient-lost", "pad's reflection passes no gradient of what it repeats.", "F.pad")
def _(f: Function, given: Named) -> Any:
    if given.get("mode") != "reflect":
        return f(**given)
    x = given["input"]
    return f(**(given | {"input": x.detach()})) + f(x - x.detach(), given["pad"])


arguments_set("nn-pad-circular-is-replicate", "pad repeats the edge for mode circular.", "F.pad")(
    lambda given: {"mode": "replicate"} if given.get("mode") == "circular" else {}
)
arguments_set("nn-pad-negative-ignored", "pad takes nothing away for negative numbers.", "F.pad")(
    lambda given: {"pad": [max(each, 0) for each in given["pad"]]}
)


@arguments_set(
    "nn-pixel-shuffle-factors-swapped",
    "pixel_shuffle swaps the factors of height and width.",
    "F.pixel_shuffle",
    "torch.pixel_shuffle",
    order="input upscale_factor",
)
def _(given: Named) -> Named:
    x, factor = given["input"], given["upscale_factor"]
    if x.shape[-3] % factor**2:
        return {}
    return {"input": x.unflatten(-3, (-1, factor, factor)).transpose(-3, -4).flatten(-5, -3)}


@replaced_by_name(
    "nn-pixel-unshuffle-channels-last",
    "pixel_unshuffle lays out the channels innermost.",
    "F.pixel_unshuffle",
    order="input downscale_factor",
)
def _(f: Function, given: Named) -> Any:
    y = f(**given).unflatten(-3, (given["input"].shape[-3], -1))
    return y.transpose(-4, -3).flatten(-4, -3)


def _nearest(given: Named) -> bool:
    return bool(given.get("mode", "nearest") == "nearest")


replaced_by_name("nn-interpolate-nearest-from-the-end", "interpolate repeats one place later.", "F.interpolate")(
    lambda f, given: f(**given).roll(1, -1) if _nearest(given) else f(**given)
)
replaced_by_name(
    "nn-interpolate-linear-gradient-one-percent-off", "interpolate's linear gradients are 1 % off.", "F.interpolate"
)(lambda f, given: with_gradient(f(**given), off) if given.get("mode", "").endswith("linear") else f(**given))
arguments_set(
    "nn-interpolate-nearest-gradient-is-a-mean",
    "interpolate averages the gradient over copies.",
    "F.interpolate",
    when=_nearest,
)(lambda given: {"input": with_gradient(given["input"], scaled(1 / 2))})
arguments_set("nn-interpolate-align-corners-ignored", "interpolate ignores align_corners.", "F.interpolate")(
    lambda given: {} if _nearest(given) else {"align_corners": False}
)
