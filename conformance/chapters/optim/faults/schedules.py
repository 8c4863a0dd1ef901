"""Faults of the schedules of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch.optim import SGD, lr_scheduler

from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.optimiser_forms import during_step
from torch_conformance.conformance.power.registry import Breaker, Function, fault


def _made_with(name: str, summary: str, owner: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Register a fault that changes the attributes of a schedule before its first step is taken."""

    def make(original: Function) -> Function:
        def step(self: Any, *arguments: Any, **options: Any) -> Any:
            if not vars(self).get("_broken"):
                change(vars(self))
                vars(self)["_broken"] = True
            return original(self, *arguments, **options)

        return step

    fault(name, summary)(lambda breaker: breaker.binding(owner, "step", make))


def _changed(**values: Any) -> Callable[[dict[str, Any]], None]:
    def change(attributes: dict[str, Any]) -> None:
        attributes.update({key: value for key, value in values.items() if key in attributes})

    return change


def _more(key: str, amount: int) -> Callable[[dict[str, Any]], None]:
    def change(attributes: dict[str, Any]) -> None:
        attributes[key] += amount

    return change


_made_with("optim-step-lr-one-late", "StepLR waits one step more.", lr_scheduler.StepLR, _more("step_size", 1))
_made_with(
    "optim-constant-lr-ends-late", "ConstantLR ends one step late.", lr_scheduler.ConstantLR, _more("total_iters", 1)
)
_made_with(
    "optim-linear-lr-ends-at-one", "LinearLR ignores end_factor.", lr_scheduler.LinearLR, _changed(end_factor=1.0)
)
_made_with(
    "optim-polynomial-lr-power-ignored", "PolynomialLR is linear.", lr_scheduler.PolynomialLR, _changed(power=1.0)
)
_made_with(
    "optim-cosine-annealing-lr-minimum-ignored",
    "CosineAnnealingLR goes down to zero.",
    lr_scheduler.CosineAnnealingLR,
    _changed(eta_min=0.0),
)
_made_with(
    "optim-cosine-annealing-warm-restarts-keep-their-period",
    "CosineAnnealingWarmRestarts ignores T_mult.",
    lr_scheduler.CosineAnnealingWarmRestarts,
    _changed(T_mult=1),
)
_made_with(
    "optim-cyclic-lr-falls-as-it-rises",
    "CyclicLR ignores step_size_down.",
    lr_scheduler.CyclicLR,
    _changed(step_ratio=0.5),
)
_made_with(
    "optim-reduce-lr-on-plateau-impatient",
    "ReduceLROnPlateau waits one metric less.",
    lr_scheduler.ReduceLROnPlateau,
    _more("patience", -1),
)
_made_with(
    "optim-reduce-lr-on-plateau-relative-threshold-absolute",
    "ReduceLROnPlateau takes a relative threshold for an absolute one.",
    lr_scheduler.ReduceLROnPlateau,
    _changed(threshold_mode="abs"),
)
_made_with(
    "optim-reduce-lr-on-plateau-cooldown-ignored",
    "ReduceLROnPlateau never rests.",
    lr_scheduler.ReduceLROnPlateau,
    _changed(cooldown=0),
)


@replaced(
    "optim-multi-step-lr-repeated-milestone-lost",
    "MultiStepLR counts a milestone once.",
    "optim.lr_scheduler.MultiStepLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, milestones: Any, *a: Any, **k: Any) -> None:
    f(self, optimizer, sorted(set(milestones)), *a, **k)


@replaced(
    "optim-exponential-lr-growth-refused",
    "ExponentialLR never grows a rate.",
    "optim.lr_scheduler.ExponentialLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, gamma: float, *a: Any, **k: Any) -> None:
    f(self, optimizer, min(gamma, 1.0), *a, **k)


@replaced(
    "optim-lambda-lr-first-function-for-all",
    "LambdaLR uses the first function alone.",
    "optim.lr_scheduler.LambdaLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, lr_lambda: Any, *a: Any, **k: Any) -> None:
    f(self, optimizer, lr_lambda[:1] * len(lr_lambda) if isinstance(lr_lambda, list) else lr_lambda, *a, **k)


@replaced(
    "optim-multiplicative-lr-takes-the-count-before",
    "MultiplicativeLR calls its functions with the count before the step.",
    "optim.lr_scheduler.MultiplicativeLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, lr_lambda: Any, *a: Any, **k: Any) -> None:
    f(self, optimizer, [lambda count, each=each: each(count - 1) for each in lr_lambda], *a, **k)


@replaced(
    "optim-one-cycle-lr-always-cosine", "OneCycleLR ignores anneal_strategy.", "optim.lr_scheduler.OneCycleLR.__init__"
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "anneal_strategy": "cos"})


@replaced(
    "optim-one-cycle-lr-two-phases", "OneCycleLR never has three phases.", "optim.lr_scheduler.OneCycleLR.__init__"
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "three_phase": False})


@replaced(
    "optim-one-cycle-lr-momentum-stays",
    "OneCycleLR ends the cycle of momentum early.",
    "optim.lr_scheduler.OneCycleLR.step",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    kept = [group["momentum"] for group in self.optimizer.param_groups]
    f(self, *a, **k)
    if self.last_epoch > 12:
        for group, momentum in zip(self.optimizer.param_groups, kept, strict=True):
            group["momentum"] = momentum


@replaced("optim-cyclic-lr-halving-ignored", "CyclicLR ignores its mode.", "optim.lr_scheduler.CyclicLR.__init__")
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    mode = k.get("mode", "triangular")
    f(self, *a, **({**k, "mode": "triangular"} if mode == "triangular2" else k))


@replaced(
    "optim-cyclic-lr-momentum-follows-the-rate",
    "CyclicLR moves momentum with the rate.",
    "optim.lr_scheduler.CyclicLR.step",
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    if self.cycle_momentum:
        for group in self.optimizer.param_groups:
            group["momentum"] = group["base_momentum"] + group["max_momentum"] - group["momentum"]


@replaced(
    "optim-sequential-lr-milestone-late",
    "SequentialLR changes over one step late.",
    "optim.lr_scheduler.SequentialLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, schedulers: Any, milestones: Any, *a: Any, **k: Any) -> None:
    f(self, optimizer, schedulers, [each + 1 for each in milestones], *a, **k)


@replaced(
    "optim-chained-scheduler-skips-the-last",
    "ChainedScheduler steps all but the last.",
    "optim.lr_scheduler.ChainedScheduler.__init__",
)
def _(f: Function, self: Any, schedulers: Any, *a: Any, **k: Any) -> None:
    f(self, schedulers[:-1], *a, **k)


@replaced("optim-schedule-takes-any-factor", "LinearLR takes any factors.", "optim.lr_scheduler.LinearLR.__init__")
def _(
    f: Function, self: Any, optimizer: Any, start_factor: float = 1 / 3, end_factor: float = 1, *a: Any, **k: Any
) -> None:
    f(self, optimizer, min(max(start_factor, 0.1), 1), min(max(end_factor, 0), 1), *a, **k)


@replaced(
    "optim-schedule-takes-any-optimiser",
    "StepLR of what is no optimiser is made.",
    "optim.lr_scheduler.StepLR.__init__",
)
def _(f: Function, self: Any, optimizer: Any, *a: Any, **k: Any) -> None:
    if hasattr(optimizer, "param_groups"):
        f(self, optimizer, *a, **k)


@replaced("optim-one-cycle-lr-never-ends", "OneCycleLR stays where it ended.", "optim.lr_scheduler.OneCycleLR.step")
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    if self.last_epoch < self.total_steps:
        f(self, *a, **k)


during_step(
    "optim-schedule-rate-one-step-late",
    "SGD uses the rate that it was made with.",
    SGD,
    lambda group: {"lr": group["initial_lr"]} if "initial_lr" in group else {},
)

_CLASSES = {
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


def _forgetting(name: str, owner: Any, key: str) -> Callable[[Breaker], None]:
    def make(original: Function) -> Function:
        def load(self: Any, state_dict: Any) -> None:
            own = vars(self).get(key)
            if key == "_schedulers":
                return
            original(self, state_dict)
            # What was best is infinitely bad, what was counted is as it was before.
            vars(self)[key] = math.copysign(math.inf, self.best) if key == "best" else own

        return load

    return fault(f"optim-{name}-loading-forgets", f"{owner.__name__} keeps its own {key} when a state is loaded.")(
        lambda breaker: breaker.binding(owner, "load_state_dict", make)
    )


for _name, (_class, _key) in _CLASSES.items():
    _forgetting(_name, getattr(lr_scheduler, _class), _key)
