"""Faults of what optimisers are made with, of parameters without gradient, and of state that is saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, optim

from torch_conformance.conformance.power.optimiser_forms import Group, after_loading, after_step, constructed


def _name(owner: Any) -> str:
    return str(owner.__name__).lower()


# What each optimiser takes for granted where the option is not given.
_WRONG_DEFAULTS: tuple[tuple[Any, str, Any], ...] = (
    (optim.SGD, "dampening", 0.1),
    (optim.Adam, "eps", 1e-6),
    (optim.Adam, "betas", (0.9, 0.99)),
    (optim.AdamW, "weight_decay", 0.0),
    (optim.RMSprop, "alpha", 0.9),
    (optim.RMSprop, "eps", 1e-6),
    (optim.Adagrad, "eps", 1e-8),
    (optim.Adadelta, "rho", 0.95),
    (optim.Adadelta, "eps", 1e-8),
    (optim.Adamax, "lr", 1e-3),
    (optim.NAdam, "momentum_decay", 1e-3),
    (optim.RAdam, "eps", 1e-7),
    (optim.Rprop, "etas", (0.5, 1.3)),
    (optim.ASGD, "alpha", 0.5),
)


def _other_default(option: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(options: dict[str, Any]) -> None:
        options.setdefault(option, value)

    return change


for _owner, _option, _value in _WRONG_DEFAULTS:
    constructed(
        f"optim-{_name(_owner)}-default-{_option.replace('_', '-')}",
        f"{_owner.__name__} without {_option} takes {_value}.",
        _owner,
        _other_default(_option, _value),
    )

# Options that are taken although they make no sense.
_SWALLOWED: tuple[tuple[Any, str, Any], ...] = (
    (optim.SGD, "momentum", lambda v: max(v, 0)),
    (optim.SGD, "nesterov", lambda _: False),
    (optim.Adam, "betas", lambda v: (v[0], min(v[1], 0.999))),
    (optim.AdamW, "eps", lambda v: max(v, 0)),
    (optim.RMSprop, "alpha", lambda v: max(v, 0)),
    (optim.Adagrad, "initial_accumulator_value", lambda v: max(v, 0)),
    (optim.Adadelta, "rho", lambda v: min(v, 1)),
    (optim.Adamax, "betas", lambda v: (max(v[0], 0), v[1])),
    (optim.NAdam, "momentum_decay", lambda v: max(v, 0)),
    (optim.RAdam, "weight_decay", lambda v: max(v, 0)),
    (optim.Rprop, "etas", lambda v: (v[0], max(v[1], 1.01))),
    (optim.ASGD, "lr", lambda v: max(v, 0)),
)


def _mended(option: str, mend: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def change(options: dict[str, Any]) -> None:
        if option in options:
            options[option] = mend(options[option])

    return change


for _owner, _option, _mend in _SWALLOWED:
    constructed(
        f"optim-{_name(_owner)}-takes-any-{_option.replace('_', '-')}",
        f"{_owner.__name__} mends an invalid {_option} in silence.",
        _owner,
        _mended(_option, _mend),
    )

# What is lost on the way through a state dict.
_LOST: tuple[tuple[Any, str], ...] = (
    (optim.SGD, "momentum_buffer"),
    (optim.Adam, "step"),
    (optim.Adam, "max_exp_avg_sq"),
    (optim.AdamW, "exp_avg_sq"),
    (optim.RMSprop, "grad_avg"),
    (optim.RMSprop, "momentum_buffer"),
    (optim.Adagrad, "sum"),
    (optim.Adagrad, "step"),
    (optim.Adadelta, "acc_delta"),
    (optim.Adamax, "exp_inf"),
    (optim.NAdam, "mu_product"),
    (optim.RAdam, "exp_avg"),
    (optim.Rprop, "prev"),
    (optim.ASGD, "eta"),
)


def _faded(key: str) -> Callable[[dict[str, Any]], None]:
    def change(state: dict[str, Any]) -> None:
        value = state.get(key)
        if isinstance(value, Tensor):
            state[key] = value * 0 + 1 if key == "step" else value * 0.5 if value.dim() == 0 else value * 0

    return change


for _owner, _key in _LOST:
    after_loading(
        f"optim-{_name(_owner)}-loading-loses-{_key.replace('_', '-')}",
        f"{_owner.__name__} begins its {_key} anew when a state dict is loaded.",
        _owner,
        _faded(_key),
    )


def _moved_anyway(owner: Any) -> None:
    @after_step(
        f"optim-{_name(owner)}-moves-without-gradient",
        f"{owner.__name__} shrinks a parameter without a gradient, once it has had one.",
        owner,
    )
    def _(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
        if parameter.grad is None and len(optimiser.state[parameter]):
            parameter.mul_(0.999)


def _counted_anyway(owner: Any) -> None:
    @after_step(
        f"optim-{_name(owner)}-counts-without-gradient", f"{owner.__name__} counts steps without a gradient.", owner
    )
    def _(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
        state = optimiser.state.get(parameter, {})
        if parameter.grad is None and "step" in state:
            state["step"] += 1


for _owner in (optim.SGD, optim.RMSprop, optim.Rprop, optim.ASGD, optim.Adadelta):
    _moved_anyway(_owner)
for _owner in (optim.Adam, optim.AdamW, optim.Adagrad, optim.Adamax, optim.NAdam, optim.RAdam):
    _counted_anyway(_owner)
