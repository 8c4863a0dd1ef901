"""Faults of normalisation layers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from torch_conformance.conformance.power.older_forms.nn_breaking import (
    Named,
    argument_gradient,
    changed,
    functional,
    ignored,
    named,
    with_gradient,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_BATCH = "input running_mean running_var weight bias training momentum eps"
_LAYER = "input normalized_shape weight bias eps"
_GROUP = "input num_groups weight bias eps"
_INSTANCE = "input running_mean running_var weight bias use_input_stats momentum eps"
_RMS = "input normalized_shape weight eps"
_RESPONSE = "input size alpha beta k"
_BATCH_PLACE = functional("batch_norm")


def _normal(
    x: Tensor,
    dims: tuple[int, ...],
    eps: float,
    *,
    correction: int = 0,
    outside: bool = False,
    detach: str = "",
) -> Tensor:
    """Return a normalisation that may be wrong: the variance's correction, the place of eps, detached moments."""
    mean = x.mean(dims, keepdim=True)
    variance = x.var(dims, correction=correction, keepdim=True)
    if "mean" in detach:
        mean = mean.detach()
    if "variance" in detach:
        variance = variance.detach()
    below = variance.sqrt() + eps if outside else (variance + eps).sqrt()
    return (x - mean) / below


def _affine(y: Tensor, weight: Any, bias: Any) -> Tensor:
    """Return y scaled and shifted per channel."""
    shape = (1, -1, *[1] * (y.dim() - 2))
    if weight is not None:
        y = y * weight.view(shape)
    return y if bias is None else y + bias.view(shape)


def _dims(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


def _by_batch(given: Named) -> bool:
    return bool(given.get("training"))


def _eps(given: Named) -> float:
    return float(given.get("eps", 1e-5))


@named(
    "nn-batch-norm1d-unbiased-variance",
    "batch_norm of up to 3 dimensions normalises by the unbiased variance.",
    _BATCH,
    _BATCH_PLACE,
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if not _by_batch(given) or x.dim() > 3:
        return f(**given)
    return _affine(_normal(x, _dims(x), _eps(given), correction=1), given.get("weight"), given.get("bias"))


@named(
    "nn-batch-norm2d-epsilon-outside-the-root", "batch_norm of 4 dimensions adds eps to the root.", _BATCH, _BATCH_PLACE
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if not _by_batch(given) or x.dim() != 4:
        return f(**given)
    return _affine(_normal(x, _dims(x), _eps(given), outside=True), given.get("weight"), given.get("bias"))


@changed("nn-batch-norm3d-eps-ignored", "batch_norm of 5 dimensions takes eps 1e-5.", _BATCH, _BATCH_PLACE)
def _(given: Named) -> None:
    if given["input"].dim() == 5:
        given["eps"] = 1e-5


@named(
    "nn-batch-norm1d-statistics-detached",
    "batch_norm of up to 3 dimensions has no gradient through its moments.",
    _BATCH,
    _BATCH_PLACE,
)
def _(f: Function, given: Named) -> Any:
    x = given["input"]
    if not _by_batch(given) or x.dim() > 3:
        return f(**given)
    y = _normal(x, _dims(x), _eps(given), detach="mean variance")
    return _affine(y, given.get("weight"), given.get("bias"))


@named(
    "nn-batch-norm2d-weight-gradient-of-input",
    "batch_norm's gradient of the weight takes the input as it was.",
    _BATCH,
    _BATCH_PLACE,
)
def _(f: Function, given: Named) -> Any:
    x, weight = given["input"], given.get("weight")
    if weight is None or x.dim() != 4:
        return f(**given)
    shown = weight.view(1, -1, 1, 1)
    return f(**(given | {"weight": weight.detach()})) + x.detach() * (shown - shown.detach())


@changed(
    "nn-batch-norm3d-bias-gradient-one-percent-off",
    "batch_norm's gradient of the bias is 1 % off.",
    _BATCH,
    _BATCH_PLACE,
)
def _(given: Named) -> None:
    if given["input"].dim() == 5:
        given["bias"] = with_gradient(given.get("bias"), lambda g: g * 1.01)


@named("nn-batch-norm-running-variance-biased", "batch_norm keeps the biased variance.", _BATCH, _BATCH_PLACE)
def _(f: Function, given: Named) -> Any:
    kept, x = given.get("running_var"), given["input"]
    if kept is None or not _by_batch(given):
        return f(**given)
    before, momentum = kept.clone(), given.get("momentum", 0.1)
    y = f(**given)
    with torch.no_grad():
        kept.copy_((1 - momentum) * before + momentum * x.var(_dims(x), correction=0))
    return y


@changed("nn-batch-norm-momentum-reversed", "batch_norm weighs the old statistics by momentum.", _BATCH, _BATCH_PLACE)
def _(given: Named) -> None:
    given["momentum"] = 1 - given.get("momentum", 0.1)


@bound(
    "nn-batch-norm-cumulative-average-off-by-one",
    "Batch normalisation averages over one batch more.",
    (_BatchNorm, "forward"),
)
def _(f: Function, self: Any, x: Tensor) -> Any:
    if self.momentum is not None or not self.training or self.num_batches_tracked is None:
        return f(self, x)
    self.num_batches_tracked.add_(1)
    y = f(self, x)
    self.num_batches_tracked.sub_(1)
    return y


@named(
    "nn-batch-norm-evaluates-by-the-batch", "batch_norm normalises by the batch in evaluation.", _BATCH, _BATCH_PLACE
)
def _(f: Function, given: Named) -> Any:
    if _by_batch(given):
        return f(**given)
    return f(**(given | {"running_mean": None, "running_var": None, "training": True}))


@named("nn-batch-norm-updates-in-evaluation", "batch_norm moves its statistics in evaluation.", _BATCH, _BATCH_PLACE)
def _(f: Function, given: Named) -> Any:
    y, kept, x = f(**given), given.get("running_mean"), given["input"]
    if not _by_batch(given) and kept is not None:
        kept.add_(0.1 * (x.detach().mean(_dims(x)) - kept))
    return y


@bound(
    "nn-batch-norm-untracked-is-identity-in-evaluation",
    "Batch normalisation without tracking does nothing in evaluation.",
    (_BatchNorm, "forward"),
)
def _(f: Function, self: Any, x: Tensor) -> Any:
    return x * 1 if not self.training and self.running_mean is None else f(self, x)


@bound(
    "nn-batch-norm-takes-any-rank",
    "Batch normalisation does not look at the number of dimensions.",
    (torch.nn.BatchNorm1d, "_check_input_dim"),
    (torch.nn.BatchNorm2d, "_check_input_dim"),
    (torch.nn.BatchNorm3d, "_check_input_dim"),
)
def _(_f: Function, _self: Any, _x: Tensor) -> Any:
    return None


@bound(
    "nn-batch-norm-of-one-value-accepted", "A single value per channel is accepted.", functional("_verify_batch_size")
)
def _(_f: Function, *_a: Any) -> Any:
    return None


def _last(given: Named) -> tuple[int, ...]:
    return tuple(range(-len(given["normalized_shape"]), 0))


def _scaled(y: Tensor, given: Named) -> Tensor:
    if given.get("weight") is not None:
        y = y * given["weight"]
    return y if given.get("bias") is None else y + given["bias"]


@named("nn-layer-norm-unbiased-variance", "layer_norm takes the unbiased variance.", _LAYER, functional("layer_norm"))
def _(_f: Function, given: Named) -> Any:
    return _scaled(_normal(given["input"], _last(given), _eps(given), correction=1), given)


@named(
    "nn-layer-norm-over-last-dimension-only",
    "layer_norm takes moments over the last dimension.",
    _LAYER,
    functional("layer_norm"),
)
def _(_f: Function, given: Named) -> Any:
    return _scaled(_normal(given["input"], (-1,), _eps(given)), given)


@named("nn-layer-norm-mean-detached", "layer_norm has no gradient through the mean.", _LAYER, functional("layer_norm"))
def _(_f: Function, given: Named) -> Any:
    return _scaled(_normal(given["input"], _last(given), _eps(given), detach="mean"), given)


@named(
    "nn-layer-norm-bias-gradient-of-first-sample",
    "layer_norm's gradient of the bias is that of the first sample.",
    _LAYER,
    functional("layer_norm"),
)
def _(f: Function, given: Named) -> Any:
    bias, x = given.get("bias"), given["input"]
    if bias is None or x.dim() == len(given["normalized_shape"]):
        return f(**given)
    y = f(**(given | {"bias": bias.detach()}))
    return torch.cat([y[:1] + (bias - bias.detach()), y[1:]])


@changed(
    "nn-layer-norm-broadcasts-its-weight",
    "layer_norm cuts a weight that is too long.",
    _LAYER,
    functional("layer_norm"),
)
def _(given: Named) -> None:
    shape, weight = tuple(given["normalized_shape"]), given.get("weight")
    if weight is not None and tuple(weight.shape) != shape:
        given["weight"] = weight[: shape[0]]


@changed("nn-rms-norm-subtracts-the-mean", "rms_norm subtracts the mean.", _RMS, functional("rms_norm"))
def _(given: Named) -> None:
    given["input"] = given["input"] - given["input"].mean(_last(given), keepdim=True)


@named("nn-rms-norm-eps-outside-the-root", "rms_norm adds eps to the root.", _RMS, functional("rms_norm"))
def _(_f: Function, given: Named) -> Any:
    x, eps = given["input"], given.get("eps")
    root = x.square().mean(_last(given), keepdim=True).sqrt()
    y = x / (root + (torch.finfo(x.dtype).eps if eps is None else eps))
    return y if given.get("weight") is None else y * given["weight"]


@named(
    "nn-group-norm-groups-interleaved",
    "group_norm takes every n-th channel for a group.",
    _GROUP,
    functional("group_norm"),
)
def _(f: Function, given: Named) -> Any:
    x, groups = given["input"], given["num_groups"]
    order = torch.arange(x.shape[1]).view(-1, groups).t().reshape(-1)
    y = f(x[:, order], groups, None, None, _eps(given))[:, order.argsort()]
    return _affine(y, given.get("weight"), given.get("bias"))


ignored("nn-group-norm-eps-ignored", "group_norm takes eps 1e-5.", _GROUP, "eps", functional("group_norm"))


@named(
    "nn-group-norm-statistics-detached",
    "group_norm has no gradient through its moments.",
    _GROUP,
    functional("group_norm"),
)
def _(_f: Function, given: Named) -> Any:
    x = given["input"]
    grouped = x.reshape(len(x), given["num_groups"], -1)
    y = _normal(grouped, (2,), _eps(given), detach="mean variance").view(x.shape)
    return _affine(y, given.get("weight"), given.get("bias"))


argument_gradient(
    "nn-group-norm-weight-gradient-one-percent-off",
    "group_norm's gradient of the weight is 1 % off.",
    _GROUP,
    "weight",
    functional("group_norm"),
)


@changed(
    "nn-group-norm-cuts-groups",
    "group_norm takes one group where groups do not divide channels.",
    _GROUP,
    functional("group_norm"),
)
def _(given: Named) -> None:
    if given["input"].shape[1] % given["num_groups"]:
        given["num_groups"] = 1


@named(
    "nn-instance-norm-over-the-batch",
    "instance_norm takes moments over the batch.",
    _INSTANCE,
    functional("instance_norm"),
)
def _(_f: Function, given: Named) -> Any:
    return F.batch_norm(given["input"], None, None, given.get("weight"), given.get("bias"), True, 0.1, _eps(given))  # noqa: FBT003


ignored("nn-instance-norm-eps-ignored", "instance_norm takes eps 1e-5.", _INSTANCE, "eps", functional("instance_norm"))
ignored(
    "nn-instance-norm-momentum-ignored",
    "instance_norm takes momentum 0.1.",
    _INSTANCE,
    "momentum",
    functional("instance_norm"),
)


@changed(
    "nn-local-response-norm-alpha-not-averaged",
    "local_response_norm does not divide alpha by the number of channels.",
    _RESPONSE,
    functional("local_response_norm"),
)
def _(given: Named) -> None:
    given["alpha"] = given.get("alpha", 1e-4) * given["size"]


@named(
    "nn-local-response-norm-window-shifted",
    "local_response_norm takes one channel more behind.",
    _RESPONSE,
    functional("local_response_norm"),
)
def _(f: Function, given: Named) -> Any:
    return f(**(given | {"input": given["input"].flip(1)})).flip(1)
