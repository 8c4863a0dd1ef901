"""The steps of each optimiser, over every combination of its options, in each of its forms."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.optim.optimiser_cases import (
    ALIKE_STEPS,
    CLASSES,
    STEPS,
    TABLES,
    Options,
    draw,
    expect_steps,
    expected_steps,
    has_version,
    judge_steps,
    rule_of,
    take_steps,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.numerics.bounded import exact
from torch_conformance.reference.training.optimisers import RULES, trajectory

# Optimisers that gained the option `maximize` in a later version.
_MAXIMIZE_SINCE = {"nadam": "2.4", "radam": "2.4"}
# The clause on foreach says from when on its form over lists is right.
_LISTS_SINCE = {"asgd": "2.4"}


def _with_directions(subject: str, table: tuple[Options, ...]) -> tuple[Options, ...]:
    """Return the rows of a table, every second of which maximizes where the version can."""
    if not has_version(_MAXIMIZE_SINCE.get(subject, "2.0")):
        return table
    return tuple({**row, "maximize": place % 2 == 1} for place, row in enumerate(table))


def _over_lists(subject: str, *, wanted: bool) -> bool:
    """Return whether to take steps with foreach."""
    return wanted and has_version(_LISTS_SINCE.get(subject, "2.0"))


@clause("optim.*.follows-the-documented-steps")
def test_steps(cell: Cell) -> None:
    judge_steps(cell, TABLES[cell.clause.subject])


@clause("optim.*.maximizes")
def test_maximize(cell: Cell) -> None:
    table = TABLES[cell.clause.subject][::3]
    judge_steps(cell, tuple({**row, "maximize": True} for row in table), {}, {"foreach": False}, steps=5)


@clause("optim.*.steps-alike-with-foreach")
def test_foreach(cell: Cell) -> None:
    subject = cell.clause.subject
    judge_steps(cell, _with_directions(subject, TABLES[subject]), {"foreach": True}, {"foreach": False}, steps=6)


@clause("optim.*.steps-alike-when-fused")
def test_fused(cell: Cell) -> None:
    subject = cell.clause.subject
    judge_steps(cell, _with_directions(subject, TABLES[subject]), {"fused": True}, steps=6, statement=ALIKE_STEPS)


@clause("optim.*.takes-complex-parameters-as-pairs")
def test_complex(cell: Cell) -> None:
    judge_steps(cell, TABLES[cell.clause.subject][::3], {}, {"foreach": True}, steps=6)


@clause("optim.*.decouples-weight-decay")
def test_decoupled(cell: Cell) -> None:
    table = (row for row in TABLES[cell.clause.subject] if row["weight_decay"])
    judge_steps(cell, tuple({**row, "decoupled_weight_decay": True} for row in table), {}, {"foreach": True}, steps=6)


@clause("optim.*.has-the-documented-defaults")
def test_defaults(cell: Cell) -> None:
    generator = cell.generator()
    name = CLASSES[cell.clause.subject]
    defaults = dict(RULES[name].defaults)
    if not has_version(_MAXIMIZE_SINCE.get(cell.clause.subject, "2.0")):
        defaults.pop("maximize")
    late = ("decoupled_weight_decay",)
    # Earlier versions had to be given the learning rate of SGD.
    given = {} if name != "SGD" or has_version("2.4") else {"lr": 1e-3}
    run = draw(generator, cell.dtype, 7, tiny=2.0**-27)
    expected = expected_steps(RULES[name](), run)
    trial = cell.trial(**run.inputs(options=given))
    trial.run("params = [p.requires_grad_() for p in params]")
    trial.run(f"optimiser = torch.optim.{name}(params, **options)")
    for option, value in defaults.items():
        if option not in late:
            trial.expect_true(f"optimiser.defaults[{option!r}] == {value!r}", f"{option} is {value} by default")
            trial.expect_true(
                f"optimiser.param_groups[0][{option!r}] == {value!r}", f"a group has the default {option}"
            )
    take_steps(trial)
    expect_steps(trial, "torch.stack(trace)", expected, cell.dtype)


@clause("optim.*.skips-parameters-without-gradient")
def test_skips(cell: Cell) -> None:
    generator = cell.generator()
    subject = cell.clause.subject
    name = CLASSES[subject]
    for place, options in enumerate(TABLES[subject][1::3]):
        run = draw(generator, cell.dtype, 8)
        trial = cell.trial(**run.inputs(options={**options, "foreach": _over_lists(subject, wanted=place % 2 == 0)}))
        trial.run("params = [p.requires_grad_() for p in params]")
        trial.run("still = params[0].detach().clone().requires_grad_()")
        trial.run("late = params[3].detach().clone().requires_grad_()")
        trial.run(f"optimiser = torch.optim.{name}([still, *params, late], **options)")
        trial.run("late_trace = []")
        # The late parameter has a gradient at every second step alone.
        late = "    late.grad = row[7:11].clone() if len(trace) % 2 else None\n    optimiser.step()"
        trial.run(STEPS.replace("    optimiser.step()", late) + "\n    late_trace.append(late.detach().clone())")
        trial.expect("still", run.parameters[0].array)
        trial.expect_true("still.grad is None", "a parameter without a gradient gets none")
        expect_steps(trial, "torch.stack(trace)", expected_steps(rule_of(subject, options), run), cell.dtype)
        start = exact(run.parameters[3].array, cell.dtype)
        rarely = trajectory(rule_of(subject, options), start, run.gradients[1::2, 7:11])
        expect_steps(trial, "torch.stack(late_trace[1::2])", rarely[..., None], cell.dtype)
        trial.expect_true(
            "all(torch.equal(late_trace[k], late_trace[k + 1]) for k in (1, 3, 5))",
            "a step without a gradient leaves the parameter as it was",
        )


@clause("optim.*.resumes-from-a-state-dict")
def test_resumes(cell: Cell) -> None:
    generator = cell.generator()
    subject = cell.clause.subject
    name = CLASSES[subject]
    half = 4
    # Every third row has each of the options that come in pairs.
    for place, options in enumerate(TABLES[subject][::3]):
        run = draw(generator, cell.dtype, 9)
        steps = expected_steps(rule_of(subject, options), run)
        trial = cell.trial(**run.inputs(options={**options, "foreach": _over_lists(subject, wanted=place % 2 == 1)}))
        trial.run("params = [p.requires_grad_() for p in params]")
        trial.run(f"optimiser = torch.optim.{name}(params, **options)")
        trial.run(f"first, second = gradients[:{half}], gradients[{half}:]")
        trial.run("gradients = first")
        take_steps(trial)
        trial.run("saved = optimiser.state_dict()")
        if place % 2:
            trial.run("import io; file = io.BytesIO(); torch.save(saved, file); file.seek(0); saved = torch.load(file)")
        else:
            trial.run("import copy; saved = copy.deepcopy(saved)")
        trial.run("copies = [p.detach().clone().requires_grad_() for p in params]")
        # The second optimiser is made with other options, which those that are loaded replace.
        trial.run(f"resumed = torch.optim.{name}(copies, lr=0.5)")
        trial.run("resumed.load_state_dict(saved)")
        trial.run("gradients = second")
        take_steps(trial)
        trial.run("whole, params, optimiser = torch.stack(trace), copies, resumed")
        take_steps(trial)
        expect_steps(trial, "torch.stack(trace)", steps[half:], cell.dtype)
        trial.expect_true(
            "torch.equal(torch.stack(trace), whole)", "the optimiser that loaded the state goes on with the same bits"
        )


# Options that are refused, and what takes their place to show that nothing else was wrong.
_REFUSED: dict[str, tuple[Options, ...]] = {
    "sgd": (
        *({"lr": -0.1}, {"momentum": -0.1}, {"weight_decay": -0.1}, {"nesterov": True}),
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
    ),
    "adam": (
        *({"lr": -0.1}, {"betas": (-0.1, 0.9)}, {"betas": (1.0, 0.9)}, {"betas": (0.9, 1.0)}, {"betas": (0.9, -0.1)}),
        *({"eps": -0.1}, {"weight_decay": -0.1}),
    ),
    "rmsprop": ({"lr": -0.1}, {"alpha": -0.1}, {"eps": -0.1}, {"weight_decay": -0.1}, {"momentum": -0.1}),
    "adagrad": (
        *({"lr": -0.1}, {"lr_decay": -0.1}, {"weight_decay": -0.1}, {"initial_accumulator_value": -0.1}),
        {"eps": -0.1},
    ),
    "adadelta": ({"lr": -0.1}, {"rho": -0.1}, {"rho": 1.5}, {"eps": -0.1}, {"weight_decay": -0.1}),
    "rprop": ({"lr": -0.1}, {"etas": (0.0, 1.2)}, {"etas": (1.0, 1.2)}, {"etas": (0.5, 1.0)}),
    "asgd": ({"lr": -0.1}, {"weight_decay": -0.1}),
}
for _name in ("adamw", "adamax", "nadam", "radam"):
    _REFUSED[_name] = _REFUSED["adam"]
_REFUSED["nadam"] = (*_REFUSED["adam"], {"momentum_decay": -0.1})


@clause("optim.*.refuses-invalid-options")
def test_refuses(cell: Cell) -> None:
    name = CLASSES[cell.clause.subject]
    array = np.array([1.0, 2.0], dtype=np.float32)
    for options in _REFUSED[cell.clause.subject]:
        given = {"lr": 0.1, **options}
        trial = cell.trial(values=array, options=given)
        trial.run("p = torch.tensor(values, device=device, requires_grad=True)")
        trial.expect_error(f"torch.optim.{name}([p], **options)", ValueError)
        trial.expect_true("p.grad is None and p._version == 0", "a refused optimiser touches no parameter")
    trial = cell.trial(values=array)
    trial.run("p = torch.tensor(values, device=device, requires_grad=True)")
    trial.run(f"optimiser = torch.optim.{name}([p], lr=0.0)")
    trial.expect_equal("optimiser.param_groups[0]['lr']", 0.0)
