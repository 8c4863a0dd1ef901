"""Faults of the initial values of layers as they are made."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import init
from torch.nn.modules.conv import _ConvTransposeNd

from torch_conformance.conformance.power.forms import object_changed, replaced
from torch_conformance.conformance.power.registry import Function

_LINEAR, _BILINEAR, _EMBEDDING = (f"nn.{name}.reset_parameters" for name in ("Linear", "Bilinear", "Embedding"))
_CONVOLUTION = "nn.modules.conv._ConvNd.reset_parameters"
_ATTENTION = "nn.MultiheadAttention._reset_parameters"
_NORMS = tuple(f"nn.{name}.reset_parameters" for name in ("modules.batchnorm._NormBase", "LayerNorm", "GroupNorm"))


def _all_scaled(self: Any, factor: float) -> None:
    for each in self.parameters():
        each.mul_(factor)


object_changed("module-linear-weight-range-of-xavier", "Linear's weight is drawn by xavier_uniform_.", _LINEAR)(
    lambda self: init.xavier_uniform_(self.weight)
)
object_changed("module-linear-bias-is-positive", "Linear's bias is positive.", _LINEAR)(
    lambda self: self.bias is None or self.bias.abs_()
)
object_changed("module-bilinear-range-of-second-input", "Bilinear's range is by its second input.", _BILINEAR)(
    lambda self: init.uniform_(self.weight, -(self.in2_features**-0.5), self.in2_features**-0.5)
)
object_changed("module-convolution-range-ignores-groups", "A convolution's range ignores groups.", _CONVOLUTION)(
    lambda self: self.weight.div_(math.sqrt(self.groups))
)


@object_changed("module-convolution-bias-range-ignores-kernel", "A bias's range ignores the kernel.", _CONVOLUTION)
def _(self: Any) -> None:
    taps = math.prod(self.kernel_size)
    if self.bias is not None:
        self.bias.mul_(math.sqrt(taps) * (1 if isinstance(self, _ConvTransposeNd) and taps == 1 else 1.01))


object_changed(
    "module-recurrent-range-of-input",
    "A recurrent network's range is by input_size.",
    "nn.RNNBase.reset_parameters",
)(lambda self: _all_scaled(self, math.sqrt(self.hidden_size / self.input_size)))
object_changed(
    "module-recurrent-cell-range-one-percent-off", "A cell's range is 1% wide.", "nn.RNNCellBase.reset_parameters"
)(lambda self: _all_scaled(self, 1.01))
object_changed("module-embedding-deviation-off", "An embedding's deviation is 0.95.", _EMBEDDING)(
    lambda self: self.weight.mul_(0.95)
)
object_changed("module-embedding-padding-drawn", "An embedding's padding is drawn too.", _EMBEDDING)(
    lambda self: self.padding_idx is None or self.weight[self.padding_idx].normal_()
)
object_changed("module-attention-biases-drawn", "The biases of attention are drawn.", _ATTENTION)(
    lambda self: self.in_proj_bias is None or init.uniform_(self.in_proj_bias, -0.1, 0.1)
)
object_changed("module-attention-output-wider", "Attention's output projection is 1.3 times as wide.", _ATTENTION)(
    lambda self: self.out_proj.weight.mul_(1.3)
)
object_changed("module-attention-added-key-is-zero", "The added key of attention is zero.", _ATTENTION)(
    lambda self: self.bias_k is None or init.zeros_(self.bias_k)
)
replaced(
    "module-transformer-keeps-the-layers-range", "A Transformer leaves its layers.", "nn.Transformer._reset_parameters"
)(lambda _f, _self: None)
object_changed("module-norm-weights-below-one", "The weights of normalisation layers begin as 0.99.", *_NORMS)(
    lambda self: getattr(self, "weight", None) is None or init.constant_(self.weight, 0.99)
)


@replaced("module-norm-reset-keeps-weights", "reset_parameters leaves the bias of a used layer.", *_NORMS)
def _(f: Function, self: Any) -> None:
    bias: Any = getattr(self, "bias", None)
    held = None if bias is None or not (bias == 7).any() else bias.detach().clone()
    f(self)
    if held is not None:
        with torch.no_grad():
            bias.copy_(held)
