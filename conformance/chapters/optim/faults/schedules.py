"""Faults of the schedules of the learning rate."""

from __future__ import annotations

import math
from typing import Any

from torch.optim import SGD

from torch_conformance.conformance.power.argument_forms import option_ignored, option_value_changed
from torch_conformance.conformance.power.damage import Change
from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.optimiser_forms import during_step
from torch_conformance.conformance.power.registry import Function

SCHEDULERS = "optim.lr_scheduler"


def _always(value: Any) -> Change:
    return lambda _: value


def _first_for_all(given: Any) -> Any:
    return given[:1] * len(given) if isinstance(given, list) else given


# Schedule, what it gets wrong, which of its attributes is another before its first step, and what that is.
_MADE: tuple[tuple[str, str, str, str, Change], ...] = (
    ("StepLR", "step-lr-one-late", "waits one step more", "step_size", lambda n: n + 1),
    ("ConstantLR", "constant-lr-ends-late", "ends one step late", "total_iters", lambda n: n + 1),
    ("LinearLR", "linear-lr-ends-at-one", "ignores end_factor", "end_factor", _always(1.0)),
    ("PolynomialLR", "polynomial-lr-power-ignored", "is linear", "power", _always(1.0)),
    ("CosineAnnealingLR", "cosine-annealing-lr-minimum-ignored", "goes down to zero", "eta_min", _always(0.0)),
    (
        "CosineAnnealingWarmRestarts",
        "cosine-annealing-warm-restarts-keep-their-period",
        "ignores T_mult",
        "T_mult",
        _always(1),
    ),
    ("CyclicLR", "cyclic-lr-falls-as-it-rises", "ignores step_size_down", "step_ratio", _always(0.5)),
    ("ReduceLROnPlateau", "reduce-lr-on-plateau-impatient", "waits one less", "patience", lambda n: n - 1),
    (
        "ReduceLROnPlateau",
        "reduce-lr-on-plateau-relative-threshold-absolute",
        "takes a relative threshold for an absolute one",
        "threshold_mode",
        _always("abs"),
    ),
    ("ReduceLROnPlateau", "reduce-lr-on-plateau-cooldown-ignored", "never rests", "cooldown", _always(0)),
)
# Schedule, what it gets wrong, which of its options it takes for another, and for which.
_GIVEN: tuple[tuple[str, str, str, str, Change], ...] = (
    (
        "MultiStepLR",
        "multi-step-lr-repeated-milestone-lost",
        "counts a milestone once",
        "milestones",
        lambda v: sorted(set(v)),
    ),
    ("ExponentialLR", "exponential-lr-growth-refused", "never grows a rate", "gamma", lambda v: min(v, 1.0)),
    ("LambdaLR", "lambda-lr-first-function-for-all", "uses the first function alone", "lr_lambda", _first_for_all),
    (
        "MultiplicativeLR",
        "multiplicative-lr-takes-the-count-before",
        "calls its functions with the count before the step",
        "lr_lambda",
        lambda v: [lambda count, each=each: each(count - 1) for each in v],
    ),
    (
        "CyclicLR",
        "cyclic-lr-halving-ignored",
        "ignores a mode",
        "mode",
        lambda v: "triangular" if v == "triangular2" else v,
    ),
    (
        "SequentialLR",
        "sequential-lr-milestone-late",
        "changes over late",
        "milestones",
        lambda v: [each + 1 for each in v],
    ),
    ("ChainedScheduler", "chained-scheduler-skips-the-last", "steps all but the last", "schedulers", lambda v: v[:-1]),
)
# What each keeps of its own when a state is loaded.
_FORGOTTEN = {
    "step-lr": ("StepLR", "gamma"),
    "multi-step-lr": ("MultiStepLR", "last_epoch"),
    "exponential-lr": ("ExponentialLR", "gamma"),
    "constant-lr": ("ConstantLR", "last_epoch"),
    "linear-lr": ("LinearLR", "last_epoch"),
    "polynomial-lr": ("PolynomialLR", "last_epoch"),
    "cosine-annealing-lr": ("CosineAnnealingLR", "T_max"),
    "cosine-annealing-warm-restarts": ("CosineAnnealingWarmRestarts", "T_cur"),
    "lambda-lr": ("LambdaLR", "last_epoch"),
    "multiplicative-lr": ("MultiplicativeLR", "last_epoch"),
    "one-cycle-lr": ("OneCycleLR", "last_epoch"),
    "cyclic-lr": ("CyclicLR", "last_epoch"),
    "reduce-lr-on-plateau": ("ReduceLROnPlateau", "best"),
    "sequential-lr": ("SequentialLR", "last_epoch"),
    "chained-scheduler": ("ChainedScheduler", "_schedulers"),
}


def _made(owner: str, name: str, summary: str, key: str, change: Change) -> None:
    @replaced(f"optim-{name}", f"{owner} {summary}.", f"{SCHEDULERS}.{owner}.step")
    def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
        if not vars(self).get("_broken"):
            vars(self).update({key: change(vars(self)[key]), "_broken": True})
        return f(self, *a, **k)


def _forgetting(name: str, owner: str, key: str) -> None:
    text = f"{owner} keeps its own {key} when a state is loaded."

    @replaced(f"optim-{name}-loading-forgets", text, f"{SCHEDULERS}.{owner}.load_state_dict")
    def _(f: Function, self: Any, state_dict: Any) -> None:
        own = vars(self).get(key)
        if key == "_schedulers":
            return
        f(self, state_dict)
        # What was best is infinitely bad, what was counted is as it was before.
        vars(self)[key] = math.copysign(math.inf, self.best) if key == "best" else own


for _owner, _name, _summary, _key, _change in _MADE:
    _made(_owner, _name, _summary, _key, _change)
for _owner, _name, _summary, _key, _change in _GIVEN:
    _text = f"{_owner} {_summary}."
    option_value_changed(f"optim-{_name}", _text, f"{SCHEDULERS}.{_owner}.__init__", option=_key, change=_change)
for _name, (_owner, _key) in _FORGOTTEN.items():
    _forgetting(_name, _owner, _key)

ONE_CYCLE, CYCLIC, LINEAR = (f"{SCHEDULERS}.{name}" for name in ("OneCycleLR", "CyclicLR", "LinearLR"))
for _name, _option, _value in (("always-cosine", "anneal_strategy", "cos"), ("two-phases", "three_phase", False)):
    _text = f"OneCycleLR ignores {_option}."
    option_ignored(f"optim-one-cycle-lr-{_name}", _text, f"{ONE_CYCLE}.__init__", option=_option, value=_value)
replaced("optim-one-cycle-lr-never-ends", "OneCycleLR stays where it ended.", f"{ONE_CYCLE}.step")(
    lambda f, self, *a, **k: f(self, *a, **k) if self.last_epoch < self.total_steps else None
)
replaced("optim-schedule-takes-any-factor", "LinearLR takes any factors.", f"{LINEAR}.__init__")(
    lambda f, self, optimizer, start_factor=1 / 3, end_factor=1, *a, **k: f(
        self, optimizer, min(max(start_factor, 0.1), 1), min(max(end_factor, 0), 1), *a, **k
    )
)
replaced("optim-schedule-takes-any-optimiser", "StepLR takes what is no optimiser.", f"{SCHEDULERS}.StepLR.__init__")(
    lambda f, self, optimizer, *a, **k: f(self, optimizer, *a, **k) if hasattr(optimizer, "param_groups") else None
)


@replaced("optim-one-cycle-lr-momentum-stays", "OneCycleLR ends the cycle of momentum early.", f"{ONE_CYCLE}.step")
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    kept = [group["momentum"] for group in self.optimizer.param_groups]
    f(self, *a, **k)
    if self.last_epoch > 12:
        for group, momentum in zip(self.optimizer.param_groups, kept, strict=True):
            group["momentum"] = momentum


@replaced("optim-cyclic-lr-momentum-follows-the-rate", "CyclicLR moves momentum with the rate.", f"{CYCLIC}.step")
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    if self.cycle_momentum:
        for group in self.optimizer.param_groups:
            group["momentum"] = group["base_momentum"] + group["max_momentum"] - group["momentum"]


during_step(
    "optim-schedule-rate-one-step-late",
    "SGD uses the rate that it was made with.",
    SGD,
    lambda group: {"lr": group["initial_lr"]} if "initial_lr" in group else {},
)
