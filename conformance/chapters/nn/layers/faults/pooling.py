"""Faults of pooling layers."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.faults.layers import ADAPTIVE_POOL, AVERAGE_POOL, MAX_POOL
from torch_conformance.conformance.power.argument_forms import arguments_set, option_ignored, replaced_by_name
from torch_conformance.conformance.power.damage import scaled
from torch_conformance.conformance.power.forms import Named, answer_changed
from torch_conformance.conformance.power.gradient_forms import gradient_changed, result_gradient_changed
from torch_conformance.conformance.power.registry import Function


@arguments_set("nn-max-pool1d-pads-with-zero", "max_pool1d pads with zeros.", "F.max_pool1d", order=MAX_POOL)
def _(given: Named) -> Named:
    padding = given.get("padding", 0)
    amount = padding[0] if isinstance(padding, tuple) else padding
    return {"input": functional.pad(given["input"], (amount, amount)), "padding": 0}


answer_changed("nn-max-pool2d-index-along-the-row", "max_pool2d tells places in the row.", "F.max_pool2d")(
    lambda result, x, *_a, **_k: (result[0], result[1] % x.shape[-1]) if isinstance(result, tuple) else None
)
answer_changed("nn-adaptive-max-pool2d-index-off", "adaptive_max_pool2d counts from 1.", "F.adaptive_max_pool2d")(
    lambda result, *_a, **_k: (result[0], result[1] + 1) if isinstance(result, tuple) else None
)


gradient_changed(
    "nn-max-pool2d-gradient-of-overlap-lost",
    "max_pool2d's gradients of windows that overlap do not add up.",
    "F.max_pool2d",
    change=lambda g: g.clamp(-3, 3),
)
gradient_changed(
    "nn-max-pool3d-gradient-at-first-element",
    "max_pool3d's gradient lies one element beside the largest.",
    "F.max_pool3d",
    change=lambda g: g.roll(1, -1),
)
gradient_changed(
    "nn-avg-pool3d-gradient-of-last-sample-lost",
    "avg_pool3d loses the gradient of the last sample.",
    "F.avg_pool3d",
    change=lambda g: torch.cat([g[:-1], torch.zeros_like(g[-1:])]),
)
result_gradient_changed(
    "nn-avg-pool1d-gradient-not-divided", "avg_pool1d's gradient is not divided.", "F.avg_pool1d", change=scaled(2)
)
option_ignored(
    "nn-avg-pool3d-counts-no-padding",
    "avg_pool3d never counts the padding.",
    "F.avg_pool3d",
    option="count_include_pad",
    value=False,
    order=AVERAGE_POOL,
)


@arguments_set("nn-adaptive-avg-pool2d-sizes-swapped", "adaptive_avg_pool2d swaps its sizes.", "F.adaptive_avg_pool2d")
def _(given: Named) -> Named:
    size = given["output_size"]
    return {"output_size": size[::-1]} if isinstance(size, tuple) else {}


@arguments_set(
    "nn-adaptive-max-pool3d-none-is-one",
    "adaptive_max_pool3d takes None for 1.",
    "F.adaptive_max_pool3d",
    order=ADAPTIVE_POOL,
)
def _(given: Named) -> Named:
    size = given["output_size"]
    return {"output_size": tuple(each or 1 for each in size)} if isinstance(size, tuple) else {}


@replaced_by_name("nn-lp-pool2d-averages", "lp_pool2d takes the root of the mean of powers.", "F.lp_pool2d")
def _(f: Function, given: Named) -> Any:
    kernel = given["kernel_size"]
    count = math.prod(kernel) if isinstance(kernel, tuple) else kernel**2
    return f(**given) / count ** (1 / given["norm_type"])
