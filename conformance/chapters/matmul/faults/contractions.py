"""Faults of tensordot, einsum, chains of products, vecdot and matrix powers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import Change, changed, without
from torch_conformance.conformance.power.registry import Breaker, Function, fault


@changed("tensordot-lists-swapped", "tensordot sorts its second list.", (torch, "tensordot"))
def _(f: Function, x: Tensor, y: Tensor, dims: Any = 2, **k: Any) -> Any:
    if not isinstance(dims, int) and len(dims[1]) > 1 and x.size(dims[0][0]) == x.size(dims[0][0]):
        order = sorted(dims[1])
        if [x.size(d) for d in dims[0]] == [y.size(d) for d in order] or order != list(dims[1]):
            y = y.flip(order[0])
    return f(x, y, dims, **k)


@changed("tensordot-negative-dims-off", "tensordot counts negative dims from one before.", (torch, "tensordot"))
def _(f: Function, x: Tensor, y: Tensor, dims: Any = 2, **k: Any) -> Any:
    if not isinstance(dims, int) and any(d < 0 for d in (*dims[0], *dims[1])):
        x = x.flip(dims[0][0])
    return f(x, y, dims, **k)


def _equation(name: str, summary: str) -> Callable[[Change], Change]:
    return changed(name, summary, (torch, "einsum"))


@_equation("einsum-implicit-output-in-order-of-appearance", "An implied output of einsum follows appearance.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->" not in equation and "..." not in equation:
        letters = equation.replace(" ", "").replace(",", "")
        equation += "->" + "".join(dict.fromkeys(c for c in letters if letters.count(c) == 1))
    return f(equation, *a)


@_equation("einsum-repeated-letters-summed", "einsum sums where it should take a diagonal.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if equation == "ii->i":
        return f("ij->i", *a)
    return f(equation, *a)


@_equation("einsum-three-operands-forgets-last", "einsum of three operands takes the last for ones.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and len(a) == 3:
        a = (*a[:2], torch.ones_like(a[2]))
    return f(equation, *a)


@_equation("einsum-list-of-operands-reversed", "einsum conjugates operands that come as a list.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    return -f(equation, *a) if len(a) == 1 and isinstance(a[0], list) and len(a[0]) > 1 else f(equation, *a)


@_equation("einsum-ellipsis-last", "einsum puts the ellipsis of the output last.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->..." in equation and equation[-1] != "." and len(a) == 1:
        left, right = equation.split("->...")
        equation = f"{left}->{right}..."
    return f(equation, *a)


@_equation("einsum-accepts-missing-letters", "einsum leaves out output letters that no input has.")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->" in equation and "..." not in equation:
        left, right = equation.split("->")
        equation = left + "->" + "".join(c for c in right if c in left)
    return f(equation, *a)


@changed(
    "multi-dot-of-four-skips-one",
    "multi_dot of four and more takes the third twice negative.",
    (torch.linalg, "multi_dot"),
)
def _(f: Function, tensors: Any, **k: Any) -> Any:
    parts = list(tensors)
    return f([*parts[:2], -parts[2], *parts[3:]] if len(parts) > 3 else parts, **k)


@changed("multi-dot-vector-first-keeps-row", "multi_dot keeps a first vector as a row.", (torch.linalg, "multi_dot"))
def _(f: Function, tensors: Any, **k: Any) -> Any:
    result = f(tensors, **k)
    return result[None] if tensors[0].dim() == 1 and result.dim() == 1 else result


@fault("chain-matmul-reversed", "chain_matmul reverses more than three.")
def _(breaker: Breaker) -> None:
    def make(f: Function) -> Function:
        return lambda *matrices, **k: f(*(-each if n == 3 else each for n, each in enumerate(matrices)), **k)

    breaker.binding(torch, "chain_matmul", make)


@changed("vecdot-does-not-conjugate", "vecdot does not conjugate.", (torch.linalg, "vecdot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.conj().resolve_conj(), *a, **k)


@changed("vecdot-ignores-dim", "vecdot drops dim.", (torch.linalg, "vecdot"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "dim"))


@changed("matrix-power-zero-is-ones", "The power 0 of a matrix is all ones.", (torch, "matrix_power"))
def _(f: Function, x: Tensor, n: int, **k: Any) -> Any:
    return torch.ones_like(x) if n == 0 else f(x, n, **k)


@changed("matrix-power-seven-is-six", "The power 7 of a matrix is the power 6.", (Tensor, "matrix_power"))
def _(f: Function, x: Tensor, n: int, **k: Any) -> Any:
    return f(x, 6 if n == 7 else n, **k)
