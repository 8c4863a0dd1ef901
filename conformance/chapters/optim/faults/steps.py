"""Faults of the optimisers' arithmetic: options lost or misread, terms wrong, state not kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, optim

from torch_conformance.conformance.power.optimiser_forms import Group, after_step, during_step


def _heavy(group: Group) -> bool:
    return bool(group["momentum"])


during_step(
    "optim-sgd-dampening-ignored",
    "SGD takes the whole gradient into its momentum.",
    optim.SGD,
    lambda _: {"dampening": 0},
)
during_step(
    "optim-sgd-nesterov-ignored",
    "SGD steps along the momentum, not ahead of it.",
    optim.SGD,
    lambda _: {"nesterov": False},
)


@after_step("optim-sgd-decays-momentum-again", "SGD multiplies its momentum twice by 0.99.", optim.SGD, _heavy)
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


@after_step("optim-adam-amsgrad-forgets", "Adam's amsgrad takes the last second moment, not the largest.", optim.Adam)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if group["amsgrad"] and state:
        state["max_exp_avg_sq"].zero_()


during_step(
    "optim-adamw-decay-lost-with-amsgrad",
    "AdamW with amsgrad decays nothing.",
    optim.AdamW,
    lambda _: {"weight_decay": 0.0},
    lambda group: bool(group["amsgrad"]),
)


@after_step("optim-adamw-decay-enters-the-moments", "AdamW's decay takes part in the first moment.", optim.AdamW)
def _(optimiser: Any, group: Group, parameter: Tensor, old: Tensor) -> None:
    state = optimiser.state[parameter]
    if state:
        state["exp_avg"].add_(old, alpha=(1 - group["betas"][0]) * group["weight_decay"])


during_step(
    "optim-rmsprop-centered-ignored", "RMSprop is never centered.", optim.RMSprop, lambda _: {"centered": False}
)


@after_step("optim-rmsprop-momentum-takes-the-rate", "RMSprop's momentum holds what it steps by.", optim.RMSprop)
def _(optimiser: Any, group: Group, parameter: Tensor, old: Tensor) -> None:
    if group["momentum"] and optimiser.state[parameter]:
        optimiser.state[parameter]["momentum_buffer"].copy_(old - parameter)


during_step(
    "optim-adagrad-decays-from-the-first-step",
    "Adagrad's rate has decayed once before the first step.",
    optim.Adagrad,
    lambda group: {"lr": group["lr"] / (1 + group["lr_decay"])},
)


@after_step("optim-adagrad-forgets-the-start", "Adagrad starts its sums at half the given value.", optim.Adagrad)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if state and float(state["step"]) == 1:
        state["sum"].sub_(group["initial_accumulator_value"] / 2)


@after_step("optim-adadelta-forgets-its-steps", "Adadelta's mean square of steps fades too fast.", optim.Adadelta)
def _(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
    if optimiser.state[parameter]:
        optimiser.state[parameter]["acc_delta"].mul_(0.95)


during_step("optim-adadelta-rate-ignored", "Adadelta steps with rate one.", optim.Adadelta, lambda _: {"lr": 1.0})


@after_step("optim-adamax-norm-never-shrinks", "Adamax's norm does not fade.", optim.Adamax)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    if optimiser.state[parameter]:
        optimiser.state[parameter]["exp_inf"].div_(group["betas"][1])


during_step(
    "optim-nadam-momentum-decay-ignored",
    "NAdam's schedule is the default one.",
    optim.NAdam,
    lambda _: {"momentum_decay": 4e-3},
)


@after_step("optim-radam-bias-of-variance-wrong", "RAdam's second moment is by one count too old.", optim.RAdam)
def _(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if state and float(state["step"]) == 6:
        state["exp_avg_sq"].mul_(1.02)


during_step(
    "optim-rprop-step-limits-ignored",
    "Rprop's step sizes have no limit.",
    optim.Rprop,
    lambda _: {"step_sizes": (0.0, 1e9)},
)


@after_step("optim-rprop-turning-steps-back", "Rprop keeps the gradient at which it turned.", optim.Rprop)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    if parameter.grad is not None and not parameter.is_complex():
        optimiser.state[parameter]["prev"].copy_(-parameter.grad if group.get("maximize") else parameter.grad)


during_step("optim-asgd-decay-term-lost", "ASGD does not decay parameters.", optim.ASGD, lambda _: {"lambd": 0.0})


# Faults of one kind of parameter or precision, whatever the optimiser.
@after_step("optim-sgd-half-loses-decay", "SGD of 16-bit parameters steps 25% too far.", optim.SGD)
def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.element_size() == 2:
        parameter.add_(parameter - old, alpha=0.25)


@after_step("optim-adam-strided-parameters-lag", "Adam moves parameters that are not contiguous 1% less.", optim.Adam)
def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if not parameter.is_contiguous():
        parameter.lerp_(old, 0.01)


@after_step("optim-rmsprop-scalars-stay", "RMSprop leaves 0-d parameters where they are.", optim.RMSprop)
def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
    if parameter.dim() == 0:
        parameter.copy_(old)


_CLASSES: tuple[Any, ...] = (
    *(optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.Adadelta, optim.Adamax, optim.NAdam),
    *(optim.RAdam, optim.Rprop, optim.ASGD),
)


def _name(owner: Any) -> str:
    return str(owner.__name__).lower()


def _with_foreach(group: Group) -> bool:
    return bool(group["foreach"])


def _drifting(name: str, summary: str, owner: Any, when: Any) -> None:
    @after_step(name, summary, owner, when)
    def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
        parameter.add_(parameter - old, alpha=0.01)


def _single_ended(name: str, summary: str, owner: Any, when: Any) -> None:
    @after_step(name, summary, owner, when)
    def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
        if parameter.dim() == 1:
            parameter[-1:].copy_(old[-1:])


# Each optimiser ignores `maximize`; its form over lists strays, or loses an element, or a term.
for _owner in _CLASSES:
    during_step(
        f"optim-{_name(_owner)}-maximize-ignored",
        f"{_owner.__name__} descends where it should ascend.",
        _owner,
        lambda group: {"maximize": False} if "maximize" in group else {},
    )
for _place, _owner in enumerate(_CLASSES):
    _break = _drifting if _place % 2 else _single_ended
    _break(
        f"optim-{_name(_owner)}-foreach-strays",
        f"{_owner.__name__} with foreach moves parameters by 1% too much, or forgets the last element.",
        _owner,
        _with_foreach,
    )


def _decay_lost(owner: Any, key: str, term: str) -> None:
    during_step(
        f"optim-{_name(owner)}-foreach-loses-{term}",
        f"{owner.__name__} with foreach goes without {key}.",
        owner,
        lambda _: {key: 0.0},
        _with_foreach,
    )


for _owner in (optim.SGD, optim.Adam, optim.RMSprop, optim.Adadelta, optim.NAdam):
    _decay_lost(_owner, "weight_decay", "decay")


for _owner in (optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad):

    @after_step(
        f"optim-{_name(_owner)}-fused-strays",
        f"{_owner.__name__} with fused moves by 1% too much.",
        _owner,
        lambda group: bool(group.get("fused")),
    )
    def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
        parameter.add_(parameter - old, alpha=0.01)


for _owner in _CLASSES:

    @after_step(
        f"optim-{_name(_owner)}-imaginary-part-lags",
        f"{_owner.__name__} moves imaginary parts by 1% too little.",
        _owner,
    )
    def _(_optimiser: Any, _group: Group, parameter: Tensor, old: Tensor) -> None:
        if parameter.is_complex():
            parameter.imag.lerp_(old.imag, 0.01)


@after_step(
    "optim-adam-complex-square-is-modulus", "Adam's second moment of complex numbers is of the modulus.", optim.Adam
)
def _(optimiser: Any, group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state[parameter]
    if parameter.is_complex() and state and parameter.grad is not None:
        gradient = torch.view_as_real(parameter.grad)
        torch.view_as_real(state["exp_avg_sq"]).add_(gradient.flip(-1) ** 2, alpha=1 - group["betas"][1])


for _owner in (optim.Adam, optim.NAdam, optim.RAdam):
    during_step(
        f"optim-{_name(_owner)}-decoupling-ignored",
        f"{_owner.__name__} adds weight decay to the gradient, decoupled or not.",
        _owner,
        lambda group: {"decoupled_weight_decay": False} if "decoupled_weight_decay" in group else {},
    )
