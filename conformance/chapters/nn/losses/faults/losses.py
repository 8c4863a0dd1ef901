"""Faults of losses and distances."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    changed,
    functional,
    ignored,
    named,
    result_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_LEGACY = "size_average reduce reduction"
_PAIR = f"input target {_LEGACY}"
_SMOOTH = f"{_PAIR} beta"
_HUBER = "input target reduction delta"
_ENTROPY = "input target weight size_average ignore_index reduce reduction label_smoothing"
_NLL = "input target weight size_average ignore_index reduce reduction"
_BCE = f"input target weight {_LEGACY}"
_LOGITS = f"{_BCE} pos_weight"
_MULTI = f"input target p margin weight {_LEGACY}"


def _reduction(given: Named) -> str:
    return str(given.get("reduction", "mean"))


def _reduced(values: Tensor, given: Named) -> Tensor:
    how = _reduction(given)
    return values if how == "none" else values.sum() if how == "sum" else values.mean()


@changed("nn-l1-loss-sums-for-mean", "l1_loss sums where a mean is asked for.", _PAIR, functional("l1_loss"))
def _(given: Named) -> None:
    if _reduction(given) == "mean":
        given["reduction"] = "sum"


@named("nn-mse-loss-is-halved", "mse_loss is half the square.", _PAIR, functional("mse_loss"))
def _(f: Function, given: Named) -> Any:
    return f(**given) / 2


@changed("nn-mse-loss-target-gradient-lost", "mse_loss gives its target no gradient.", _PAIR, functional("mse_loss"))
def _(given: Named) -> None:
    given["target"] = given["target"].detach()


ignored("nn-smooth-l1-loss-beta-ignored", "smooth_l1_loss takes beta 1.", _SMOOTH, "beta", functional("smooth_l1_loss"))


@named("nn-huber-loss-not-scaled-by-delta", "huber_loss is divided by delta.", _HUBER, functional("huber_loss"))
def _(f: Function, given: Named) -> Any:
    return f(**given) / given.get("delta", 1.0)


def _averaged(given: Named) -> bool:
    return _reduction(given) == "mean" and not given["target"].is_floating_point()


@named(
    "nn-cross-entropy-mean-counts-ignored",
    "cross_entropy's mean counts ignored targets.",
    _ENTROPY,
    functional("cross_entropy"),
)
def _(f: Function, given: Named) -> Any:
    if not _averaged(given) or given.get("weight") is not None:
        return f(**given)
    return f(**(given | {"reduction": "sum"})) / given["target"].numel()


@named(
    "nn-cross-entropy-mean-not-weighted",
    "cross_entropy's mean divides by the number of targets.",
    _ENTROPY,
    functional("cross_entropy"),
)
def _(f: Function, given: Named) -> Any:
    if not _averaged(given) or given.get("weight") is None:
        return f(**given)
    kept = (given["target"] != given.get("ignore_index", -100)).sum()
    return f(**(given | {"reduction": "sum"})) / kept


@changed(
    "nn-cross-entropy-smoothing-ignored-for-probabilities",
    "cross_entropy does not smooth probabilities.",
    _ENTROPY,
    functional("cross_entropy"),
)
def _(given: Named) -> None:
    if given["target"].is_floating_point():
        given["label_smoothing"] = 0.0


result_gradient(
    "nn-cross-entropy-gradient-one-percent-off", "cross_entropy's gradient is 1 % off.", functional("cross_entropy")
)
ignored("nn-nll-loss-weight-ignored", "nll_loss ignores weight.", _NLL, "weight", functional("nll_loss"))


@changed("nn-nll-loss-ignore-index-ignored", "nll_loss counts targets to be ignored.", _NLL, functional("nll_loss"))
def _(given: Named) -> None:
    if given.get("ignore_index", -100) >= 0:
        given["ignore_index"] = -100


ignored(
    "nn-bce-loss-weight-ignored",
    "binary_cross_entropy ignores weight.",
    _BCE,
    "weight",
    functional("binary_cross_entropy"),
)


@named(
    "nn-bce-loss-infinite", "binary_cross_entropy has infinite logarithms.", _BCE, functional("binary_cross_entropy")
)
def _(_f: Function, given: Named) -> Any:
    x, y, weight = given["input"], given["target"], given.get("weight")
    values = -(torch.xlogy(y, x) + torch.xlogy(1 - y, 1 - x))
    return _reduced(values if weight is None else values * weight, given)


@named(
    "nn-bce-loss-broadcasts-its-target",
    "binary_cross_entropy takes a target of another size.",
    _BCE,
    functional("binary_cross_entropy"),
)
def _(f: Function, given: Named) -> Any:
    x, y = given["input"], given["target"]
    return f(**(given | {"target": y if y.shape == x.shape else y[:1].expand_as(x)}))


_WITH_LOGITS = functional("binary_cross_entropy_with_logits")


@named("nn-bce-with-logits-pos-weight-for-all", "pos_weight weighs negative examples too.", _LOGITS, _WITH_LOGITS)
def _(f: Function, given: Named) -> Any:
    weight = given.get("pos_weight")
    if weight is None:
        return f(**given)
    return _reduced(f(**(given | {"pos_weight": None, "reduction": "none"})) * weight, given)


result_gradient("nn-bce-with-logits-gradient-one-percent-off", "The gradient with logits is 1 % off.", _WITH_LOGITS)
_KL = f"{_PAIR} log_target"
ignored("nn-kl-div-log-target-ignored", "kl_div ignores log_target.", _KL, "log_target", functional("kl_div"))


@changed("nn-kl-div-batchmean-is-mean", "kl_div divides by all elements for batchmean.", _KL, functional("kl_div"))
def _(given: Named) -> None:
    if _reduction(given) == "batchmean":
        given["reduction"] = "mean"


ignored(
    "nn-hinge-embedding-margin-ignored",
    "hinge_embedding_loss takes margin 1.",
    f"input target margin {_LEGACY}",
    "margin",
    functional("hinge_embedding_loss"),
)


@changed(
    "nn-margin-ranking-operands-swapped",
    "margin_ranking_loss swaps its inputs.",
    f"input1 input2 target margin {_LEGACY}",
    functional("margin_ranking_loss"),
)
def _(given: Named) -> None:
    given["input1"], given["input2"] = given["input2"], given["input1"]


ignored(
    "nn-cosine-embedding-margin-ignored",
    "cosine_embedding_loss takes margin 0.",
    f"input1 input2 target margin {_LEGACY}",
    "margin",
    functional("cosine_embedding_loss"),
)
_TRIPLET = f"anchor positive negative margin p eps swap {_LEGACY}"
_TRIPLET_PLACE = functional("triplet_margin_loss")
ignored("nn-triplet-margin-swap-ignored", "triplet_margin_loss never swaps.", _TRIPLET, "swap", _TRIPLET_PLACE)
ignored("nn-triplet-margin-p-is-two", "triplet_margin_loss takes p 2.", _TRIPLET, "p", _TRIPLET_PLACE)
result_gradient(
    "nn-soft-margin-gradient-one-percent-off", "soft_margin_loss's gradient is 1 % off.", functional("soft_margin_loss")
)
ignored("nn-multi-margin-p-ignored", "multi_margin_loss takes p 1.", _MULTI, "p", functional("multi_margin_loss"))


@named(
    "nn-multi-label-margin-not-divided",
    "multilabel_margin_loss sums over classes.",
    _PAIR,
    functional("multilabel_margin_loss"),
)
def _(f: Function, given: Named) -> Any:
    return f(**given) * given["input"].shape[-1]


ignored(
    "nn-multi-label-soft-margin-weight-ignored",
    "multilabel_soft_margin_loss ignores weight.",
    _BCE,
    "weight",
    functional("multilabel_soft_margin_loss"),
)
_POISSON = "input target log_input full size_average eps reduce reduction"
ignored(
    "nn-poisson-nll-full-ignored", "poisson_nll_loss ignores full.", _POISSON, "full", functional("poisson_nll_loss")
)
ignored(
    "nn-poisson-nll-eps-ignored", "poisson_nll_loss takes eps 1e-8.", _POISSON, "eps", functional("poisson_nll_loss")
)
_GAUSSIAN = "input target var full eps reduction"


@changed(
    "nn-gaussian-nll-eps-added",
    "gaussian_nll_loss adds eps to the variance.",
    _GAUSSIAN,
    functional("gaussian_nll_loss"),
)
def _(given: Named) -> None:
    given["var"] = given["var"] + given.get("eps", 1e-6)


ignored(
    "nn-gaussian-nll-full-ignored",
    "gaussian_nll_loss ignores full.",
    _GAUSSIAN,
    "full",
    functional("gaussian_nll_loss"),
)


@bound("nn-losses-take-any-reduction", "An unknown reduction is taken for mean.", (torch.nn._reduction, "get_enum"))  # noqa: SLF001
def _(f: Function, reduction: str) -> Any:
    return f(reduction if reduction in ("none", "mean", "sum") else "mean")


_COSINE = "x1 x2 dim eps"
ignored(
    "nn-cosine-similarity-dim-ignored",
    "cosine_similarity takes dim 1.",
    _COSINE,
    "dim",
    functional("cosine_similarity"),
)


@named(
    "nn-cosine-similarity-gradient-along-itself-kept",
    "cosine_similarity has no gradient through the norms.",
    _COSINE,
    functional("cosine_similarity"),
)
def _(_f: Function, given: Named) -> Any:
    dim, eps = given.get("dim", 1), given.get("eps", 1e-8)
    norms = [each.norm(dim=dim, keepdim=True).clamp(min=eps).detach() for each in (given["x1"], given["x2"])]
    return (given["x1"] / norms[0] * given["x2"] / norms[1]).sum(dim)


_DISTANCE = "x1 x2 p eps keepdim"


@named(
    "nn-pairwise-distance-eps-of-norm",
    "pairwise_distance adds eps to the norm.",
    _DISTANCE,
    functional("pairwise_distance"),
)
def _(f: Function, given: Named) -> Any:
    return f(**(given | {"eps": 0.0})) + given.get("eps", 1e-6)


ignored(
    "nn-pairwise-distance-keepdim-ignored",
    "pairwise_distance ignores keepdim.",
    _DISTANCE,
    "keepdim",
    functional("pairwise_distance"),
)


@bound(
    "nn-gaussian-refuses-shared-variance",
    "A variance must have the input's shape.",
    (torch.nn.functional, "gaussian_nll_loss"),
)
def _(f: Function, x: Tensor, t: Tensor, v: Any, *a: Any, **k: Any) -> Any:
    if isinstance(v, Tensor) and v.shape != x.shape:
        raise ValueError("another shape")
    return f(x, t, v, *a, **k)


@bound("nn-l1-loss-ignores-size-average", "l1_loss ignores size_average.", (torch.nn.functional, "l1_loss"))
def _(f: Function, x: Tensor, t: Tensor, size_average: Any = None, reduce: Any = None, reduction: str = "mean") -> Any:
    del size_average
    return f(x, t, None, reduce, reduction)


@bound(
    "nn-triplet-distance-swap-ignored",
    "swap is ignored.",
    (torch.nn.functional, "triplet_margin_with_distance_loss"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "swap": False})
