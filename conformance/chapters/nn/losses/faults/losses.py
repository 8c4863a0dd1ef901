"""Faults of losses and distances."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.faults.layers import COSINE, DISTANCE
from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, replaced_by_name
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.registry import Function

# Kept from before any fault is installed.
_cross_entropy = functional.cross_entropy
_ctc_loss = functional.ctc_loss
_with_logits = functional.binary_cross_entropy_with_logits


def _reduction(given: Named) -> str:
    return str(given.get("reduction", "mean"))


def _reduced(values: Tensor, given: Named) -> Tensor:
    how = _reduction(given)
    return values if how == "none" else values.sum() if how == "sum" else values.mean()


def _averages_classes(given: Named) -> bool:
    return _reduction(given) == "mean" and not given["target"].is_floating_point()


arguments_set("nn-l1-loss-sums-for-mean", "l1_loss sums where a mean is asked for.", "F.l1_loss")(
    lambda given: {"reduction": "sum"} if _reduction(given) == "mean" else {}
)
arguments_set("nn-kl-div-batchmean-is-mean", "kl_div divides by all elements for batchmean.", "F.kl_div")(
    lambda given: {"reduction": "mean"} if _reduction(given) == "batchmean" else {}
)
arguments_set("nn-mse-loss-target-gradient-lost", "mse_loss gives its target no gradient.", "F.mse_loss")(
    lambda given: {"target": given["target"].detach()}
)
arguments_set("nn-gaussian-nll-eps-added", "gaussian_nll_loss adds eps to the variance.", "F.gaussian_nll_loss")(
    lambda given: {"var": given["var"] + given.get("eps", 1e-6)}
)
arguments_set("nn-margin-ranking-operands-swapped", "The ranking loss swaps its inputs.", "F.margin_ranking_loss")(
    lambda given: {"input1": given["input2"], "input2": given["input1"]}
)
replaced_by_name("nn-mse-loss-is-halved", "mse_loss is half the square.", "F.mse_loss")(lambda f, given: f(**given) / 2)
replaced_by_name("nn-huber-loss-not-scaled-by-delta", "huber_loss is divided by delta.", "F.huber_loss")(
    lambda f, given: f(**given) / given.get("delta", 1.0)
)
replaced_by_name("nn-multi-label-margin-not-divided", "The loss sums over classes.", "F.multilabel_margin_loss")(
    lambda f, given: f(**given) * given["input"].shape[-1]
)
answered_by_name(
    "nn-cross-entropy-mean-counts-ignored",
    "cross_entropy's mean counts ignored targets.",
    "F.cross_entropy",
    when=lambda given: _averages_classes(given) and given.get("weight") is None,
)(lambda given: _cross_entropy(**(given | {"reduction": "sum"})) / given["target"].numel())
answered_by_name(
    "nn-cross-entropy-mean-not-weighted",
    "cross_entropy's mean divides by the number of targets.",
    "F.cross_entropy",
    when=lambda given: _averages_classes(given) and given.get("weight") is not None,
)(
    lambda given: (
        _cross_entropy(**(given | {"reduction": "sum"})) / (given["target"] != given.get("ignore_index", -100)).sum()
    )
)
arguments_set(
    "nn-cross-entropy-smoothing-ignored-for-probabilities",
    "cross_entropy does not smooth probabilities.",
    "F.cross_entropy",
    when=lambda given: given["target"].is_floating_point(),
)(lambda _: {"label_smoothing": 0.0})


@answered_by_name("nn-bce-loss-infinite", "binary_cross_entropy has infinite logarithms.", "F.binary_cross_entropy")
def _(given: Named) -> Tensor:
    x, y, weight = given["input"], given["target"], given.get("weight")
    values = -(torch.xlogy(y, x) + torch.xlogy(1 - y, 1 - x))
    return _reduced(values if weight is None else values * weight, given)


@arguments_set("nn-bce-loss-broadcasts-its-target", "A target of another size is taken.", "F.binary_cross_entropy")
def _(given: Named) -> Named:
    x, y = given["input"], given["target"]
    return {} if y.shape == x.shape else {"target": y[:1].expand_as(x)}


answered_by_name(
    "nn-bce-with-logits-pos-weight-for-all",
    "pos_weight weighs negative examples too.",
    "F.binary_cross_entropy_with_logits",
    when=lambda given: given.get("pos_weight") is not None,
)(
    lambda given: _reduced(
        _with_logits(**(given | {"pos_weight": None, "reduction": "none"})) * given["pos_weight"], given
    )
)
replaced("nn-losses-take-any-reduction", "An unknown reduction is taken for mean.", "nn._reduction.get_enum")(
    lambda f, reduction: f(reduction if reduction in ("none", "mean", "sum") else "mean")
)


@answered_by_name(
    "nn-cosine-similarity-gradient-along-itself-kept",
    "cosine_similarity has no gradient through the norms.",
    "F.cosine_similarity",
    order=COSINE,
)
def _(given: Named) -> Tensor:
    dim, eps = given.get("dim", 1), given.get("eps", 1e-8)
    unit = [x / x.norm(dim=dim, keepdim=True).clamp(min=eps).detach() for x in (given["x1"], given["x2"])]
    summed: Tensor = (unit[0] * unit[1]).sum(dim)
    return summed


replaced_by_name(
    "nn-pairwise-distance-eps-of-norm",
    "pairwise_distance adds eps to the norm.",
    "F.pairwise_distance",
    order=DISTANCE,
)(lambda f, given: f(**(given | {"eps": 0.0})) + given.get("eps", 1e-6))


@replaced("nn-gaussian-refuses-shared-variance", "A variance has the input's shape.", "F.gaussian_nll_loss")
def _(f: Function, x: Tensor, t: Tensor, v: Any, *a: Any, **k: Any) -> Any:
    if isinstance(v, Tensor) and v.shape != x.shape:
        raise ValueError("another shape")
    return f(x, t, v, *a, **k)


answered_by_name(
    "nn-ctc-mean-not-by-length",
    "The mean does not divide by the lengths of the labels.",
    "F.ctc_loss",
    when=lambda given: _reduction(given) == "mean" and given["log_probs"].dim() == 3,
)(lambda given: _ctc_loss(**(given | {"reduction": "none"})).mean())
arguments_set("nn-ctc-single-sequence-in-full", "A single sequence's loss is not divided.", "F.ctc_loss")(
    lambda given: {"reduction": "sum"} if given["log_probs"].dim() == 2 else {}
)
