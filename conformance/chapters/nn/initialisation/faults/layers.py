"""Faults of the initial values of attention, Transformers and normalisation layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules import batchnorm

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_ATTENTION = (nn.MultiheadAttention, "_reset_parameters")
_NORMS = (
    (batchnorm._NormBase, "reset_parameters"),  # noqa: SLF001
    (nn.LayerNorm, "reset_parameters"),
    (nn.GroupNorm, "reset_parameters"),
)


@bound("module-attention-output-wider", "The output projection of attention is drawn 1.3 times as wide.", _ATTENTION)
def _(f: Function, self: Any) -> None:
    f(self)
    with torch.no_grad():
        self.out_proj.weight.mul_(1.3)


@bound("module-attention-added-key-is-zero", "The added key of attention is zero.", _ATTENTION)
def _(f: Function, self: Any) -> None:
    f(self)
    if self.bias_k is not None:
        nn.init.zeros_(self.bias_k)


@bound(
    "module-transformer-keeps-the-layers-range",
    "A Transformer leaves its layers.",
    (nn.Transformer, "_reset_parameters"),
)
def _(_f: Function, _self: Any) -> None:
    pass


@bound("module-norm-weights-below-one", "The weights of normalisation layers begin as 0.99.", *_NORMS)
def _(f: Function, self: Any) -> None:
    f(self)
    if getattr(self, "weight", None) is not None:
        nn.init.constant_(self.weight, 0.99)


@bound("module-norm-reset-keeps-weights", "reset_parameters leaves the bias of a used layer.", *_NORMS)
def _(f: Function, self: Any) -> None:
    bias: Any = getattr(self, "bias", None)
    held = None if bias is None or not (bias == 7).any() else bias.detach().clone()
    f(self)
    if held is not None:
        with torch.no_grad():
            bias.copy_(held)
