"""Faults of embeddings and of bags of them."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.argument_forms import arguments_changed, arguments_set, replaced_by_name
from torch_conformance.conformance.power.damage import scaled
from torch_conformance.conformance.power.forms import Named, answer_changed, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

_EMBEDDING, _BAG = "F.embedding", "F.embedding_bag"


def _averages(given: Named) -> bool:
    return given.get("mode") == "mean"


@replaced_by_name("nn-embedding-padding-row-read-as-zero", "embedding reads the padding row as zeros.", _EMBEDDING)
def _(f: Function, given: Named) -> Any:
    y, row = f(**given), given.get("padding_idx")
    return y if row is None else y * (given["input"] != row % len(given["weight"])).unsqueeze(-1)


@replaced_by_name(
    "nn-embedding-repeated-gradient-overwritten",
    "embedding keeps one gradient of a row that is looked up twice.",
    _EMBEDDING,
)
def _(f: Function, given: Named) -> Any:
    flat = given["input"].reshape(-1).tolist()
    first = torch.tensor([index not in flat[:place] for place, index in enumerate(flat)], dtype=torch.bool)
    mask = first.to(given["input"].device).view(*given["input"].shape, 1)
    return with_gradient(f(**given), lambda g: g * mask)


@arguments_changed("nn-embedding-max-norm-of-all-rows", "embedding scales all rows down to max_norm.", _EMBEDDING)
def _(given: Named) -> None:
    if given.get("max_norm") is not None:
        weight = given["weight"].detach()
        rows = torch.arange(len(weight), device=weight.device)
        torch.embedding_renorm_(weight, rows, given["max_norm"], given.get("norm_type", 2.0))


arguments_set(
    "nn-embedding-int32-off-by-one",
    "embedding of int32 indices gives the next row.",
    _EMBEDDING,
    when=lambda given: given["input"].dtype == torch.int32,
)(lambda given: {"input": (given["input"] + 1).clamp(max=len(given["weight"]) - 1)})
arguments_set(
    "nn-embedding-negative-padding-ignored",
    "embedding ignores a padding_idx from the end.",
    _EMBEDDING,
    when=lambda given: (given.get("padding_idx") or 0) < 0,
)(lambda _: {"padding_idx": None})
arguments_set(
    "nn-embedding-index-wraps",
    "embedding takes indices modulo the number of rows.",
    _EMBEDDING,
    when=lambda given: not given["input"].is_floating_point(),
)(lambda given: {"input": given["input"] % len(given["weight"])})
arguments_set(
    "nn-embedding-bag-takes-any-mode",
    "embedding_bag takes an unknown mode for mean.",
    _BAG,
    when=lambda given: given.get("mode", "mean") not in ("sum", "mean", "max"),
)(lambda _: {"mode": "mean"})
arguments_set("nn-embedding-bag-mean-counts-padding", "embedding_bag's mean counts padding.", _BAG, when=_averages)(
    lambda _: {"padding_idx": None}
)
arguments_set(
    "nn-embedding-bag-mean-gradient-not-divided",
    "embedding_bag's gradient of a mean is not divided.",
    _BAG,
    when=_averages,
)(lambda given: {"weight": with_gradient(given["weight"], scaled(2))})
replaced(
    "nn-embedding-padding-row-not-zeroed",
    "A new Embedding leaves the padding row as drawn.",
    "nn.Embedding._fill_padding_idx_with_zero",
)(lambda _f, _self: None)
answer_changed("nn-embedding-from-pretrained-trains", "from_pretrained never freezes.", "nn.Embedding.from_pretrained")(
    lambda made, *_a, **_k: made.requires_grad_()
)
