"""Options that are left out have their documented defaults: functions, modules, and calls of modules.

Calls with the defaults written out are judged against the reference elsewhere; here they are what is expected.
"""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.chapters.nn.layers import default_calls
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.materialise import to_host
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.strided import Strided


def _begun(cell: Cell) -> tuple[Trial, dict[str, Strided]]:
    operands = default_calls.operands(cell.generator(), cell.dtype)
    return cell.trial(**operands, dtype=cell.torch_dtype, seed=cell.seed % 2**63), operands


def _seeded(expression: str) -> str:
    """Return an expression that is evaluated after the generator of random numbers was set."""
    return f"torch.manual_seed(seed) and {expression}"


def _expect_alike(trial: Trial, plain: str, full: str) -> None:
    """Compare what two expressions give, bit by bit: tensors, None, and tuples of them."""
    __tracebackhide__ = True
    _expect_leaves(trial, plain, trial.evaluate(full))


def _expect_leaves(trial: Trial, expression: str, answer: Any) -> None:
    __tracebackhide__ = True
    if isinstance(answer, torch.Tensor):
        trial.expect(expression, to_host(answer), UNSIGNED_ZERO)
    elif isinstance(answer, tuple):
        trial.expect_equal(f"len({expression})", len(answer))
        for number, each in enumerate(answer):
            _expect_leaves(trial, f"({expression})[{number}]", each)
    else:
        trial.expect_equal(expression, answer)


def _expect_unchanged(trial: Trial, operands: dict[str, Strided]) -> None:
    """Compare the operands with what they were: inplace is False where it is left out."""
    __tracebackhide__ = True
    for name, operand in operands.items():
        trial.expect(name, operand)


@clause("nn.defaults.of-functions-are-those-documented")
def test_functions(cell: Cell) -> None:
    trial, operands = _begun(cell)
    for call in default_calls.function_calls(torch.__version__):
        _expect_alike(trial, _seeded(call.plain), _seeded(call.full))
    _expect_unchanged(trial, operands)


@clause("nn.defaults.of-modules-are-those-documented")
def test_modules(cell: Cell) -> None:
    trial, operands = _begun(cell)
    _judge_modules(trial, networks=False)
    _expect_unchanged(trial, operands)


@clause("nn.defaults.of-networks-are-those-documented")
def test_networks(cell: Cell) -> None:
    trial, operands = _begun(cell)
    _judge_modules(trial, networks=True)
    for made, call in default_calls.module_calls(torch.__version__):
        trial.run(f"net = {made}.to(device=device, dtype=dtype)")
        for mode in ("train", "eval"):
            _expect_alike(trial, *(_seeded(f"net.{mode}()({given})") for given in (call.plain, call.full)))
    _expect_unchanged(trial, operands)


def _judge_modules(trial: Trial, *, networks: bool) -> None:
    """Compare modules before, in and after training, and in evaluation."""
    __tracebackhide__ = True
    for made, inputs in default_calls.modules(torch.__version__, networks=networks):
        for name, call in (("plain", made.plain), ("full", made.full)):
            trial.run(f"torch.manual_seed(seed); {name} = {call}.to(device=device, dtype=dtype)")
        _expect_state_alike(trial)
        for mode in ("train", "eval"):
            _expect_alike(trial, *(_seeded(f"{name}.{mode}()({inputs})") for name in ("plain", "full")))
        _expect_state_alike(trial)


def _expect_state_alike(trial: Trial) -> None:
    __tracebackhide__ = True
    names = trial.evaluate("list(full.state_dict())")
    trial.expect_equal("list(plain.state_dict())", names)
    for name in names:
        _expect_alike(trial, f"plain.state_dict()[{name!r}]", f"full.state_dict()[{name!r}]")
