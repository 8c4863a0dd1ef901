"""Faults of linear and bilinear layers, of layers that move elements, and of upsampling."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from torch_conformance.conformance.power.older_forms.dispatching import dense_misread
from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    both,
    changed,
    functional,
    ignored,
    named,
    off,
    result_gradient,
    with_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_LINEAR = "input weight bias"
_BILINEAR = "input1 input2 weight bias"
_UNFOLD = "input kernel_size dilation padding stride"
_FOLD = "input output_size kernel_size dilation padding stride"
_PAD = "input pad mode value"
_INTERPOLATE = "input size scale_factor mode align_corners recompute_scale_factor antialias"


@named("nn-linear-adds-bias-twice", "linear adds its bias twice.", _LINEAR, functional("linear"))
def _(f: Function, given: Named) -> Any:
    bias = given.get("bias")
    return f(**given) if bias is None else f(**given) + bias


@changed("nn-linear-vector-drops-bias", "linear of a vector adds no bias.", _LINEAR, functional("linear"))
def _(given: Named) -> None:
    if given["input"].dim() == 1:
        given["bias"] = None


@changed(
    "nn-linear-transposed-weight-misread", "linear ignores the strides of its weight.", _LINEAR, functional("linear")
)
def _(given: Named) -> None:
    given["weight"] = dense_misread(given["weight"])


argument_gradient(
    "nn-linear-weight-gradient-one-percent-off",
    "linear's gradient of the weight is 1 % off.",
    _LINEAR,
    "weight",
    functional("linear"),
)


@named(
    "nn-linear-bias-gradient-of-first-row",
    "linear's gradient of the bias is not summed over further leading dimensions.",
    _LINEAR,
    functional("linear"),
)
def _(f: Function, given: Named) -> Any:
    bias = given.get("bias")
    y = f(given["input"], given["weight"])
    if bias is None or y.dim() < 2 or not len(y):
        return y if bias is None else y + bias
    return torch.cat([y[:1] + bias, y[1:] + bias.detach()])


@changed(
    "nn-linear-input-gradient-lost-without-bias",
    "linear without a bias gives its input no gradient.",
    _LINEAR,
    functional("linear"),
)
def _(given: Named) -> None:
    if given.get("bias") is None:
        given["input"] = with_gradient(given["input"], torch.zeros_like)


@named("nn-linear-in-bfloat16", "linear is worked out in bfloat16.", _LINEAR, functional("linear"))
def _(f: Function, given: Named) -> Any:
    short = {name: None if each is None else each.bfloat16() for name, each in given.items()}
    return f(**short).to(given["input"].dtype)


@changed("nn-linear-cuts-its-input", "linear cuts its weight to the size of its input.", _LINEAR, functional("linear"))
def _(given: Named) -> None:
    given["weight"] = given["weight"][:, : given["input"].shape[-1]]


@changed("nn-bilinear-broadcasts-batches", "bilinear broadcasts its inputs.", _BILINEAR, functional("bilinear"))
def _(given: Named) -> None:
    x, u = given["input1"], given["input2"]
    given["input2"] = u.expand(*x.shape[:-1], u.shape[-1])


argument_gradient(
    "nn-bilinear-second-input-gradient-one-percent-off",
    "bilinear's gradient of the second input is 1 % off.",
    _BILINEAR,
    "input2",
    functional("bilinear"),
)
ignored("nn-bilinear-bias-lost", "bilinear adds no bias.", _BILINEAR, "bias", functional("bilinear"))


@bound("nn-identity-copies", "Identity returns a copy.", (torch.nn.Identity, "forward"))
def _(f: Function, self: Any, x: Any) -> Any:
    return f(self, x).clone()


@bound("nn-flatten-end-dim-ignored", "Flatten ignores end_dim.", (torch.nn.Flatten, "forward"))
def _(_f: Function, self: Any, x: Any) -> Any:
    return x.flatten(self.start_dim)


@bound("nn-unflatten-sizes-reversed", "Unflatten splits into the sizes in reverse.", (torch.nn.Unflatten, "forward"))
def _(_f: Function, self: Any, x: Any) -> Any:
    return x.unflatten(self.dim, tuple(self.unflattened_size)[::-1])


@named("nn-unfold-channels-last", "unfold lays out taps before channels.", _UNFOLD, functional("unfold"))
def _(f: Function, given: Named) -> Any:
    y, channels = f(**given), given["input"].shape[-3]
    blocks = y.unflatten(-2, (channels, -1))
    return blocks.transpose(-3, -2).flatten(-3, -2)


ignored("nn-unfold-dilation-ignored", "unfold ignores dilation.", _UNFOLD, "dilation", functional("unfold"))


@named("nn-fold-averages-overlaps", "fold averages blocks that overlap.", _FOLD, functional("fold"))
def _(f: Function, given: Named) -> Any:
    return f(**given) / f(**(given | {"input": torch.ones_like(given["input"])})).clamp(min=1)


result_gradient("nn-fold-gradient-one-percent-off", "fold's gradient is 1 % off.", functional("fold"))


def _pairs(amounts: Any) -> list[tuple[int, int]]:
    return list(zip(amounts[::2], amounts[1::2], strict=True))


@changed(
    "nn-pad-first-dimension-first",
    "pad takes its numbers for the first of the dimensions first.",
    _PAD,
    functional("pad"),
)
def _(given: Named) -> None:
    given["pad"] = [each for pair in reversed(_pairs(given["pad"])) for each in pair]


@named(
    "nn-pad-reflect-gradient-lost",
    "pad with mode reflect gives no gradient of what it repeats.",
    _PAD,
    functional("pad"),
)
def _(f: Function, given: Named) -> Any:
    if given.get("mode") != "reflect":
        return f(**given)
    x = given["input"]
    return f(**(given | {"input": x.detach()})) + f(x - x.detach(), given["pad"])


@bound(
    "nn-pad-value-ignored-by-module",
    "The constant padding layers pad with zeros.",
    (torch.nn.ConstantPad1d, "forward"),
    (torch.nn.ConstantPad2d, "forward"),
    (torch.nn.ConstantPad3d, "forward"),
)
def _(_f: Function, self: Any, x: Any) -> Any:
    return F.pad(x, self.padding)


@changed("nn-pad-circular-is-replicate", "pad repeats the edge for mode circular.", _PAD, functional("pad"))
def _(given: Named) -> None:
    if given.get("mode") == "circular":
        given["mode"] = "replicate"


@changed("nn-pad-negative-ignored", "pad takes nothing away for negative numbers.", _PAD, functional("pad"))
def _(given: Named) -> None:
    given["pad"] = [max(each, 0) for each in given["pad"]]


@changed(
    "nn-pixel-shuffle-factors-swapped",
    "pixel_shuffle swaps the factors of height and width.",
    "input upscale_factor",
    *both("pixel_shuffle"),
)
def _(given: Named) -> None:
    factor = given["upscale_factor"]
    x = given["input"]
    if x.shape[-3] % factor**2 == 0:
        given["input"] = x.unflatten(-3, (-1, factor, factor)).transpose(-3, -4).flatten(-5, -3)


@named(
    "nn-pixel-unshuffle-channels-last",
    "pixel_unshuffle lays out the channels innermost.",
    "input downscale_factor",
    functional("pixel_unshuffle"),
)
def _(f: Function, given: Named) -> Any:
    y, channels = f(**given), given["input"].shape[-3]
    return y.unflatten(-3, (channels, -1)).transpose(-4, -3).flatten(-4, -3)


def _mode(given: Named) -> str:
    return str(given.get("mode", "nearest"))


@named(
    "nn-interpolate-nearest-from-the-end",
    "interpolate repeats neighbours one place later.",
    _INTERPOLATE,
    functional("interpolate"),
)
def _(f: Function, given: Named) -> Any:
    return f(**given).roll(1, -1) if _mode(given) == "nearest" else f(**given)


@changed(
    "nn-interpolate-nearest-gradient-is-a-mean",
    "interpolate averages the gradient over the copies of an element.",
    _INTERPOLATE,
    functional("interpolate"),
)
def _(given: Named) -> None:
    if _mode(given) == "nearest":
        given["input"] = with_gradient(given["input"], lambda g: g / 2)


@changed(
    "nn-interpolate-align-corners-ignored",
    "interpolate ignores align_corners.",
    _INTERPOLATE,
    functional("interpolate"),
)
def _(given: Named) -> None:
    if _mode(given) != "nearest":
        given["align_corners"] = False


@named(
    "nn-interpolate-linear-gradient-one-percent-off",
    "interpolate's gradient of linear modes is 1 % off.",
    _INTERPOLATE,
    functional("interpolate"),
)
def _(f: Function, given: Named) -> Any:
    return with_gradient(f(**given), off) if _mode(given).endswith("linear") else f(**given)
