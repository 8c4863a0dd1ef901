"""Optimisers to judge: tables of options that matter, parameters of several shapes, gradients, expected steps."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torch_conformance.conformance.engine import bounds
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.numerics.bounded import Bounded, exact
from torch_conformance.reference.training.optimisers import RULES, StepRule, trajectory
from torch_conformance.spec.model import release

Array = npt.NDArray[Any]
Options = dict[str, Any]

# Several ranks, one of no dimension, one without elements, one that is not contiguous.
SIZES: tuple[tuple[int, ...], ...] = ((2, 3), (), (0,), (4,), (3, 2))
_TRANSPOSED = 4
COUNT = sum(math.prod(size) for size in SIZES)


def _table(**choices: tuple[Any, ...]) -> tuple[Options, ...]:
    """Return every combination of choices."""
    return tuple(dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))


def _sgd() -> tuple[Options, ...]:
    plain = _table(lr=(0.1,), weight_decay=(0, 0.3))
    heavy = _table(lr=(0.1,), momentum=(0.9,), dampening=(0, 0.4), weight_decay=(0, 0.3))
    ahead = _table(lr=(0.1,), momentum=(0.7,), nesterov=(True,), weight_decay=(0, 0.3))
    return plain + heavy + ahead


# No value is a default, so that an option which is lost shows.
TABLES: dict[str, tuple[Options, ...]] = {
    "sgd": _sgd(),
    "adam": _table(
        lr=(0.1,), betas=((0.8, 0.9), (0.0, 0.7)), eps=(0.25,), weight_decay=(0, 0.3), amsgrad=(False, True)
    ),
    "adamw": _table(
        lr=(0.1,), betas=((0.8, 0.9), (0.6, 0.0)), eps=(0.25,), weight_decay=(0, 0.3), amsgrad=(False, True)
    ),
    "rmsprop": _table(
        lr=(0.05,), alpha=(0.75,), eps=(0.25,), weight_decay=(0, 0.3), momentum=(0, 0.6), centered=(False, True)
    ),
    "adagrad": _table(
        lr=(0.2,), lr_decay=(0, 0.5), weight_decay=(0, 0.3), initial_accumulator_value=(0, 0.5), eps=(0.25,)
    ),
    "adadelta": _table(lr=(1.5,), rho=(0.7,), eps=(0.25, 0.01), weight_decay=(0, 0.3)),
    "adamax": _table(lr=(0.1,), betas=((0.8, 0.7), (0.0, 0.9)), eps=(0.25,), weight_decay=(0, 0.3)),
    "nadam": _table(lr=(0.1,), betas=((0.8, 0.9),), eps=(0.25,), weight_decay=(0, 0.3), momentum_decay=(0.5, 2.0)),
    "radam": _table(lr=(0.1,), betas=((0.8, 0.9), (0.7, 0.99)), eps=(0.25,), weight_decay=(0, 0.3)),
    "rprop": _table(lr=(0.1,), etas=((0.5, 1.5), (0.25, 1.25)), step_sizes=((0.06, 0.2), (1e-3, 10))),
    "asgd": _table(lr=(0.1,), lambd=(0.2,), alpha=(0.6,), weight_decay=(0, 0.3), t0=(1e6, 2.0)),
}
CLASSES = {name.lower(): name for name in RULES}


def rule_of(subject: str, options: Options) -> StepRule:
    """Return the reference's rule for a clause's subject."""
    return RULES[CLASSES[subject]](**options)


@dataclasses.dataclass(frozen=True)
class Run:
    """Parameters and the gradients that they are given.

    Attributes:
        parameters: Tensors of SIZES.
        gradients: One row a step, of all elements end to end.
        dtype: The dtype's name.
    """

    parameters: list[Strided]
    gradients: Array
    dtype: str

    @property
    def start(self) -> Array:
        """The parameters' elements end to end."""
        return np.concatenate([each.array.ravel() for each in self.parameters])

    def inputs(self, **options: Any) -> dict[str, Any]:
        """Return the variables of a transcript."""
        return {"params": self.parameters, "gradients": Strided.from_array(self.gradients), **options}


def _few_bits(generator: np.random.Generator, size: tuple[int, ...], scale: float) -> Array:
    """Return whole multiples of a scale, from -24 to 24, which every floating dtype holds exactly."""
    return generator.integers(-24, 25, size) * scale


def draw(generator: np.random.Generator, dtype: str, steps: int, *, tiny: float = 2.0**-12) -> Run:
    """Return parameters and gradients for some steps.

    Args:
        generator: Where numbers come from.
        dtype: A floating or complex dtype.
        steps: How many gradients.
        tiny: Scale of the gradients of some elements, against which eps weighs.
    """
    lanes = 2 if dtypes.is_complex(dtype) else 1
    target = dtypes.numpy_dtype(dtype)
    start = _few_bits(generator, (COUNT, lanes), 0.125)
    gradients = _few_bits(generator, (steps, COUNT, lanes), 0.0625)
    if dtypes.finfo(dtypes.real_of(dtype)).bits > 16:
        gradients[:, 1::5] *= tiny
    # One element stays without a gradient.
    gradients[:, 3] = 0
    whole = (each[..., 0] + 1j * each[..., 1] if lanes == 2 else each[..., 0] for each in (start, gradients))
    flat, rows = (each.astype(target) for each in whole)
    parameters, offset = [], 0
    for place, size in enumerate(SIZES):
        array = flat[offset : offset + math.prod(size)].reshape(size)
        offset += math.prod(size)
        parameters.append(_transposed(array) if place == _TRANSPOSED else Strided.from_array(array))
    return Run(parameters, rows, dtype)


def _transposed(array: Array) -> Strided:
    """Return a tensor that lies in memory column by column."""
    stride = tuple(reversed(row_major(tuple(reversed(array.shape)))))
    return Strided(np.ascontiguousarray(array.T).ravel(), array.shape, stride)


def as_real(array: Array) -> Array:
    """Return an array with a last dimension for real and imaginary part."""
    return np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else array[..., None]


def expected_steps(rule: StepRule, run: Run) -> Bounded:
    """Return the elements after each step: (steps, elements, parts)."""
    start = exact(as_real(run.start), dtypes.real_of(run.dtype))
    return trajectory(rule, start, as_real(run.gradients))


STEPS = """trace = []
for row in gradients:
    for p, g in zip(params, row.split([p.numel() for p in params])):
        p.grad = g.reshape(p.shape).clone()
    optimiser.step()
    trace.append(torch.cat([p.detach().reshape(-1) for p in params]))"""


# As backward lays gradients out: in memory like their parameters.
ALIKE_STEPS = STEPS.replace("g.reshape(p.shape).clone()", "torch.empty_like(p).copy_(g.reshape(p.shape))")


def take_steps(trial: Trial, statement: str = STEPS) -> None:
    """Give each parameter a row of `gradients` after another, and gather what they become."""
    trial.run(statement)


def expect_steps(trial: Trial, expression: str, steps: Bounded, dtype: str) -> None:
    """Compare gathered parameters, as real numbers, with the expected ones."""
    __tracebackhide__ = True
    if dtypes.is_complex(dtype):
        bounds.expect(trial, f"torch.view_as_real({expression})", steps)
    else:
        bounds.expect(trial, expression, steps[..., 0])


def judge_steps(
    cell: Cell, table: tuple[Options, ...], *extra: Options, steps: int = 10, statement: str = STEPS
) -> None:
    """Compare every step of an optimiser under each row of options, and each of the extra ones with it."""
    __tracebackhide__ = True
    generator = cell.generator()
    name = CLASSES[cell.clause.subject]
    half = dtypes.finfo(dtypes.real_of(cell.dtype)).bits == 16
    # Eight steps reach every branch of every rule; a quick run has no time for more.
    longest = 4 if half else steps if cell.profile.examples > 2 else min(steps, 8)
    for _ in range(max(1, cell.profile.examples // 6)):
        run = draw(generator, cell.dtype, longest)
        for options in table:
            expected = expected_steps(rule_of(cell.clause.subject, options), run)
            for more in extra or ({},):
                trial = cell.trial(**run.inputs(options={**options, **more}))
                trial.run("params = [p.requires_grad_() for p in params]")
                trial.run(f"optimiser = torch.optim.{name}(params, **options)")
                take_steps(trial, statement)
                expect_steps(trial, "torch.stack(trace)", expected, cell.dtype)


def has_version(text: str) -> bool:
    """Whether the torch under judgement is of a version or later."""
    return release(torch.__version__) >= release(text)
