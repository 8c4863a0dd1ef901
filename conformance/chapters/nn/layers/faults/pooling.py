"""Faults of pooling layers."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    changed,
    functional,
    ignored,
    named,
    result_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_MAX = "input kernel_size stride padding dilation ceil_mode return_indices"
_AVERAGE = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
_ADAPTIVE = "input output_size return_indices"
_POWER = "input norm_type kernel_size stride ceil_mode"
_UNPOOL = "input indices kernel_size stride padding output_size"


@changed("nn-max-pool1d-pads-with-zero", "max_pool1d pads with zeros.", _MAX, functional("max_pool1d"))
def _(given: Named) -> None:
    padding = given.pop("padding", 0)
    amount = padding[0] if isinstance(padding, tuple) else padding
    given["input"] = F.pad(given["input"], (amount, amount))


ignored("nn-max-pool2d-ceil-mode-ignored", "max_pool2d ignores ceil_mode.", _MAX, "ceil_mode", functional("max_pool2d"))


@named("nn-max-pool2d-index-along-the-row", "max_pool2d tells places in the row.", _MAX, functional("max_pool2d"))
def _(f: Function, given: Named) -> Any:
    result = f(**given)
    return (result[0], result[1] % given["input"].shape[-1]) if isinstance(result, tuple) else result


ignored("nn-max-pool3d-dilation-ignored", "max_pool3d ignores dilation.", _MAX, "dilation", functional("max_pool3d"))
result_gradient("nn-max-pool1d-gradient-one-percent-off", "max_pool1d's gradient is 1 % off.", functional("max_pool1d"))
argument_gradient(
    "nn-max-pool2d-gradient-of-overlap-lost",
    "max_pool2d's gradients of windows that overlap do not add up.",
    _MAX,
    "input",
    functional("max_pool2d"),
    change=lambda g: g.clamp(-3, 3),
)
argument_gradient(
    "nn-max-pool3d-gradient-at-first-element",
    "max_pool3d's gradient lies one element beside the largest.",
    _MAX,
    "input",
    functional("max_pool3d"),
    change=lambda g: g.roll(1, -1),
)

ignored(
    "nn-avg-pool1d-count-include-pad-ignored",
    "avg_pool1d always counts the padding.",
    _AVERAGE,
    "count_include_pad",
    functional("avg_pool1d"),
)
ignored(
    "nn-avg-pool2d-divisor-override-ignored",
    "avg_pool2d ignores divisor_override.",
    _AVERAGE,
    "divisor_override",
    functional("avg_pool2d"),
)


@bound(
    "nn-avg-pool2d-module-ceil-mode-lost", "The module AvgPool2d ignores ceil_mode.", (torch.nn.AvgPool2d, "forward")
)
def _(f: Function, self: Any, *a: Any) -> Any:
    self.ceil_mode = False
    return f(self, *a)


ignored(
    "nn-avg-pool3d-counts-no-padding",
    "avg_pool3d never counts the padding.",
    _AVERAGE,
    "count_include_pad",
    functional("avg_pool3d"),
    value=False,
)
result_gradient(
    "nn-avg-pool1d-gradient-not-divided",
    "avg_pool1d's gradient is not divided.",
    functional("avg_pool1d"),
    change=lambda g: g * 2,
)
result_gradient("nn-avg-pool2d-gradient-one-percent-off", "avg_pool2d's gradient is 1 % off.", functional("avg_pool2d"))
argument_gradient(
    "nn-avg-pool3d-gradient-of-last-sample-lost",
    "avg_pool3d loses the gradient of the last sample.",
    _AVERAGE,
    "input",
    functional("avg_pool3d"),
    change=lambda g: torch.cat([g[:-1], torch.zeros_like(g[-1:])]),
)


@changed(
    "nn-adaptive-avg-pool2d-sizes-swapped",
    "adaptive_avg_pool2d swaps its output sizes.",
    _ADAPTIVE,
    functional("adaptive_avg_pool2d"),
)
def _(given: Named) -> None:
    if isinstance(given["output_size"], tuple):
        given["output_size"] = given["output_size"][::-1]


result_gradient(
    "nn-adaptive-avg-pool1d-gradient-one-percent-off",
    "adaptive_avg_pool1d's gradient is 1 % off.",
    functional("adaptive_avg_pool1d"),
)


@named(
    "nn-adaptive-max-pool2d-index-off",
    "adaptive_max_pool2d counts places from 1.",
    _ADAPTIVE,
    functional("adaptive_max_pool2d"),
)
def _(f: Function, given: Named) -> Any:
    result = f(**given)
    return (result[0], result[1] + 1) if isinstance(result, tuple) else result


@changed(
    "nn-adaptive-max-pool3d-none-is-one",
    "adaptive_max_pool3d takes None for 1.",
    _ADAPTIVE,
    functional("adaptive_max_pool3d"),
)
def _(given: Named) -> None:
    if isinstance(given["output_size"], tuple):
        given["output_size"] = tuple(each or 1 for each in given["output_size"])


@named("nn-lp-pool2d-averages", "lp_pool2d takes the root of the mean of powers.", _POWER, functional("lp_pool2d"))
def _(f: Function, given: Named) -> Any:
    kernel = given["kernel_size"]
    count = math.prod(kernel) if isinstance(kernel, tuple) else kernel**2
    return f(**given) / count ** (1 / given["norm_type"])


ignored("nn-lp-pool1d-stride-ignored", "lp_pool1d ignores stride.", _POWER, "stride", functional("lp_pool1d"))
ignored(
    "nn-max-unpool2d-output-size-ignored",
    "max_unpool2d ignores output_size.",
    _UNPOOL,
    "output_size",
    functional("max_unpool2d"),
)
result_gradient(
    "nn-max-unpool2d-gradient-one-percent-off", "max_unpool2d's gradient is 1 % off.", functional("max_unpool2d")
)
