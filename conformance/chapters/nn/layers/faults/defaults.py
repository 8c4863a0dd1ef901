"""Faults of options that are left out."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn import functional
from torch.nn.modules import batchnorm, dropout

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


def _default(name: str, summary: str, place: tuple[Any, str], option: tuple[int, str], value: Any) -> None:
    """Register a fault that gives an option another value where it is left out.

    Args:
        name: The fault's name.
        summary: The fault's sentence.
        place: Owner and attribute that are broken.
        option: How many arguments come before the option, and its name.
        value: What it is given.
    """

    def answer(f: Function, *a: Any, **k: Any) -> Any:
        count, key = option
        return f(*a, **k) if len(a) > count or key in k else f(*a, **k, **{key: value})

    bound(name, summary, place)(answer)


_default(
    "nn-default-avg-pool2d-counts-no-padding",
    "avg_pool2d does not count padding unless it is told to.",
    (functional, "avg_pool2d"),
    (5, "count_include_pad"),
    value=False,
)
_default(
    "nn-default-batch-norm-momentum-of-function",
    "batch_norm has a momentum of 0.2.",
    (functional, "batch_norm"),
    (6, "momentum"),
    0.2,
)
_default(
    "nn-default-layer-norm-eps-of-function", "layer_norm's eps is 1e-6.", (functional, "layer_norm"), (4, "eps"), 1e-6
)
# The instance comes first.
_default(
    "nn-default-batch-norm-momentum-of-module",
    "The momentum of batch normalisation is 0.01.",
    (batchnorm._BatchNorm, "__init__"),  # noqa: SLF001
    (3, "momentum"),
    0.01,
)
_default(
    "nn-default-dropout-of-module",
    "Dropout layers drop with probability 0.4.",
    (dropout._DropoutNd, "__init__"),  # noqa: SLF001
    (1, "p"),
    0.4,
)
_default(
    "nn-default-layer-norm-eps-of-module", "LayerNorm's eps is 1e-6.", (nn.LayerNorm, "__init__"), (2, "eps"), 1e-6
)
_default("nn-default-gru-of-two-layers", "GRU has two layers.", (nn.GRU, "__init__"), (3, "num_layers"), 2)
_default(
    "nn-default-attention-batch-first",
    "MultiheadAttention takes batches first.",
    (nn.MultiheadAttention, "__init__"),
    (9, "batch_first"),
    value=True,
)
_default(
    "nn-default-encoder-without-dropout",
    "TransformerEncoderLayer drops nothing.",
    (nn.TransformerEncoderLayer, "__init__"),
    (4, "dropout"),
    0.0,
)
