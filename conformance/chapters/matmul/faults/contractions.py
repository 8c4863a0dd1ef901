"""Faults of tensordot, einsum, chains of products, vecdot and matrix powers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.forms import answered, input_changed
from torch_conformance.conformance.power.registry import Function


@answered("tensordot-lists-swapped", "tensordot sorts its second list.", "torch.tensordot")
def _(f: Function, x: Tensor, y: Tensor, dims: Any = 2, **k: Any) -> Any:
    if not isinstance(dims, int) and len(dims[1]) > 1:
        order = sorted(dims[1])
        if [x.size(d) for d in dims[0]] == [y.size(d) for d in order] or order != list(dims[1]):
            y = y.flip(order[0])
    return f(x, y, dims, **k)


@answered("tensordot-negative-dims-off", "tensordot counts negative dims from one before.", "torch.tensordot")
def _(f: Function, x: Tensor, y: Tensor, dims: Any = 2, **k: Any) -> Any:
    if not isinstance(dims, int) and any(d < 0 for d in (*dims[0], *dims[1])):
        x = x.flip(dims[0][0])
    return f(x, y, dims, **k)


@answered("einsum-implicit-output-in-order-of-appearance", "Implied outputs follow appearance.", "torch.einsum")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->" not in equation and "..." not in equation:
        letters = equation.replace(" ", "").replace(",", "")
        equation += "->" + "".join(dict.fromkeys(c for c in letters if letters.count(c) == 1))
    return f(equation, *a)


@answered("einsum-ellipsis-last", "einsum puts the ellipsis of the output last.", "torch.einsum")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->..." in equation and equation[-1] != "." and len(a) == 1:
        left, right = equation.split("->...")
        equation = f"{left}->{right}..."
    return f(equation, *a)


@answered("einsum-accepts-missing-letters", "einsum leaves out output letters that no input has.", "torch.einsum")
def _(f: Function, equation: Any, *a: Any) -> Any:
    if isinstance(equation, str) and "->" in equation and "..." not in equation:
        left, right = equation.split("->")
        equation = left + "->" + "".join(c for c in right if c in left)
    return f(equation, *a)


answered("einsum-repeated-letters-summed", "einsum sums where it should take a diagonal.", "torch.einsum")(
    lambda f, equation, *a: f("ij->i" if isinstance(equation, str) and equation == "ii->i" else equation, *a)
)
answered("einsum-three-operands-forgets-last", "einsum of three takes the last for ones.", "torch.einsum")(
    lambda f, equation, *a: f(equation, *a[:2], torch.ones_like(a[2])) if _is_three(equation, a) else f(equation, *a)
)
answered("einsum-list-of-operands-reversed", "einsum negates where operands come as a list.", "torch.einsum")(
    lambda f, equation, *a: -f(equation, *a) if isinstance(a[0], list) and len(a[0]) > 1 == len(a) else f(equation, *a)
)
answered("multi-dot-of-four-skips-one", "multi_dot of four and more negates the third.", "linalg.multi_dot")(
    lambda f, tensors, **k: f([*tensors[:2], -tensors[2], *tensors[3:]] if len(tensors) > 3 else tensors, **k)
)
answered("multi-dot-vector-first-keeps-row", "multi_dot keeps a first vector as a row.", "linalg.multi_dot")(
    lambda f, tensors, **k: f(tensors, **k)[None] if tensors[0].dim() == tensors[-1].dim() - 1 else f(tensors, **k)
)
answered("chain-matmul-reversed", "chain_matmul negates a fourth matrix.", "torch.chain_matmul")(
    lambda f, *matrices, **k: f(*matrices[:3], *(-each for each in matrices[3:4]), *matrices[4:], **k)
)
input_changed("vecdot-does-not-conjugate", "vecdot does not conjugate.", "linalg.vecdot", change=lambda x: x.conj())
option_changed("vecdot-ignores-dim", "vecdot drops dim.", "linalg.vecdot", option="dim")
answered("matrix-power-zero-is-ones", "The power 0 of a matrix is all ones.", "torch.matrix_power")(
    lambda f, x, n, **k: f(x, n, **k) if n else torch.ones_like(x)
)
answered("matrix-power-seven-is-six", "The power 7 of a matrix is the power 6.", "Tensor.matrix_power")(
    lambda f, x, n: f(x, 6 if n == 7 else n)
)


def _is_three(equation: Any, operands: tuple[Any, ...]) -> bool:
    return isinstance(equation, str) and len(operands) == 3
