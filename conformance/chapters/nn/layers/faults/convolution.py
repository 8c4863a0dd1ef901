"""Faults of convolutions and transposed convolutions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import dense_misread
from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    both,
    changed,
    ignored,
    named,
    with_gradient,
    zeroed_last,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_PLAIN = "input weight bias stride padding dilation groups"
_TRANSPOSED = "input weight bias stride padding output_padding groups dilation"

ignored("nn-conv1d-dilation-lost", "conv1d takes dilation 1.", _PLAIN, "dilation", *both("conv1d"))
ignored("nn-conv1d-function-bias-lost", "torch.conv1d adds no bias.", _PLAIN, "bias", (torch, "conv1d"))


@changed("nn-conv2d-stride-of-dims-swapped", "conv2d swaps the strides.", _PLAIN, *both("conv2d"))
def _(given: Named) -> None:
    stride = given.get("stride", 1)
    if isinstance(stride, tuple) and len(stride) == 2:
        given["stride"] = stride[::-1]


@changed("nn-conv2d-padding-off-by-one", "conv2d pads one more where it pads.", _PLAIN, *both("conv2d"))
def _(given: Named) -> None:
    padding = given.get("padding", 0)
    if isinstance(padding, tuple):
        given["padding"] = tuple(each + 1 if each else 0 for each in padding)


@changed("nn-conv2d-unbatched-drops-bias", "conv2d without a batch adds no bias.", _PLAIN, *both("conv2d"))
def _(given: Named) -> None:
    if given["input"].dim() == 3:
        given["bias"] = None


@changed("nn-conv3d-groups-mixed", "conv3d reads the weights of the groups in reverse.", _PLAIN, *both("conv3d"))
def _(given: Named) -> None:
    if given.get("groups", 1) > 1:
        given["weight"] = given["weight"].flip(0)


@changed("nn-conv3d-strided-input-misread", "conv3d ignores the strides of its input.", _PLAIN, *both("conv3d"))
def _(given: Named) -> None:
    given["input"] = dense_misread(given["input"])


argument_gradient(
    "nn-conv1d-input-gradient-one-percent-off",
    "conv1d's gradient of the input is 1 % off.",
    _PLAIN,
    "input",
    *both("conv1d"),
)


@named(
    "nn-conv2d-weight-gradient-of-one-sample",
    "conv2d's gradient of the weight is that of the first sample.",
    _PLAIN,
    *both("conv2d"),
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if x.dim() != 4 or len(x) < 2:
        return f(**given)
    rest = given | {"input": x[1:], "weight": given["weight"].detach()}
    return torch.cat([f(**(given | {"input": x[:1]})), f(**rest)])


@changed(
    "nn-conv2d-bias-gradient-is-a-mean",
    "conv2d's gradient of the bias is a mean over the batch.",
    _PLAIN,
    *both("conv2d"),
)
def _(given: Named) -> None:
    count = len(given["input"]) if given["input"].dim() == 4 else 1
    given["bias"] = with_gradient(given.get("bias"), lambda g: g / count)


argument_gradient(
    "nn-conv3d-weight-gradient-flipped",
    "conv3d's gradient of the weight is reversed in the last dimension.",
    _PLAIN,
    "weight",
    *both("conv3d"),
    change=lambda g: g.flip(-1),
)


@bound(
    "nn-conv1d-reflect-repeats-the-edge", "Conv1d's reflection repeats the edge.", (torch.nn.Conv1d, "_conv_forward")
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    if self.padding_mode == "reflect":
        self.padding_mode = "replicate"
    return f(self, *a, **k)


@bound(
    "nn-conv2d-circular-amounts-of-dims-swapped",
    "Conv2d's circular padding swaps the dimensions.",
    (torch.nn.Conv2d, "_conv_forward"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    if self.padding_mode == "circular":
        self._reversed_padding_repeated_twice = self._reversed_padding_repeated_twice[::-1]
    return f(self, *a, **k)


@bound("nn-conv3d-replicate-is-zeros", "Conv3d pads with zeros for replicate.", (torch.nn.Conv3d, "_conv_forward"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    if self.padding_mode == "replicate":
        self.padding_mode = "zeros"
    return f(self, *a, **k)


def _spread(value: Any, count: int) -> tuple[int, ...]:
    return (
        tuple(value) if isinstance(value, tuple | list) and len(value) == count else (int(torch.tensor(value)),) * count
    )


@changed("nn-conv1d-same-pads-in-front", "conv1d pads an odd total in front.", _PLAIN, *both("conv1d"))
def _(given: Named) -> None:
    if given.get("padding") == "same":
        (dilation,) = _spread(given.get("dilation", 1), 1)
        total = dilation * (given["weight"].shape[-1] - 1)
        given["input"] = F.pad(given["input"], (total - total // 2, total // 2))
        given["padding"] = 0


@changed("nn-conv2d-same-ignores-dilation", "conv2d pads for 'same' as if dilation were 1.", _PLAIN, *both("conv2d"))
def _(given: Named) -> None:
    if given.get("padding") == "same":
        high, wide = given["weight"].shape[-2:]
        given["input"] = F.pad(given["input"], ((wide - 1) // 2, wide // 2, (high - 1) // 2, high // 2))
        given["padding"] = 0


@changed("nn-conv3d-valid-pads", "conv3d pads by one for 'valid'.", _PLAIN, *both("conv3d"))
def _(given: Named) -> None:
    if given.get("padding") == "valid":
        given["padding"] = 1


@named(
    "nn-conv-transpose1d-output-padding-in-front",
    "conv_transpose1d pads its result in front.",
    _TRANSPOSED,
    *both("conv_transpose1d"),
)
def _(f: Function, given: Named) -> Any:
    (extra,) = _spread(given.get("output_padding", 0), 1)
    return torch.roll(f(**given), extra, -1)


ignored(
    "nn-conv-transpose2d-dilation-lost",
    "conv_transpose2d takes dilation 1.",
    _TRANSPOSED,
    "dilation",
    *both("conv_transpose2d"),
)


@changed(
    "nn-conv-transpose2d-groups-reversed",
    "conv_transpose2d reads the weights of the groups in reverse.",
    _TRANSPOSED,
    *both("conv_transpose2d"),
)
def _(given: Named) -> None:
    if given.get("groups", 1) > 1:
        given["weight"] = given["weight"].flip(0)


@named(
    "nn-conv-transpose3d-bias-twice", "conv_transpose3d adds its bias twice.", _TRANSPOSED, *both("conv_transpose3d")
)
def _(f: Function, given: Named) -> Any:
    y, bias = f(**given), given.get("bias")
    return y if bias is None else y + bias.view(-1, 1, 1, 1)


argument_gradient(
    "nn-conv-transpose1d-weight-gradient-one-percent-off",
    "conv_transpose1d's gradient of the weight is 1 % off.",
    _TRANSPOSED,
    "weight",
    *both("conv_transpose1d"),
)


@named(
    "nn-conv-transpose2d-bias-gradient-of-last-sample",
    "conv_transpose2d's gradient of the bias is that of the last sample.",
    _TRANSPOSED,
    *both("conv_transpose2d"),
)
def _(f: Function, given: Named) -> Any:
    bias, x = given.get("bias"), given["input"]
    if bias is None or x.dim() != 4:
        return f(**given)
    y, shown = f(**(given | {"bias": None})), bias.view(-1, 1, 1)
    return torch.cat([y[:-1] + shown.detach(), y[-1:] + shown])


argument_gradient(
    "nn-conv-transpose3d-input-gradient-last-lost",
    "conv_transpose3d loses the last element of the gradient of its input.",
    _TRANSPOSED,
    "input",
    *both("conv_transpose3d"),
    change=zeroed_last,
)


@named(
    "nn-conv-in-bfloat16",
    "Convolutions are worked out in bfloat16.",
    _PLAIN,
    *both("conv1d"),
    *both("conv2d"),
    *both("conv3d"),
)
def _(f: Function, given: Named) -> Any:
    dtype = given["input"].dtype
    short = {name: each.bfloat16() if isinstance(each, Tensor) else each for name, each in given.items()}
    return f(**short).to(dtype)


@bound("nn-conv-transpose2d-output-size-ignored", "output_size is ignored.", (torch.nn.ConvTranspose2d, "forward"))
def _(f: Function, self: Any, x: Any, output_size: Any = None) -> Any:
    del output_size
    return f(self, x)
