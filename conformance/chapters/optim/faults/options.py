"""Faults of what optimisers are made with, of parameters without gradient, and of state that is saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, optim

from torch_conformance.conformance.power.forms import nothing
from torch_conformance.conformance.power.optimiser_forms import Group, after_loading, after_step, constructed

# What each optimiser takes for granted where the option is not given.
_WRONG_DEFAULTS: tuple[tuple[str, str, Any], ...] = (
    ("SGD", "dampening", 0.1),
    ("Adam", "eps", 1e-6),
    ("Adam", "betas", (0.9, 0.99)),
    ("AdamW", "weight_decay", 0.0),
    ("RMSprop", "alpha", 0.9),
    ("RMSprop", "eps", 1e-6),
    ("Adagrad", "eps", 1e-8),
    ("Adadelta", "rho", 0.95),
    ("Adadelta", "eps", 1e-8),
    ("Adamax", "lr", 1e-3),
    ("NAdam", "momentum_decay", 1e-3),
    ("RAdam", "eps", 1e-7),
    ("Rprop", "etas", (0.5, 1.3)),
    ("ASGD", "alpha", 0.5),
)
# Options that are taken although they make no sense, and what is taken for them.
_SWALLOWED: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("SGD", "momentum", lambda v: max(v, 0)),
    ("SGD", "nesterov", lambda _: False),
    ("Adam", "betas", lambda v: (v[0], min(v[1], 0.999))),
    ("AdamW", "eps", lambda v: max(v, 0)),
    ("RMSprop", "alpha", lambda v: max(v, 0)),
    ("Adagrad", "initial_accumulator_value", lambda v: max(v, 0)),
    ("Adadelta", "rho", lambda v: min(v, 1)),
    ("Adamax", "betas", lambda v: (max(v[0], 0), v[1])),
    ("NAdam", "momentum_decay", lambda v: max(v, 0)),
    ("RAdam", "weight_decay", lambda v: max(v, 0)),
    ("Rprop", "etas", lambda v: (v[0], max(v[1], 1.01))),
    ("ASGD", "lr", lambda v: max(v, 0)),
)
# What is lost on the way through a state dict.
_LOST = {
    "SGD": "momentum_buffer",
    "Adam": "step max_exp_avg_sq",
    "AdamW": "exp_avg_sq",
    "RMSprop": "grad_avg momentum_buffer",
    "Adagrad": "sum step",
    "Adadelta": "acc_delta",
    "Adamax": "exp_inf",
    "NAdam": "mu_product",
    "RAdam": "exp_avg",
    "Rprop": "prev",
    "ASGD": "eta",
}


def _default(owner: str, option: str, value: Any) -> None:
    name = f"optim-{owner.lower()}-default-{option.replace('_', '-')}"
    text = f"{owner} without {option} takes {value}."
    constructed(name, text, getattr(optim, owner), lambda given: nothing(given.setdefault(option, value)))


def _mended(owner: str, option: str, mend: Callable[[Any], Any]) -> None:
    def change(given: Group) -> None:
        if option in given:
            given[option] = mend(given[option])

    name = f"optim-{owner.lower()}-takes-any-{option.replace('_', '-')}"
    constructed(name, f"{owner} mends an invalid {option} in silence.", getattr(optim, owner), change)


def _lost(owner: str, key: str) -> None:
    def change(state: Group) -> None:
        value = state.get(key)
        if isinstance(value, Tensor):
            state[key] = value * 0 + 1 if key == "step" else value * 0.5 if value.dim() == 0 else value * 0

    name = f"optim-{owner.lower()}-loading-loses-{key.replace('_', '-')}"
    text = f"{owner} begins its {key} anew when a state dict is loaded."
    after_loading(name, text, getattr(optim, owner), change)


for _owner, _option, _value in _WRONG_DEFAULTS:
    _default(_owner, _option, _value)
for _owner, _option, _mend in _SWALLOWED:
    _mended(_owner, _option, _mend)
for _owner, _keys in _LOST.items():
    for _key in _keys.split():
        _lost(_owner, _key)


# Parameters without a gradient, once they have had one.
def _moved(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
    if parameter.grad is None and len(optimiser.state[parameter]):
        parameter.mul_(0.999)


def _counted(optimiser: Any, _group: Group, parameter: Tensor, _old: Tensor) -> None:
    state = optimiser.state.get(parameter, {})
    if parameter.grad is None and "step" in state:
        state["step"] += 1


_UNCOUNTED: tuple[Any, ...] = (optim.SGD, optim.RMSprop, optim.Rprop, optim.ASGD, optim.Adadelta)
_COUNTED: tuple[Any, ...] = (optim.Adam, optim.AdamW, optim.Adagrad, optim.Adamax, optim.NAdam, optim.RAdam)
for _class in _UNCOUNTED:
    _name, _text = f"optim-{_class.__name__.lower()}-moves-without-gradient", "shrinks a parameter without a gradient."
    after_step(_name, f"{_class.__name__} {_text}", _class)(_moved)
for _class in _COUNTED:
    _name = f"optim-{_class.__name__.lower()}-counts-without-gradient"
    after_step(_name, f"{_class.__name__} counts steps without a gradient.", _class)(_counted)
