"""Faults of normalisation layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, replaced_by_name
from torch_conformance.conformance.power.damage import off
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

_BATCH_NORM = "F.batch_norm"
_MODULE = "nn.modules.batchnorm._BatchNorm.forward"


def _normal(
    x: Tensor, dims: tuple[int, ...], eps: float, *, correction: int = 0, outside: bool = False, detached: str = ""
) -> Tensor:
    """Return a normalisation that may be wrong: the variance's correction, the place of eps, detached moments."""
    mean = x.mean(dims, keepdim=True)
    variance = x.var(dims, correction=correction, keepdim=True)
    mean = mean.detach() if "mean" in detached else mean
    variance = variance.detach() if "variance" in detached else variance
    return (x - mean) / (variance.sqrt() + eps if outside else (variance + eps).sqrt())


def _per_channel(y: Tensor, given: Named) -> Tensor:
    """Return y scaled and shifted per channel."""
    shape = (1, -1, *[1] * (y.dim() - 2))
    weight, bias = given.get("weight"), given.get("bias")
    y = y if weight is None else y * weight.view(shape)
    return y if bias is None else y + bias.view(shape)


def _per_element(y: Tensor, given: Named) -> Tensor:
    """Return y scaled and shifted per element of a sample."""
    weight, bias = given.get("weight"), given.get("bias")
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _dims(x: Tensor) -> tuple[int, ...]:
    return (0, *range(2, x.dim()))


def _last(given: Named) -> tuple[int, ...]:
    return tuple(range(-len(given["normalized_shape"]), 0))


def _eps(given: Named) -> float:
    return float(given.get("eps", 1e-5))


def _of_batches(*ranks: int) -> Function:
    """Return the condition that batch_norm normalises by a batch of one of some numbers of dimensions."""
    return lambda given: given.get("training") and given["input"].dim() in ranks


def _batch_normal(given: Named, **wrong: Any) -> Tensor:
    x = given["input"]
    return _per_channel(_normal(x, _dims(x), _eps(given), **wrong), given)


def _layer_normal(given: Named, **wrong: Any) -> Tensor:
    return _per_element(_normal(given["input"], _last(given), _eps(given), **wrong), given)


answered_by_name(
    "nn-batch-norm1d-unbiased-variance",
    "batch_norm of up to 3 dimensions normalises by the unbiased variance.",
    _BATCH_NORM,
    when=_of_batches(2, 3),
)(lambda given: _batch_normal(given, correction=1))
answered_by_name(
    "nn-batch-norm2d-epsilon-outside-the-root",
    "batch_norm of 4 dimensions adds eps to the root.",
    _BATCH_NORM,
    when=_of_batches(4),
)(lambda given: _batch_normal(given, outside=True))
answered_by_name(
    "nn-batch-norm1d-statistics-detached",
    "batch_norm of up to 3 dimensions has no gradient through its moments.",
    _BATCH_NORM,
    when=_of_batches(2, 3),
)(lambda given: _batch_normal(given, detached="mean variance"))
arguments_set("nn-batch-norm3d-eps-ignored", "batch_norm of 5 dimensions takes eps 1e-5.", _BATCH_NORM)(
    lambda given: {"eps": 1e-5} if given["input"].dim() == 5 else {}
)
arguments_set(
    "nn-batch-norm3d-bias-gradient-one-percent-off",
    "batch_norm's gradient of the bias is 1 % off for 5 dimensions.",
    _BATCH_NORM,
    when=lambda given: given["input"].dim() == 5,
)(lambda given: {"bias": with_gradient(given.get("bias"), off)})


@replaced_by_name(
    "nn-batch-norm2d-weight-gradient-of-input",
    "batch_norm's gradient of the weight takes the input as it was.",
    _BATCH_NORM,
)
def _(f: Function, given: Named) -> Any:
    x, weight = given["input"], given.get("weight")
    if weight is None or x.dim() != 4:
        return f(**given)
    shown = weight.view(1, -1, 1, 1)
    return f(**(given | {"weight": weight.detach()})) + x.detach() * (shown - shown.detach())


@replaced_by_name("nn-batch-norm-running-variance-biased", "batch_norm keeps the biased variance.", _BATCH_NORM)
def _(f: Function, given: Named) -> Any:
    kept, x = given.get("running_var"), given["input"]
    if kept is None or not given.get("training"):
        return f(**given)
    before, momentum = kept.clone(), given.get("momentum", 0.1)
    y = f(**given)
    with torch.no_grad():
        kept.copy_((1 - momentum) * before + momentum * x.var(_dims(x), correction=0))
    return y


arguments_set("nn-batch-norm-momentum-reversed", "batch_norm weighs old statistics by momentum.", _BATCH_NORM)(
    lambda given: {"momentum": 1 - given.get("momentum", 0.1)}
)
arguments_set(
    "nn-batch-norm-evaluates-by-the-batch",
    "batch_norm normalises by the batch in evaluation.",
    _BATCH_NORM,
    when=lambda given: not given.get("training"),
)(lambda _: {"running_mean": None, "running_var": None, "training": True})


@replaced_by_name("nn-batch-norm-updates-in-evaluation", "batch_norm moves its mean in evaluation.", _BATCH_NORM)
def _(f: Function, given: Named) -> Any:
    y, kept, x = f(**given), given.get("running_mean"), given["input"]
    if not given.get("training") and kept is not None:
        kept.add_(0.1 * (x.detach().mean(_dims(x)) - kept))
    return y


@replaced("nn-batch-norm-cumulative-average-off-by-one", "BatchNorm averages over one batch more.", _MODULE)
def _(f: Function, self: Any, x: Tensor) -> Any:
    if self.momentum is not None or not self.training or self.num_batches_tracked is None:
        return f(self, x)
    self.num_batches_tracked.add_(1)
    y = f(self, x)
    self.num_batches_tracked.sub_(1)
    return y


replaced("nn-batch-norm-untracked-is-identity-in-evaluation", "BatchNorm without tracking evaluates nothing.", _MODULE)(
    lambda f, self, x: x * 1 if not self.training and self.running_mean is None else f(self, x)
)
replaced(
    "nn-batch-norm-takes-any-rank",
    "Batch normalisation does not look at the number of dimensions.",
    *(f"nn.BatchNorm{rank}d._check_input_dim" for rank in (1, 2, 3)),
)(lambda _f, _self, _x: None)
replaced("nn-batch-norm-of-one-value-accepted", "One value per channel is accepted.", "F._verify_batch_size")(
    lambda _f, *_a: None
)

answered_by_name("nn-layer-norm-unbiased-variance", "layer_norm takes the unbiased variance.", "F.layer_norm")(
    lambda given: _layer_normal(given, correction=1)
)
answered_by_name("nn-layer-norm-mean-detached", "layer_norm has no gradient through the mean.", "F.layer_norm")(
    lambda given: _layer_normal(given, detached="mean")
)
answered_by_name(
    "nn-layer-norm-over-last-dimension-only", "layer_norm takes the last dimension's moments.", "F.layer_norm"
)(lambda given: _per_element(_normal(given["input"], (-1,), _eps(given)), given))


@replaced_by_name(
    "nn-layer-norm-bias-gradient-of-first-sample",
    "layer_norm's gradient of the bias is that of the first sample.",
    "F.layer_norm",
)
def _(f: Function, given: Named) -> Any:
    bias, x = given.get("bias"), given["input"]
    if bias is None or x.dim() == len(given["normalized_shape"]):
        return f(**given)
    y = f(**(given | {"bias": bias.detach()}))
    return torch.cat([y[:1] + (bias - bias.detach()), y[1:]])


@arguments_set("nn-layer-norm-broadcasts-its-weight", "layer_norm cuts a weight that is too long.", "F.layer_norm")
def _(given: Named) -> Named:
    shape, weight = tuple(given["normalized_shape"]), given.get("weight")
    return {} if weight is None or tuple(weight.shape) == shape else {"weight": weight[: shape[0]]}


arguments_set("nn-rms-norm-subtracts-the-mean", "rms_norm subtracts the mean.", "F.rms_norm")(
    lambda given: {"input": given["input"] - given["input"].mean(_last(given), keepdim=True)}
)


@answered_by_name("nn-rms-norm-eps-outside-the-root", "rms_norm adds eps to the root.", "F.rms_norm")
def _(given: Named) -> Tensor:
    x, eps = given["input"], given.get("eps")
    root = x.square().mean(_last(given), keepdim=True).sqrt()
    return _per_element(x / (root + (torch.finfo(x.dtype).eps if eps is None else eps)), given)


@replaced_by_name(
    "nn-group-norm-groups-interleaved", "group_norm takes every n-th channel for a group.", "F.group_norm"
)
def _(f: Function, given: Named) -> Any:
    x, groups = given["input"], given["num_groups"]
    order = torch.arange(x.shape[1]).view(-1, groups).t().reshape(-1)
    return _per_channel(f(x[:, order], groups, None, None, _eps(given))[:, order.argsort()], given)


@answered_by_name(
    "nn-group-norm-statistics-detached", "group_norm has no gradient through its moments.", "F.group_norm"
)
def _(given: Named) -> Tensor:
    x = given["input"]
    grouped = _normal(x.reshape(len(x), given["num_groups"], -1), (2,), _eps(given), detached="mean variance")
    return _per_channel(grouped.view(x.shape), given)


arguments_set(
    "nn-group-norm-cuts-groups",
    "group_norm takes one group where groups do not divide channels.",
    "F.group_norm",
    when=lambda given: given["input"].shape[1] % given["num_groups"],
)(lambda _: {"num_groups": 1})


@answered_by_name("nn-instance-norm-over-the-batch", "instance_norm takes moments over the batch.", "F.instance_norm")
def _(given: Named) -> Tensor:
    weight, bias = given.get("weight"), given.get("bias")
    return functional.batch_norm(given["input"], None, None, weight, bias, training=True, eps=_eps(given))


arguments_set("nn-local-response-norm-alpha-not-averaged", "alpha is not divided by size.", "F.local_response_norm")(
    lambda given: {"alpha": given.get("alpha", 1e-4) * given["size"]}
)
replaced_by_name("nn-local-response-norm-window-shifted", "The window has one more behind.", "F.local_response_norm")(
    lambda f, given: f(**(given | {"input": given["input"].flip(1)})).flip(1)
)
