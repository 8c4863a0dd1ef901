"""Faults of convolutions and transposed convolutions."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.faults.layers import CONVOLUTION, TRANSPOSED
from torch_conformance.conformance.power.argument_forms import arguments_set, option_ignored, replaced_by_name
from torch_conformance.conformance.power.damage import last_lost, read_as_dense
from torch_conformance.conformance.power.forms import Named, attributes_held
from torch_conformance.conformance.power.gradient_forms import argument_gradient_changed, with_gradient
from torch_conformance.conformance.power.registry import Function

_CONV1D, _CONV2D, _CONV3D = (("F." + name, "torch." + name) for name in ("conv1d", "conv2d", "conv3d"))
_TRANSPOSED1D, _TRANSPOSED2D, _TRANSPOSED3D = (
    ("F." + name, "torch." + name) for name in ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
)


def _without_batch(given: Named) -> bool:
    return bool(given["input"].dim() == 3)


def _groups_reversed(given: Named) -> Named:
    return {"weight": given["weight"].flip(0)} if given.get("groups", 1) > 1 else {}


def _one(value: Any) -> int:
    """Return a number that may come in a tuple of one."""
    return int(value[0] if isinstance(value, tuple | list) else value)


option_ignored(
    "nn-conv1d-function-bias-lost", "torch.conv1d adds no bias.", "torch.conv1d", option="bias", order=CONVOLUTION
)
arguments_set("nn-conv2d-unbatched-drops-bias", "conv2d without a batch adds no bias.", *_CONV2D, order=CONVOLUTION)(
    lambda given: {"bias": None} if _without_batch(given) else {}
)
arguments_set("nn-conv3d-groups-mixed", "conv3d reads the groups' weights in reverse.", *_CONV3D, order=CONVOLUTION)(
    _groups_reversed
)
arguments_set(
    "nn-conv-transpose2d-groups-reversed",
    "conv_transpose2d reads the groups' weights in reverse.",
    *_TRANSPOSED2D,
    order=TRANSPOSED,
)(_groups_reversed)
arguments_set("nn-conv3d-strided-input-misread", "conv3d ignores its input's strides.", *_CONV3D, order=CONVOLUTION)(
    lambda given: {"input": read_as_dense(given["input"])}
)


@arguments_set("nn-conv2d-stride-of-dims-swapped", "conv2d swaps the strides.", *_CONV2D, order=CONVOLUTION)
def _(given: Named) -> Named:
    stride = given.get("stride", 1)
    return {"stride": stride[::-1]} if isinstance(stride, tuple) and len(stride) == 2 else {}


@arguments_set("nn-conv2d-padding-off-by-one", "conv2d pads one more where it pads.", *_CONV2D, order=CONVOLUTION)
def _(given: Named) -> Named:
    padding = given.get("padding", 0)
    return {"padding": tuple(each + 1 if each else 0 for each in padding)} if isinstance(padding, tuple) else {}


@arguments_set("nn-conv1d-same-pads-in-front", "conv1d pads an odd total in front.", *_CONV1D, order=CONVOLUTION)
def _(given: Named) -> Named:
    if given.get("padding") != "same":
        return {}
    total = _one(given.get("dilation", 1)) * (given["weight"].shape[-1] - 1)
    return {"input": functional.pad(given["input"], (total - total // 2, total // 2)), "padding": 0}


@arguments_set(
    "nn-conv2d-same-ignores-dilation", "conv2d pads for 'same' as if dilation were 1.", *_CONV2D, order=CONVOLUTION
)
def _(given: Named) -> Named:
    if given.get("padding") != "same":
        return {}
    high, wide = given["weight"].shape[-2:]
    amounts = ((wide - 1) // 2, wide // 2, (high - 1) // 2, high // 2)
    return {"input": functional.pad(given["input"], amounts), "padding": 0}


arguments_set("nn-conv3d-valid-pads", "conv3d pads by one for 'valid'.", *_CONV3D, order=CONVOLUTION)(
    lambda given: {"padding": 1} if given.get("padding") == "valid" else {}
)
attributes_held(
    "nn-conv1d-reflect-repeats-the-edge", "Conv1d's reflection repeats the edge.", "nn.Conv1d._conv_forward"
)(lambda self: {"padding_mode": "replicate"} if self.padding_mode == "reflect" else {})
attributes_held("nn-conv3d-replicate-is-zeros", "Conv3d pads with zeros for replicate.", "nn.Conv3d._conv_forward")(
    lambda self: {"padding_mode": "zeros"} if self.padding_mode == "replicate" else {}
)


@attributes_held(
    "nn-conv2d-circular-amounts-of-dims-swapped",
    "Conv2d's circular padding swaps the dimensions.",
    "nn.Conv2d._conv_forward",
)
def _(self: Any) -> Named:
    amounts = self._reversed_padding_repeated_twice
    return {"_reversed_padding_repeated_twice": amounts[::-1]} if self.padding_mode == "circular" else {}


@replaced_by_name(
    "nn-conv2d-weight-gradient-of-one-sample",
    "conv2d's gradient of the weight is that of the first sample.",
    *_CONV2D,
    order=CONVOLUTION,
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if x.dim() != 4 or len(x) < 2:
        return f(**given)
    rest = given | {"input": x[1:], "weight": given["weight"].detach()}
    return torch.cat([f(**(given | {"input": x[:1]})), f(**rest)])


@arguments_set(
    "nn-conv2d-bias-gradient-is-a-mean",
    "conv2d's gradient of the bias is a mean over the batch.",
    *_CONV2D,
    order=CONVOLUTION,
)
def _(given: Named) -> Named:
    count = 1 if _without_batch(given) else len(given["input"])
    return {"bias": with_gradient(given.get("bias"), lambda g: g / count)}


argument_gradient_changed(
    "nn-conv3d-weight-gradient-flipped",
    "conv3d's gradient of the weight is reversed in the last dimension.",
    *_CONV3D,
    argument="weight",
    change=lambda g: g.flip(-1),
    order=CONVOLUTION,
)
argument_gradient_changed(
    "nn-conv-transpose3d-input-gradient-last-lost",
    "conv_transpose3d loses the last element of the gradient of its input.",
    *_TRANSPOSED3D,
    argument="input",
    change=last_lost,
    order=TRANSPOSED,
)
replaced_by_name(
    "nn-conv-transpose1d-output-padding-in-front",
    "conv_transpose1d pads its result in front.",
    *_TRANSPOSED1D,
    order=TRANSPOSED,
)(lambda f, given: f(**given).roll(_one(given.get("output_padding", 0)), -1))


@replaced_by_name(
    "nn-conv-transpose3d-bias-twice", "conv_transpose3d adds its bias twice.", *_TRANSPOSED3D, order=TRANSPOSED
)
def _(f: Function, given: Named) -> Any:
    bias = given.get("bias")
    return f(**given) if bias is None else f(**given) + bias.view(-1, 1, 1, 1)


@replaced_by_name(
    "nn-conv-transpose2d-bias-gradient-of-last-sample",
    "conv_transpose2d's gradient of the bias is that of the last sample.",
    *_TRANSPOSED2D,
    order=TRANSPOSED,
)
def _(f: Function, given: Named) -> Any:
    bias, x = given.get("bias"), given["input"]
    if bias is None or x.dim() != 4:
        return f(**given)
    y, shown = f(**(given | {"bias": None})), bias.view(-1, 1, 1)
    return torch.cat([y[:-1] + shown.detach(), y[-1:] + shown])


@replaced_by_name(
    "nn-conv-in-bfloat16", "Convolutions are worked out in bfloat16.", *_CONV1D, *_CONV2D, *_CONV3D, order=CONVOLUTION
)
def _(f: Function, given: Named) -> Any:
    short = {name: each.bfloat16() if isinstance(each, Tensor) else each for name, each in given.items()}
    return f(**short).to(given["input"].dtype)
