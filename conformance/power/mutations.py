"""Two faults for each elementwise operator: one spelling wrong in its last element, a kernel wrong beyond the grain."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault
from torch_conformance.spec.operators import Operator, operators

_GRAIN = 32_768
_OVERLOADS = ("", ".Tensor", ".Tensor_Tensor", ".self")


def another_value(value: torch.Tensor) -> torch.Tensor:
    """Return a value of the same dtype that no bound takes for this one; NaN stays."""
    if value.dtype == torch.bool:
        return ~value
    if value.dtype.is_floating_point or value.dtype.is_complex:
        return value * 1.0625 + 0.5
    return value + 1


def _last_element_changed(make_original: Function, least: int) -> Function:
    def changed(*arguments: Any, **options: Any) -> Any:
        result = make_original(*arguments, **options)
        if isinstance(result, torch.Tensor) and result.numel() >= least and result.is_contiguous():
            flat = result.view(-1)
            flat[-1:] = another_value(flat[-1:].clone())
        return result

    return changed


def _break_kernel(breaker: Breaker, row: Operator) -> None:
    """Replace the first overload that has a CPU kernel; where none can be replaced, the function's binding."""
    for overload in _OVERLOADS:
        try:
            breaker.kernel(f"aten::{row.name}{overload}", lambda original: _last_element_changed(original, _GRAIN + 1))
        except (FaultUnavailable, RuntimeError):
            continue
        return
    breaker.binding(torch, row.name, lambda original: _last_element_changed(original, _GRAIN + 1))


def _register(row: Operator) -> None:
    name = row.name.replace("_", "-")

    @fault(
        f"{name}-loses-the-last-element", f"Tensor.{row.name} gives a wrong last element where there are three or more."
    )
    def break_method(breaker: Breaker) -> None:
        breaker.binding(torch.Tensor, row.name, lambda original: _last_element_changed(original, 3))

    @fault(
        f"{name}-wrong-beyond-the-grain", f"The kernel of {row.name} gets the last of more than 32,768 elements wrong."
    )
    def break_kernel(breaker: Breaker) -> None:
        _break_kernel(breaker, row)


for _row in operators().values():
    _register(_row)
