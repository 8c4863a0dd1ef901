"""Faults of the optimisers' arithmetic: options lost or misread, terms wrong, state not kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, optim

from torch_conformance.conformance.power.optimiser_forms import After, Group, after_step, always, during_step

CLASSES: tuple[Any, ...] = (
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.RMSprop,
    optim.Adagrad,
    optim.Adadelta,
    optim.Adamax,
    optim.NAdam,
    optim.RAdam,
    optim.Rprop,
    optim.ASGD,
)
FUSED = (optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad)
DECOUPLED = (optim.Adam, optim.NAdam, optim.RAdam)


def _set(**values: Any) -> Callable[[Group], Group]:
    """Return the options of a group that a step takes for others: those that the group has."""
    return lambda group: {key: value for key, value in values.items() if key in group}


def _has(option: str) -> Callable[[Group], bool]:
    return lambda group: bool(group.get(option))


# Optimiser, what it gets wrong, and with which options it takes its steps.
_OPTIONS: tuple[tuple[Any, str, str, Callable[[Group], Group]], ...] = (
    (optim.SGD, "dampening-ignored", "takes the whole gradient into its momentum", _set(dampening=0)),
    (optim.SGD, "nesterov-ignored", "steps along the momentum, not ahead of it", _set(nesterov=False)),
    (optim.RMSprop, "centered-ignored", "is never centered", _set(centered=False)),
    (
        optim.Adagrad,
        "decays-from-the-first-step",
        "has decayed its rate once before the first step",
        lambda group: {"lr": group["lr"] / (1 + group["lr_decay"])},
    ),
    (optim.Adadelta, "rate-ignored", "steps with rate one", _set(lr=1.0)),
    (optim.NAdam, "momentum-decay-ignored", "has the default schedule", _set(momentum_decay=4e-3)),
    (optim.Rprop, "step-limits-ignored", "has no limit of step sizes", _set(step_sizes=(0.0, 1e9))),
    (optim.ASGD, "decay-term-lost", "does not decay parameters", _set(lambd=0.0)),
)


def _called(owner: Any, mutation: str) -> str:
    return f"optim-{owner.__name__.lower()}-{mutation}"


for _owner, _mutation, _summary, _options in _OPTIONS:
    during_step(_called(_owner, _mutation), f"{_owner.__name__} {_summary}.", _owner, _options)
during_step(
    "optim-adamw-decay-lost-with-amsgrad",
    "AdamW with amsgrad decays nothing.",
    optim.AdamW,
    _set(weight_decay=0.0),
    _has("amsgrad"),
)


# What becomes of the state.
@after_step("optim-sgd-decays-momentum-again", "SGD decays its momentum again.", optim.SGD, _has("momentum"))
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    buffer = optimiser.state[parameter].get("momentum_buffer")
    if buffer is not None and not group["nesterov"]:
        buffer.mul_(0.99)


@after_step("optim-adam-epsilon-inside-the-root", "Adam adds eps to the second moment before the root.", optim.Adam)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if not state or group["amsgrad"] or parameter.is_complex():
        return
    count = float(state["step"])
    first, second = group["betas"]
    mean = state["exp_avg"] / (1 - first**count)
    square = state["exp_avg_sq"] / (1 - second**count)
    rate = group["lr"]
    parameter.add_(rate * mean * (1 / (square.sqrt() + group["eps"]) - 1 / (square + group["eps"]).sqrt()))


@after_step("optim-rprop-turning-steps-back", "Rprop keeps the gradient at which it turned.", optim.Rprop)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    if parameter.grad is not None and not parameter.is_complex():
        optimiser.state[parameter]["prev"].copy_(-parameter.grad if group.get("maximize") else parameter.grad)


@after_step("optim-adam-complex-square-is-modulus", "Adam's second moment is of the modulus.", optim.Adam)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if parameter.is_complex() and state and parameter.grad is not None:
        gradient = torch.view_as_real(parameter.grad)
        torch.view_as_real(state["exp_avg_sq"]).add_(gradient.flip(-1) ** 2, alpha=1 - group["betas"][1])


def _state(owner: Any, mutation: str, summary: str, change: Callable[..., Any], when: Any = always) -> None:
    """Register a fault that runs `change(state, group, old, new)` after a step of a parameter that has state."""

    @after_step(_called(owner, mutation), f"{owner.__name__} {summary}.", owner, when)
    def _(optimiser: Any, group: Group, parameter: Tensor, old: Tensor) -> None:
        if optimiser.state[parameter]:
            change(optimiser.state[parameter], group, old, parameter)


_state(
    optim.Adam,
    "amsgrad-forgets",
    "with amsgrad takes the last second moment, not the largest",
    lambda state, *_: state["max_exp_avg_sq"].zero_(),
    _has("amsgrad"),
)
_state(
    optim.AdamW,
    "decay-enters-the-moments",
    "lets decay take part in the first moment",
    lambda state, group, old, _: state["exp_avg"].add_(old, alpha=(1 - group["betas"][0]) * group["weight_decay"]),
)
_state(
    optim.RMSprop,
    "momentum-takes-the-rate",
    "holds in its momentum what it steps by",
    lambda state, _, old, new: state["momentum_buffer"].copy_(old - new),
    _has("momentum"),
)
_state(
    optim.Adagrad,
    "forgets-the-start",
    "starts its sums at half the given value",
    lambda state, group, *_: state["sum"].sub_(group["initial_accumulator_value"] / 2 * (float(state["step"]) == 1)),
)
_state(
    optim.Adadelta,
    "forgets-its-steps",
    "lets its mean square of steps fade too fast",
    lambda state, *_: state["acc_delta"].mul_(0.95),
)
_state(
    optim.Adamax,
    "norm-never-shrinks",
    "has a norm that does not fade",
    lambda state, group, *_: state["exp_inf"].div_(group["betas"][1]),
)
_state(
    optim.RAdam,
    "bias-of-variance-wrong",
    "has a second moment that is by one count too old",
    lambda state, *_: state["exp_avg_sq"].mul_(1.02 if float(state["step"]) == 6 else 1),
)


# Parameters that move too far, or too little.
def _too_far(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    parameter.add_(parameter - old, alpha=0.01)


def _half_too_far(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.element_size() == 2:
        parameter.add_(parameter - old, alpha=0.25)


def _strided_lags(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if not parameter.is_contiguous():
        parameter.lerp_(old, 0.01)


def _scalar_stays(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.dim() == 0:
        parameter.copy_(old)


def _last_stays(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.dim() == 1:
        parameter[-1:].copy_(old[-1:])


def _imaginary_lags(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.is_complex():
        parameter.imag.lerp_(old.imag, 0.01)


# Optimisers, what they get wrong, and what becomes of a parameter that has moved, for which groups.
_MOVED: tuple[tuple[tuple[Any, ...], str, str, After, Callable[[Group], bool]], ...] = (
    ((optim.SGD,), "half-loses-decay", "of 16-bit parameters steps 25% too far", _half_too_far, always),
    ((optim.Adam,), "strided-parameters-lag", "moves strided parameters 1% less", _strided_lags, always),
    ((optim.RMSprop,), "scalars-stay", "leaves 0-d parameters where they are", _scalar_stays, always),
    (CLASSES, "foreach-strays", "with foreach moves parameters by 1% too much", _too_far, _has("foreach")),
    (CLASSES, "foreach-last-stays", "with foreach forgets the last element", _last_stays, _has("foreach")),
    (FUSED, "fused-strays", "with fused moves by 1% too much", _too_far, _has("fused")),
    (CLASSES, "imaginary-part-lags", "moves imaginary parts by 1% too little", _imaginary_lags, always),
)
for _owners, _mutation, _summary, _change, _when in _MOVED:
    for _owner in _owners:
        after_step(_called(_owner, _mutation), f"{_owner.__name__} {_summary}.", _owner, _when)(_change)

# Options that optimisers share.
_SHARED: tuple[tuple[tuple[Any, ...], str, str, Callable[[Group], Group], Callable[[Group], bool]], ...] = (
    (CLASSES, "maximize-ignored", "descends where it should ascend", _set(maximize=False), always),
    (CLASSES, "foreach-loses-decay", "with foreach goes without decay", _set(weight_decay=0.0), _has("foreach")),
    (DECOUPLED, "decoupling-ignored", "adds decay to the gradient", _set(decoupled_weight_decay=False), always),
)
# Mutants that are no faults.
EQUIVALENT = {"optim-rprop-foreach-loses-decay": "Rprop has no weight_decay"}
for _owners, _mutation, _summary, _options, _when in _SHARED:
    for _owner in _owners:
        if _called(_owner, _mutation) not in EQUIVALENT:
            during_step(_called(_owner, _mutation), f"{_owner.__name__} {_summary}.", _owner, _options, _when)
