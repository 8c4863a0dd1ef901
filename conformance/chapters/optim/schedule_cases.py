"""Schedules of the learning rate to judge: how each is made, with which options, and the rates that it must give."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.training import schedules

Array = npt.NDArray[Any]
Options = dict[str, Any]

STEPS = 16
BASES = (0.5, 0.2)
_MODULE = "torch.optim.lr_scheduler"


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A kind of schedule.

    Attributes:
        build: Torch code that makes one of `optimiser` and `options`.
        rows: Options to try.
        rates: Rates after each step, of a base rate under some options; the group's place comes third.
        advance: Torch code that takes a step.
        other: Options of a schedule that is about to load another's state; those of the first row where None.
    """

    build: str
    rows: tuple[Options, ...]
    rates: Callable[[float, Options, int], Array]
    advance: str = "schedule.step()"
    other: Options | None = None

    def expected(self, options: Options) -> Array:
        """Return the rates of both groups, one row a step."""
        return np.stack([self.rates(base, options, place) for place, base in enumerate(BASES)], axis=1)


def _plain(name: str, reference: Callable[..., Array], other: Options, *rows: Options) -> Schedule:
    def rates(base: float, options: Options, _: int) -> Array:
        return reference(base, STEPS, **options)

    return Schedule(f"{_MODULE}.{name}(optimiser, **options)", rows, rates, other=other)


def _factor(count: int) -> float:
    return (count + 2) / (2 * count + 3)


# Each group has a function of its own.
_FUNCTIONS = "[lambda count: (count + 2) / (2 * count + 3), lambda count: 0.75]"


def _functions(reference: Callable[..., Array]) -> Callable[[float, Options, int], Array]:
    def rates(base: float, _: Options, place: int) -> Array:
        return reference(base, STEPS, factor=(lambda _count: 0.75) if place else _factor)

    return rates


def _one_cycle(_base: float, options: Options, place: int) -> Array:
    tops = options["max_lr"]
    top = tops[place] if isinstance(tops, list) else tops
    total = options.get("total_steps") or options["epochs"] * options["steps_per_epoch"]
    first = top / options.get("div_factor", 25.0)
    shape = {key: options[key] for key in ("pct_start", "anneal_strategy", "three_phase") if key in options}
    last = first / options.get("final_div_factor", 1e4)
    return schedules.one_cycle(STEPS, top=top, first=first, last=last, total_steps=total, **shape)


def one_cycle_momentum(options: Options) -> Array:
    """Return the momentum beside the rates of OneCycleLR."""
    low, high = options.get("base_momentum", 0.85), options.get("max_momentum", 0.95)
    shape = {key: options[key] for key in ("pct_start", "anneal_strategy", "three_phase") if key in options}
    return schedules.one_cycle(STEPS, top=low, first=high, last=high, total_steps=options["total_steps"], **shape)


def _scale(options: Options) -> Callable[[int, int], float]:
    mode = options.get("mode", "triangular")
    if mode == "triangular2":
        return lambda cycle, _count: 0.5 ** (cycle - 1)
    if mode == "exp_range":
        return lambda _cycle, count: float(options["gamma"] ** count)
    return lambda _cycle, _count: 1.0


def _cyclic(_base: float, options: Options, place: int) -> Array:
    low, high = (each[place] if isinstance(each, list) else each for each in (options["base_lr"], options["max_lr"]))
    up = options["step_size_up"]
    return schedules.cyclic(
        STEPS, low=low, high=high, up=up, down=options.get("step_size_down") or up, scale=_scale(options)
    )


def cyclic_momentum(options: Options) -> Array:
    """Return the momentum beside the rates of CyclicLR."""
    up = options["step_size_up"]
    low, high = options.get("max_momentum", 0.9), options.get("base_momentum", 0.8)
    down = options.get("step_size_down") or up
    return schedules.cyclic(STEPS, low=low, high=high, up=up, down=down, scale=_scale(options))


METRICS = (8.0, 6.0, 5.875, 5.8125, 5.8125, 7.0, 5.75, 3.0, 4.0, 4.0, 2.999, 9.0, 9.0, 9.0, 9.0, 9.0)


def _plateau(base: float, options: Options, place: int) -> Array:
    limit = options.get("min_lr", 0.0)
    chosen = {**options, "min_lr": limit[place] if isinstance(limit, list) else limit}
    return schedules.plateau(base, METRICS, **chosen)


_SEQUENCE = f"""parts = [{_MODULE}.LinearLR(optimiser, 0.25, total_iters=4), {_MODULE}.ExponentialLR(optimiser, 0.75)]
schedule = {_MODULE}.SequentialLR(optimiser, parts, **options)"""
_CHAIN = f"""parts = [{_MODULE}.ConstantLR(optimiser, 0.5, total_iters=4), {_MODULE}.ExponentialLR(optimiser, 0.75)]
schedule = {_MODULE}.ChainedScheduler(parts)"""


def _sequence(base: float, options: Options, _: int) -> Array:
    warm = schedules.linear(base, STEPS, start_factor=0.25, total_iters=4)
    return schedules.sequential([warm, schedules.exponential(base, STEPS, gamma=0.75)], options["milestones"], STEPS)


def _chain(base: float, _options: Options, _: int) -> Array:
    held = schedules.constant(1.0, STEPS, factor=0.5, total_iters=4)
    return held * schedules.exponential(base, STEPS, gamma=0.75)


_PLATEAU = (
    {"factor": 0.5, "patience": 1, "threshold": 0.0625, "threshold_mode": "rel"},
    {"factor": 0.5, "patience": 0, "threshold": 0.5, "threshold_mode": "abs", "cooldown": 2},
    {"mode": "max", "factor": 0.25, "patience": 2, "threshold": 0.25, "threshold_mode": "rel"},
    {"mode": "max", "factor": 0.5, "patience": 1, "threshold": 0.75, "threshold_mode": "abs"},
    {"factor": 0.5, "patience": 0, "min_lr": [0.125, 0.0625]},
    {"factor": 0.5, "patience": 0, "eps": 0.06},
    {"patience": 1},
)
_ONE_CYCLE = (
    {"max_lr": 1.0, "total_steps": 18},
    {"max_lr": [1.0, 0.5], "epochs": 4, "steps_per_epoch": 5, "pct_start": 0.4, "div_factor": 8.0},
    {"max_lr": 1.0, "total_steps": 20, "anneal_strategy": "linear", "final_div_factor": 16.0},
    {"max_lr": 1.0, "total_steps": 20, "pct_start": 0.25, "three_phase": True, "div_factor": 4.0},
)
_CYCLIC = (
    {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 4},
    {"base_lr": [0.1, 0.2], "max_lr": [1.0, 0.6], "step_size_up": 2, "step_size_down": 4},
    {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3, "mode": "triangular2"},
    {"base_lr": 0.1, "max_lr": 1.0, "step_size_up": 3, "mode": "exp_range", "gamma": 0.9},
)

SCHEDULES: dict[str, Schedule] = {
    "step-lr": _plain(
        *("StepLR", schedules.step, {"step_size": 1, "gamma": 0.5}, {"step_size": 3}),
        *({"step_size": 2, "gamma": 0.75}, {"step_size": 1, "gamma": 0.5}),
    ),
    "multi-step-lr": _plain(
        *("MultiStepLR", schedules.multi_step, {"milestones": [1], "gamma": 0.5}, {"milestones": [3, 5, 11]}),
        *({"milestones": [1, 7], "gamma": 0.5}, {"milestones": [2, 2, 9], "gamma": 0.75}),
    ),
    "exponential-lr": _plain("ExponentialLR", schedules.exponential, {"gamma": 0.5}, {"gamma": 0.9}, {"gamma": 1.25}),
    "constant-lr": _plain(
        *("ConstantLR", schedules.constant, {"factor": 0.25}, {}, {"factor": 0.5, "total_iters": 3}),
        {"factor": 0.75, "total_iters": 9},
    ),
    "linear-lr": _plain(
        *("LinearLR", schedules.linear, {"start_factor": 0.25}, {}, {"start_factor": 0.5, "total_iters": 8}),
        {"start_factor": 1.0, "end_factor": 0.25, "total_iters": 6},
    ),
    "polynomial-lr": _plain(
        *("PolynomialLR", schedules.polynomial, {"total_iters": 3}, {}, {"total_iters": 8, "power": 2.0}),
        {"total_iters": 10, "power": 0.5},
    ),
    "cosine-annealing-lr": _plain(
        *("CosineAnnealingLR", schedules.cosine, {"T_max": 9}, {"T_max": 6}, {"T_max": 10, "eta_min": 0.0625}),
        {"T_max": 4, "eta_min": 0.1},
    ),
    "cosine-annealing-warm-restarts": _plain(
        *("CosineAnnealingWarmRestarts", schedules.warm_restarts, {"T_0": 9}, {"T_0": 5}),
        *({"T_0": 3, "T_mult": 2, "eta_min": 0.0625}, {"T_0": 1, "T_mult": 3}),
    ),
    "lambda-lr": Schedule(f"{_MODULE}.LambdaLR(optimiser, {_FUNCTIONS})", ({},), _functions(schedules.by_function)),
    "multiplicative-lr": Schedule(
        f"{_MODULE}.MultiplicativeLR(optimiser, lr_lambda={_FUNCTIONS})", ({},), _functions(schedules.multiplied)
    ),
    "one-cycle-lr": Schedule(f"{_MODULE}.OneCycleLR(optimiser, **options)", _ONE_CYCLE, _one_cycle),
    "cyclic-lr": Schedule(f"{_MODULE}.CyclicLR(optimiser, **options)", _CYCLIC, _cyclic),
    "reduce-lr-on-plateau": Schedule(
        *(f"{_MODULE}.ReduceLROnPlateau(optimiser, **options)", _PLATEAU, _plateau),
        *("schedule.step(metrics[len(rates) - 1])", {"factor": 0.9}),
    ),
    "sequential-lr": Schedule(_SEQUENCE, ({"milestones": [4]}, {"milestones": [7]}), _sequence),
    "chained-scheduler": Schedule(_CHAIN, ({},), _chain),
}


def build_statement(schedule: Schedule) -> str:
    """Return the code that makes a schedule, as one statement or several."""
    return schedule.build if schedule.build.startswith("parts") else f"schedule = {schedule.build}"
