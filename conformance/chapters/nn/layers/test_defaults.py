"""Options that are left out have their documented defaults: functions, modules, and calls of modules.

Calls with the defaults written out are judged against the reference elsewhere; here they are what is expected.
"""

from __future__ import annotations

from torch_conformance.conformance.chapters.nn.layers.default_calls import (
    CALLS,
    FUNCTIONS,
    MODULES,
    NETWORKS,
    OPERANDS,
    UPDATES,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial

# Makes a module and calls it in training and evaluation; everything that another option might change.
_LIFE = """
def life(make, *inputs):
    torch.manual_seed(seed)
    net = make().to(device=device, dtype=dtype)
    state = [each.clone() for each in net.state_dict().values()]
    results = [net.train()(*inputs), net.eval()(*inputs)]
    return list(net.state_dict()), state, results, list(net.state_dict().values())
"""
_WHY = "an option that is left out has its documented default"


def _trial(cell: Cell) -> Trial:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**63)
    trial.run(OPERANDS)
    trial.run(_LIFE)
    return trial


@clause("nn.defaults.of-functions-are-those-documented")
def test_functions(cell: Cell) -> None:
    trial = _trial(cell)
    for name, given, defaults in FUNCTIONS:
        f = f"torch.nn.functional.{name}"
        trial.expect_true(f"alike(seeded(lambda: {f}({given})), seeded(lambda: {f}({given}, {defaults})))", _WHY)
    for plain, full in UPDATES:
        trial.expect_true(f"alike(({plain}), ({full}))", _WHY)
    _expect_unchanged(trial)


@clause("nn.defaults.of-modules-are-those-documented")
def test_modules(cell: Cell) -> None:
    _judge_modules(cell, MODULES)


@clause("nn.defaults.of-networks-are-those-documented")
def test_networks(cell: Cell) -> None:
    _judge_modules(cell, NETWORKS)
    trial = _trial(cell)
    for module, given, defaults in CALLS:
        trial.run(f"net = torch.nn.{module}.to(device=device, dtype=dtype)")
        for mode in ("train", "eval"):
            trial.run(f"_ = net.{mode}()")
            plain, full = f"seeded(lambda: net({given}))", f"seeded(lambda: net({given}, {defaults}))"
            trial.expect_true(f"alike({plain}, {full})", _WHY)


def _judge_modules(cell: Cell, modules: tuple[tuple[str, str, str, str], ...]) -> None:
    trial = _trial(cell)
    for name, given, defaults, inputs in modules:
        plain = f"torch.nn.{name}({given})"
        full = f"torch.nn.{name}({', '.join(each for each in (given, defaults) if each)})"
        trial.expect_true(f"alike(life(lambda: {plain}, {inputs}), life(lambda: {full}, {inputs}))", _WHY)
    _expect_unchanged(trial)


def _expect_unchanged(trial: Trial) -> None:
    trial.expect_true("alike(kept, [x1, x2, x3, table, pairs, other])", "inplace is False where it is left out")
