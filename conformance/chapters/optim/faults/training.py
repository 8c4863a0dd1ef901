"""Faults of parameter groups, closures, zero_grad, state dicts, sparse gradients and clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim
from torch.nn import utils

from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.optimiser_forms import Group, after_step, during_step
from torch_conformance.conformance.power.registry import Function

_BASE = optim.Optimizer
_CLASSES: tuple[Any, ...] = (
    *(optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.Adadelta, optim.Adamax, optim.NAdam),
    *(optim.RAdam, optim.Rprop, optim.ASGD),
)
_STEPS = tuple((each, "step") for each in _CLASSES)
_ADD = (_BASE, "add_param_group")


@replaced(
    "optim-groups-share-the-first-rate",
    "All groups of SGD and Adam step at the first one's rate.",
    "optim.SGD.step",
    "optim.Adam.step",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    kept = [group["lr"] for group in self.param_groups]
    for group in self.param_groups:
        group["lr"] = kept[0]
    result = f(self, *a, **k)
    for group, rate in zip(self.param_groups, kept, strict=True):
        group["lr"] = rate
    return result


@replaced(
    "optim-groups-own-decay-overridden",
    "A group's own weight_decay gives way to the common one.",
    "optim.Optimizer.add_param_group",
)
def _(f: Function, self: Any, param_group: Any) -> None:
    f(self, param_group)
    group = self.param_groups[-1]
    if "weight_decay" in group:
        group["weight_decay"] = self.defaults["weight_decay"]


@replaced(
    "optim-groups-added-later-stay-still",
    "A group that is added after a step takes no steps.",
    "optim.Optimizer.add_param_group",
)
def _(f: Function, self: Any, param_group: Any) -> None:
    late = len(self.state) > 0
    f(self, param_group)
    if late:
        self.param_groups[-1]["lr"] = 0.0


during_step(
    "optim-groups-keep-the-first-momentum",
    "SGD goes on with the momentum that it was made with.",
    optim.SGD,
    lambda group: {"momentum": group.setdefault("first_momentum", group["momentum"])},
)
during_step(
    "optim-groups-keep-the-first-betas",
    "Adam goes on with the betas that it was made with.",
    optim.Adam,
    lambda group: {"betas": group.setdefault("first_betas", group["betas"])},
)


@replaced("optim-groups-take-duplicates", "A parameter may be in two groups.", "optim.Optimizer.add_param_group")
def _(f: Function, self: Any, param_group: Any) -> None:
    held, self.param_groups = self.param_groups, []
    try:
        f(self, param_group)
    finally:
        self.param_groups = [*held, *self.param_groups]


@replaced(
    "optim-groups-take-what-is-no-leaf",
    "Parameters that are no leaves are detached in silence.",
    "optim.Optimizer.add_param_group",
)
def _(f: Function, self: Any, param_group: Any) -> None:
    members = param_group["params"] if isinstance(param_group, dict) else None
    if isinstance(members, list):
        leaves = [each if not isinstance(each, Tensor) or each.is_leaf else each.detach() for each in members]
        param_group = {**param_group, "params": leaves}
    f(self, param_group)


_ZERO = (_BASE, "zero_grad")


@replaced("optim-zero-grad-first-group-alone", "zero_grad clears the first group alone.", "optim.Optimizer.zero_grad")
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    groups, self.param_groups = self.param_groups, self.param_groups[:1]
    f(self, *a, **k)
    self.param_groups = groups


replaced("optim-zero-grad-always-drops", "zero_grad drops gradients, set_to_none or not.", "optim.Optimizer.zero_grad")(
    lambda f, self, *_a, **_k: f(self)
)


@replaced(
    "optim-zero-grad-positional-flag-ignored",
    "zero_grad ignores a positional set_to_none of True.",
    "optim.Optimizer.zero_grad",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, set_to_none=False) if a else f(self, **k)


@replaced("optim-step-calls-closure-twice", "NAdam calls its closure twice.", "optim.NAdam.step")
def _(f: Function, self: Any, closure: Any = None) -> Any:
    if closure is not None:
        with torch.enable_grad():
            closure()
    return f(self, closure)


@replaced(
    "optim-step-closure-without-gradients",
    "Adagrad calls its closure as gradients are around it.",
    "optim.Adagrad.step",
)
def _(f: Function, self: Any, closure: Any = None) -> Any:
    loss = closure() if closure is not None else None
    f(self)
    return loss


replaced("optim-step-returns-nothing", "RMSprop returns no loss.", "optim.RMSprop.step")(
    lambda f, self, closure=None: [f(self, closure)].clear()
)


@replaced(
    "optim-state-dict-takes-other-groups",
    "load_state_dict takes a state with fewer groups.",
    "optim.Optimizer.load_state_dict",
)
def _(f: Function, self: Any, state_dict: Any) -> None:
    given = state_dict["param_groups"]
    if len(given) < len(self.param_groups):
        for group, other in zip(self.param_groups, given, strict=False):
            group["lr"] = other["lr"]
        return
    f(self, state_dict)


@replaced(
    "optim-state-dict-keeps-own-rate",
    "load_state_dict keeps the optimiser's own rate.",
    "optim.Optimizer.load_state_dict",
)
def _(f: Function, self: Any, state_dict: Any) -> None:
    kept = [group["lr"] for group in self.param_groups]
    f(self, state_dict)
    for group, rate in zip(self.param_groups, kept, strict=True):
        group["lr"] = rate


@replaced(
    "optim-state-dict-numbers-groups-apart",
    "state_dict counts parameters from zero in each group.",
    "optim.Optimizer.state_dict",
)
def _(f: Function, self: Any) -> Any:
    saved = f(self)
    for group in saved["param_groups"]:
        group["params"] = list(range(len(group["params"])))
    return saved


@after_step("optim-sparse-duplicates-lost", "Of sparse entries of one row, SGD takes the last.", optim.SGD)
def _(_optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    if parameter.grad is not None and parameter.grad.is_sparse:
        rows, values = parameter.grad._indices()[0], parameter.grad._values()  # noqa: SLF001
        for place in range(len(rows)):
            if (rows[place + 1 :] == rows[place]).any():
                parameter[rows[place]] += group["lr"] * values[place]


@after_step("optim-sparse-squares-before-adding", "Adagrad decays the sums of rows without a gradient.", optim.Adagrad)
def _(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
    if parameter.grad is not None and parameter.grad.is_sparse:
        optimiser.state[parameter]["sum"].mul_(0.9)


_NORM = (utils, "clip_grad_norm_")


@replaced(
    "optim-clip-grad-norm-of-each-alone",
    "clip_grad_norm_ clips each gradient by its own norm.",
    "nn.utils.clip_grad_norm_",
)
def _(f: Function, parameters: Any, *a: Any, **k: Any) -> Any:
    many = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    norm = torch.linalg.vector_norm(torch.cat([p.grad.reshape(-1) for p in many if p.grad is not None]))
    for each in many:
        f([each], *a, **k)
    return norm


@replaced(
    "optim-clip-grad-norm-type-ignored", "clip_grad_norm_ takes the norm for Euclid's.", "nn.utils.clip_grad_norm_"
)
def _(f: Function, parameters: Any, max_norm: float, _norm_type: float = 2.0, **k: Any) -> Any:
    return f(parameters, max_norm, **{name: value for name, value in k.items() if name != "norm_type"})


@replaced(
    "optim-clip-grad-norm-scales-up", "clip_grad_norm_ enlarges gradients that are small.", "nn.utils.clip_grad_norm_"
)
def _(f: Function, parameters: Any, max_norm: float, *a: Any, **k: Any) -> Any:
    many = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    norm = f(many, max_norm, *a, **k)
    if 0 < norm < max_norm:
        for each in many:
            if each.grad is not None:
                each.grad.mul_(max_norm / norm)
    return norm


replaced(
    "optim-clip-grad-norm-takes-nonfinite", "clip_grad_norm_ ignores error_if_nonfinite.", "nn.utils.clip_grad_norm_"
)(lambda f, *a, **k: f(*a, **{**k, "error_if_nonfinite": False}))


_VALUE = (utils, "clip_grad_value_")


@replaced(
    "optim-clip-grad-value-from-above-alone",
    "clip_grad_value_ cuts positive values alone.",
    "nn.utils.clip_grad_value_",
)
def _(_f: Function, parameters: Any, clip_value: float, **_k: Any) -> None:
    for each in [parameters] if isinstance(parameters, Tensor) else list(parameters):
        if each.grad is not None:
            each.grad.clamp_(max=clip_value)


@replaced("optim-clip-grad-value-scalars-missed", "clip_grad_value_ misses 0-d gradients.", "nn.utils.clip_grad_value_")
def _(f: Function, parameters: Any, *a: Any, **k: Any) -> None:
    many = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    f([each for each in many if each.dim()], *a, **k)
