"""The standard mutations of every elementwise operator: one spelling wrong, or its kernel wrong beyond the grain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torch_conformance.conformance.power.damage import GRAIN, another_value, is_strided, read_as_dense
from torch_conformance.conformance.power.forms import answered, input_changed, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault
from torch_conformance.spec.operators import operators

_OVERLOADS = ("", ".Tensor", ".Tensor_Tensor", ".self")


def _name(operator: str, mutation: str) -> str:
    return f"{operator}-{mutation}".replace("_", "-")


# Operators that do not tell their operands apart, by the reason.
_SYMMETRIC = {
    "A sum and a product, of logarithms too, keep their value in any order.": ("add", "mul", "logaddexp", "logaddexp2"),
    "A length does not depend on the order of the coordinates.": ("hypot",),
    "The extreme of two is one of them, whichever comes first.": ("maximum", "minimum", "fmax", "fmin"),
    "Divisors and multiples are common to both.": ("gcd", "lcm"),
    "Equality is mutual.": ("eq", "ne"),
    "The table of truth values is symmetric.": ("logical_and", "logical_or", "logical_xor"),
    "The table of bits is symmetric.": ("bitwise_and", "bitwise_or", "bitwise_xor"),
}
# Mutants that are no faults, reviewed, and why.
EQUIVALENT = {_name(each, "swaps-operands"): reason for reason, group in _SYMMETRIC.items() for each in group}


def _last_changed(least: int) -> Callable[..., Any]:
    """Return an answer whose last element is another value where there are so many or more."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        if isinstance(result, torch.Tensor) and result.numel() >= least and result.is_contiguous():
            flat = result.view(-1)
            flat[-1:] = another_value(flat[-1:].clone())
        return result

    return answer


def _break_kernel(breaker: Breaker, operator: str) -> None:
    """Replace the first overload that has a kernel; where none can be replaced, the function."""
    make = wrapping(_last_changed(GRAIN + 1))
    for overload in _OVERLOADS:
        try:
            breaker.replace((f"aten::{operator}{overload}",), make)
        except (FaultUnavailable, RuntimeError):
            continue
        return
    breaker.replace((f"torch.{operator}",), make)


def _loses_the_last_element(name: str, operator: str) -> None:
    summary = f"Tensor.{operator} gives a wrong last element where there are three or more."
    replaced(name, summary, f"Tensor.{operator}")(_last_changed(3))


def _wrong_beyond_the_grain(name: str, operator: str) -> None:
    summary = f"The kernel of {operator} gets the last of more than 32,768 elements wrong."
    fault(name, summary)(lambda breaker: _break_kernel(breaker, operator))


def _reads_strided_as_dense(name: str, operator: str) -> None:
    summary = f"Tensor.{operator} ignores the strides of its first operand."
    input_changed(name, summary, f"Tensor.{operator}", change=read_as_dense, when=is_strided)


def _swaps_operands(name: str, operator: str) -> None:
    answered(name, f"torch.{operator} swaps two tensors.", f"torch.{operator}")(
        lambda f, a, b, **k: f(b, a, **k) if isinstance(b, torch.Tensor) else f(a, b, **k)
    )


# What is done to the operators of one operand or two, and to those of two alone.
_MUTATIONS = {
    "loses-the-last-element": _loses_the_last_element,
    "wrong-beyond-the-grain": _wrong_beyond_the_grain,
    "reads-strided-as-dense": _reads_strided_as_dense,
}
_MUTATIONS_OF_TWO = _MUTATIONS | {"swaps-operands": _swaps_operands}

for _row in operators().values():
    for _mutation, _register in (_MUTATIONS_OF_TWO if _row.operands == 2 else _MUTATIONS).items():
        if (_mutant := _name(_row.name, _mutation)) not in EQUIVALENT:
            _register(_mutant, _row.name)
