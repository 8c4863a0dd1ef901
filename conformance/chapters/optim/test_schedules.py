"""The learning rates that each schedule gives, step by step, and after its state has been loaded."""

from __future__ import annotations

from typing import Any

from torch_conformance.conformance.chapters.optim.schedule_cases import (
    BASES,
    METRICS,
    SCHEDULES,
    STEPS,
    Schedule,
    build_statement,
    cyclic_momentum,
    one_cycle_momentum,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.training import schedules

_OPTIMISER = f"""a, b = (torch.ones(2, device=device, requires_grad=True) for _ in range(2))
optimiser = torch.optim.SGD([{{'params': [a]}}, {{'params': [b], 'lr': {BASES[1]}}}], lr={BASES[0]}, momentum=0.5)"""
_START = "rates, last = [[each['lr'] for each in optimiser.param_groups]], [schedule.get_last_lr()]"
_ADVANCE = """for _ in range(count):
    optimiser.step()
    {}
    rates.append([each['lr'] for each in optimiser.param_groups])
    last.append(schedule.get_last_lr())"""
_RATES = "torch.tensor(rates, dtype=torch.float64, device=device)"


def _begin(cell: Cell, schedule: Schedule, options: dict[str, Any], count: int) -> Trial:
    trial = cell.trial(options=options, count=count, metrics=METRICS)
    trial.run(_OPTIMISER)
    trial.run(build_statement(schedule))
    # ReduceLROnPlateau remembers no rate before its first step in earlier versions.
    plateau = "metrics" in schedule.advance
    trial.run("rates, last = [[each['lr'] for each in optimiser.param_groups]], [None]" if plateau else _START)
    trial.run(_advance(schedule))
    return trial


def _advance(schedule: Schedule) -> str:
    # ReduceLROnPlateau has get_last_lr since 2.2.
    text = _ADVANCE.format(schedule.advance)
    return text.replace("schedule.get_last_lr()", "schedule._last_lr") if "metrics" in schedule.advance else text


@clause("optim.*.follows-its-closed-form")
def test_schedule(cell: Cell) -> None:
    schedule = SCHEDULES[cell.clause.subject]
    for options in schedule.rows:
        trial = _begin(cell, schedule, options, STEPS)
        expected = schedule.expected(options)
        trial.expect(_RATES, expected, absolute(schedules.bound(expected)))
        trial.expect_true("last[1:] == rates[1:]", "get_last_lr returns the rates of the groups")
        trial.expect_true("last[0] in (None, rates[0])", "get_last_lr returns the first rates of the groups")


@clause("optim.*.resumes-its-schedule")
def test_resumes(cell: Cell) -> None:
    schedule = SCHEDULES[cell.clause.subject]
    for place, options in enumerate(schedule.rows):
        half = (5, 7, 3, 6)[place % 4]
        trial = _begin(cell, schedule, options, half)
        trial.run("import copy")
        trial.run("saved = copy.deepcopy([schedule.state_dict(), optimiser.state_dict()])")
        other = options if schedule.other is None else schedule.other
        trial.namespace["options"] = other
        trial.run(f"options = {other!r}")
        trial.run(_OPTIMISER)
        trial.run(build_statement(schedule))
        trial.run("schedule.load_state_dict(saved[0])")
        trial.run("optimiser.load_state_dict(saved[1])")
        trial.run(f"count = {STEPS - half}")
        trial.run(_advance(schedule))
        expected = schedule.expected(options)
        trial.expect(_RATES, expected, absolute(schedules.bound(expected)))


_MOMENTA = """momenta = [[each['momentum'] for each in optimiser.param_groups]]
for _ in range(count):
    optimiser.step()
    schedule.step()
    momenta.append([each['momentum'] for each in optimiser.param_groups])"""


@clause("optim.*.cycles-momentum-against-the-rate")
def test_momentum(cell: Cell) -> None:
    schedule = SCHEDULES[cell.clause.subject]
    reference = cyclic_momentum if cell.clause.subject == "cyclic-lr" else one_cycle_momentum
    for place, row in enumerate(schedule.rows):
        if "epochs" in row:
            continue
        options = {**row, "base_momentum": 0.25, "max_momentum": 0.75} if place % 2 else row
        trial = cell.trial(options=options, count=STEPS)
        trial.run(_OPTIMISER)
        trial.run(build_statement(schedule))
        trial.run(_MOMENTA)
        expected = reference(options)[:, None].repeat(2, axis=1)
        rule = absolute(schedules.bound(expected))
        trial.expect("torch.tensor(momenta, dtype=torch.float64, device=device)", expected, rule)
        trial = cell.trial(options={**options, "cycle_momentum": False}, count=STEPS)
        trial.run(_OPTIMISER)
        trial.run(build_statement(schedule))
        trial.run(_MOMENTA)
        trial.expect_true(
            "all(each == 0.5 for row in momenta for each in row)", "momentum stays without cycle_momentum"
        )


_REFUSED = (
    "torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=0.0)",
    "torch.optim.lr_scheduler.LinearLR(optimiser, start_factor=1.5)",
    "torch.optim.lr_scheduler.LinearLR(optimiser, end_factor=1.5)",
    "torch.optim.lr_scheduler.LinearLR(optimiser, end_factor=-0.5)",
    "torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.5)",
    "torch.optim.lr_scheduler.ConstantLR(optimiser, factor=-0.5)",
    "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 0)",
    "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimiser, 3, T_mult=0)",
    "torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0)",
    "torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=0)",
    "torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=9, pct_start=1.5)",
    "torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=9, anneal_strategy='steps')",
    "torch.optim.lr_scheduler.CyclicLR(optimiser, 0.1, 1.0, mode='square')",
    "torch.optim.lr_scheduler.CyclicLR(optimiser, [0.1], 1.0)",
    "torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=1.0)",
    "torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, mode='least')",
    "torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, threshold_mode='share')",
    "torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, min_lr=[0.1])",
    "torch.optim.lr_scheduler.LambdaLR(optimiser, [lambda count: 1.0])",
    "torch.optim.lr_scheduler.MultiplicativeLR(optimiser, [lambda count: 1.0])",
)


@clause("optim.schedule.refuses-invalid-schedules")
def test_refused(cell: Cell) -> None:
    for call in _REFUSED:
        trial = cell.trial()
        trial.run(_OPTIMISER)
        trial.expect_error(call, ValueError)
    trial = cell.trial()
    trial.run("a = torch.ones(2, device=device)")
    for name in ("StepLR(a, 1)", "ReduceLROnPlateau(a)", "CyclicLR(a, 0.1, 1.0)", "OneCycleLR(a, 1.0, total_steps=3)"):
        trial.expect_error(f"torch.optim.lr_scheduler.{name}", TypeError)


@clause("optim.schedule.ends-with-one-cycle")
def test_one_cycle_ends(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_OPTIMISER)
    trial.run("schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1.0, total_steps=5)")
    trial.run("optimiser.step()")
    for _ in range(5):
        trial.run("schedule.step()")
    trial.expect_error("schedule.step()", ValueError)


@clause("optim.schedule.rates-take-effect")
def test_effect(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_OPTIMISER)
    trial.run("for group in optimiser.param_groups: group['momentum'] = 0")
    trial.run("schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2, gamma=0.5)")
    trial.run("seen = []")
    trial.run("""for _ in range(4):
    a.grad, b.grad = torch.ones_like(a), torch.full_like(b, 2.0)
    before = [a.detach().clone(), b.detach().clone()]
    optimiser.step()
    seen.append([before[0][0] - a.detach()[0], before[1][1] - b.detach()[1]])
    schedule.step()""")
    trial.run("moves = torch.tensor(seen, dtype=torch.float64, device=device)")
    expected = schedules.step(1.0, 3, step_size=2, gamma=0.5)[:, None] * [BASES[0], 2 * BASES[1]]
    trial.expect("moves", expected, absolute(distance(cell, "optim.schedule.step", 1, dtype="float32")))
    trial.expect_true("optimiser.param_groups[0]['initial_lr'] == 0.5", "the rate at the start is kept")
