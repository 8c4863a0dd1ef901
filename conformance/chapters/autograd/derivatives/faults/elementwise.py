"""Faults of the gradients of elementwise operators: every mutation of every operator that has a gradient."""

from __future__ import annotations

import re

import numpy as np

from torch_conformance.conformance.power.damage import as_if_transposed, is_many, is_strided, last_lost, off, scaled
from torch_conformance.conformance.power.forms import both, functions, methods
from torch_conformance.conformance.power.gradient_forms import (
    gradient_changed,
    gradient_passed_straight,
    gradients_exchanged,
)
from torch_conformance.reference.ops.elementwise import ROWS
from torch_conformance.spec.operators import Operator, operators

# Operators whose results have no gradient, or none but zero: those of no family of numbers, steps, and remainders.
_STEPS = tuple(name for name, row in ROWS.items() if row.pieces is np.zeros_like)
_FAMILIES = ("transcendental", "algebraic", "arithmetic", "sign", "rounding", "selection")
_CONSTANT = ("heaviside", "floor_divide")

# Reviewed mutants that are no faults.
EQUIVALENT = {
    "gradient-add-operands-exchanged": "the gradients of both summands are the incoming one",
    "gradient-copysign-b-off": "the gradient by the operand that gives the sign is 0",
}


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _spellings(row: Operator) -> tuple[str, ...]:
    """Return the places of all functions and methods that spell an operator."""
    calls = re.findall(r"(torch|a)\.([\w.]+)\(", " ".join(row.spellings))
    signs = (f"Tensor.__{row.name}__",) if row.name in ("neg", "abs") else ()
    return (*(f"{'torch' if owner == 'torch' else 'Tensor'}.{name}" for owner, name in calls), *signs)


def _unary(row: Operator) -> None:
    name = row.name
    text = f"The gradient of {name} "
    gradient_changed(f"gradient-{_dashed(name)}-one-percent-off", text + "is 1% off.", *functions(name), change=off)
    gradient_changed(
        f"gradient-{_dashed(name)}-doubled-when-strided",
        text + "is doubled for strided tensors.",
        *functions(name),
        change=scaled(2),
        when=is_strided,
    )
    gradient_changed(
        f"gradient-{_dashed(name)}-last-lost-beyond-the-grain",
        text + "misses the last element beyond the parallel grain.",
        *_spellings(row),
        change=last_lost,
        when=is_many,
    )
    gradient_changed(
        f"gradient-{_dashed(name)}-off-when-0-d",
        text + "is 1% off for 0-d tensors.",
        *both(name),
        change=off,
        when=lambda x: not x.dim(),
    )
    gradient_changed(
        f"gradient-{_dashed(name)}-in-storage-order",
        text + "reads the incoming one in the order of storage.",
        *methods(name),
        change=as_if_transposed,
    )


def _binary(row: Operator) -> None:
    name = row.name
    gradients = f"gradient-{_dashed(name)}-operands-exchanged", f"torch.{name} exchanges the gradients of its operands."
    if gradients[0] not in EQUIVALENT:
        gradients_exchanged(*gradients, *functions(name))
    text = f"The gradient of Tensor.{name} by "
    gradient_changed(
        f"gradient-{_dashed(name)}-a-last-lost", text + "a misses the last.", *methods(name), change=last_lost
    )
    if f"gradient-{_dashed(name)}-b-off" not in EQUIVALENT:
        gradient_changed(f"gradient-{_dashed(name)}-b-off", text + "b is 1% off.", *methods(name), change=off, which=1)


def _register(row: Operator) -> None:
    if row.name in _STEPS:
        name, text = f"gradient-{_dashed(row.name)}-passed-straight", f"torch.{row.name} passes the gradient as it is."
        gradient_passed_straight(name, text, *functions(row.name))
    elif row.family in _FAMILIES and row.name not in _CONSTANT:
        (_unary if row.operands == 1 else _binary)(row)


for _row in operators().values():
    _register(_row)
