"""Faults of embeddings, bags of them, and dropout."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    changed,
    differentiated_as,
    functional,
    ignored,
    named,
    with_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_TABLE = "input weight padding_idx max_norm norm_type scale_grad_by_freq sparse"
_BAG = (
    "input weight offsets max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights include_last_offset "
    "padding_idx"
)
_DROPOUT = "input p training inplace"
_EMBEDDING = functional("embedding")
_BAGS = functional("embedding_bag")


@named("nn-embedding-padding-row-read-as-zero", "embedding reads the padding row as zeros.", _TABLE, _EMBEDDING)
def _(f: Function, given: Named) -> Any:
    y, row = f(**given), given.get("padding_idx")
    return y if row is None else y * (given["input"] != row % len(given["weight"])).unsqueeze(-1)


@changed("nn-embedding-int32-off-by-one", "embedding of int32 indices gives the next row.", _TABLE, _EMBEDDING)
def _(given: Named) -> None:
    if given["input"].dtype == torch.int32:
        given["input"] = (given["input"] + 1).clamp(max=len(given["weight"]) - 1)


@named(
    "nn-embedding-repeated-gradient-overwritten",
    "embedding keeps one gradient of a row that is looked up twice.",
    _TABLE,
    _EMBEDDING,
)
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    flat, seen = given["input"].reshape(-1).tolist(), set()
    first = [index not in seen and not seen.add(index) for index in flat]  # type: ignore[func-returns-value]
    mask = torch.tensor(first, dtype=torch.bool, device=y.device).view(*given["input"].shape, 1)
    return with_gradient(y, lambda g: g * mask)


@changed("nn-embedding-scale-by-frequency-ignored", "embedding ignores scale_grad_by_freq.", _TABLE, _EMBEDDING)
def _(given: Named) -> None:
    given["scale_grad_by_freq"] = False


@changed("nn-embedding-negative-padding-ignored", "embedding ignores a padding_idx from the end.", _TABLE, _EMBEDDING)
def _(given: Named) -> None:
    if (given.get("padding_idx") or 0) < 0:
        given["padding_idx"] = None


@changed("nn-embedding-max-norm-of-all-rows", "embedding scales all rows down to max_norm.", _TABLE, _EMBEDDING)
def _(given: Named) -> None:
    if given.get("max_norm") is not None:
        weight = given["weight"].detach()
        rows = torch.arange(len(weight), device=weight.device)
        torch.embedding_renorm_(weight, rows, given["max_norm"], given.get("norm_type", 2.0))


ignored("nn-embedding-norm-type-ignored", "embedding takes the norm of type 2.", _TABLE, "norm_type", _EMBEDDING)


@bound(
    "nn-embedding-padding-row-not-zeroed",
    "A new Embedding leaves the padding row as drawn.",
    (torch.nn.Embedding, "_fill_padding_idx_with_zero"),
)
def _(_f: Function, _self: Any) -> Any:
    return None


@bound("nn-embedding-from-pretrained-trains", "from_pretrained never freezes.", (torch.nn.Embedding, "from_pretrained"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    made = f(*a, **k)
    made.weight.requires_grad_()
    return made


@changed("nn-embedding-index-wraps", "embedding takes indices modulo the number of rows.", _TABLE, _EMBEDDING)
def _(given: Named) -> None:
    if not given["input"].is_floating_point():
        given["input"] = given["input"] % len(given["weight"])


@changed("nn-embedding-bag-takes-any-mode", "embedding_bag takes an unknown mode for mean.", _BAG, _BAGS)
def _(given: Named) -> None:
    if given.get("mode", "mean") not in ("sum", "mean", "max"):
        given["mode"] = "mean"


@changed("nn-embedding-bag-mean-counts-padding", "embedding_bag's mean counts padding.", _BAG, _BAGS)
def _(given: Named) -> None:
    if given.get("mode") == "mean":
        given["padding_idx"] = None


ignored(
    "nn-embedding-bag-last-offset-ignored",
    "embedding_bag ignores include_last_offset.",
    _BAG,
    "include_last_offset",
    _BAGS,
)
ignored(
    "nn-embedding-bag-weights-ignored", "embedding_bag ignores per_sample_weights.", _BAG, "per_sample_weights", _BAGS
)


@changed(
    "nn-embedding-bag-mean-gradient-not-divided", "embedding_bag's gradient of a mean is not divided.", _BAG, _BAGS
)
def _(given: Named) -> None:
    if given.get("mode") == "mean":
        given["weight"] = with_gradient(given["weight"], lambda g: g * 2)


argument_gradient(
    "nn-embedding-bag-weights-gradient-one-percent-off",
    "embedding_bag's gradient of per_sample_weights is 1 % off.",
    _BAG,
    "per_sample_weights",
    _BAGS,
)


def _active(given: Named) -> bool:
    return bool(given.get("training", True)) and given.get("p", 0.5) > 0


@named("nn-dropout-does-not-scale", "dropout leaves what it keeps as it is.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    p = given.get("p", 0.5)
    return f(**given) * (1 - p) if _active(given) and p < 1 else f(**given)


@named("nn-dropout-gradient-draws-anew", "dropout's gradient has a mask of its own.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    if not _active(given) or given.get("inplace"):
        return f(**given)
    return differentiated_as(f(**given), f(**given))


@changed("nn-dropout-keeps-with-p", "dropout keeps with probability p.", _DROPOUT, functional("dropout"))
def _(given: Named) -> None:
    given["p"] = 1 - given.get("p", 0.5)


@named("nn-dropout-drops-in-pairs", "dropout draws for two elements at a time.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if not _active(given) or x.dim() != 1 or len(x) % 2:
        return f(**given)
    return x * f(torch.ones_like(x[::2]), given.get("p", 0.5)).repeat_interleave(2)


@named("nn-dropout-reseeds-itself", "dropout draws the same in every call.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    torch.manual_seed(1)
    return f(**given)


@bound("nn-dropout2d-drops-in-evaluation", "Dropout2d drops in evaluation too.", (torch.nn.Dropout2d, "forward"))
def _(_f: Function, self: Any, x: Tensor) -> Any:
    return F.dropout2d(x, self.p)


@bound(
    "nn-alpha-dropout-scales-in-evaluation", "AlphaDropout scales in evaluation.", (torch.nn.AlphaDropout, "forward")
)
def _(f: Function, self: Any, x: Tensor) -> Any:
    return f(self, x) if self.training else x * (1 - self.p / 10)


@named("nn-dropout-of-one-is-nan", "dropout with p = 1 divides by 0.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    return y / 0 if _active(given) and given.get("p", 0.5) == 1 else y


ignored("nn-dropout-inplace-copies", "dropout ignores inplace.", _DROPOUT, "inplace", functional("dropout"))


@named("nn-dropout-always-inplace", "dropout writes its input without being asked.", _DROPOUT, functional("dropout"))
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    if _active(given) and not given.get("inplace"):
        given["input"].detach().copy_(y.detach())
    return y


@named("nn-dropout2d-drops-elements", "dropout2d drops single elements.", _DROPOUT, functional("dropout2d"))
def _(_f: Function, given: Named) -> Any:
    return F.dropout(**given)


@named(
    "nn-dropout3d-drops-for-all-samples", "dropout3d drops a channel of all samples.", _DROPOUT, functional("dropout3d")
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    return x * f(torch.ones_like(x[:1]), given.get("p", 0.5)) if _active(given) else f(**given)


@named(
    "nn-alpha-dropout-puts-zeros", "alpha_dropout puts zeros, as dropout does.", _DROPOUT, functional("alpha_dropout")
)
def _(f: Function, given: Named) -> Any:
    return F.dropout(**given) if given.get("training") else f(**given)


@changed("nn-dropout-clamps-p", "dropout clamps p between 0 and 1.", _DROPOUT, functional("dropout"))
def _(given: Named) -> None:
    given["p"] = min(max(given.get("p", 0.5), 0.0), 1.0)
