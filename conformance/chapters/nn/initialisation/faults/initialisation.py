"""Faults of torch.nn.init."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import init

from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, option_ignored
from torch_conformance.conformance.power.forms import Named, answer_changed, replaced
from torch_conformance.conformance.power.registry import Function

_OWN: list[torch.Generator] = []
_XAVIER_UNIFORM, _XAVIER_NORMAL = "nn.init.xavier_uniform_", "nn.init.xavier_normal_"


@replaced("module-seed-ignored-by-uniform", "uniform_ of tensors draws from its own stream.", "Tensor.uniform_")
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    if not _OWN:
        _OWN.append(torch.Generator().manual_seed(1))
    return f(self, *a, **(k | {"generator": _OWN[0]}))


replaced("module-uniform-restarts-the-stream", "uniform_ of tensors begins again each time.", "Tensor.uniform_")(
    lambda f, x, *a, **k: f(x, *a, **(k | {"generator": torch.Generator().manual_seed(torch.initial_seed() % 2**63)}))
)


replaced("module-uniform-ignores-b", "uniform_ with b by name ends at 1.", "nn.init.uniform_")(
    lambda f, *a, b=1.0, **k: f(*a, **k) if len(a) < 3 and k.get("a", 0) < b else f(*a, b, **k)
)


@replaced("module-uniform-squares", "uniform_ on the unit interval prefers small numbers.", "nn.init.uniform_")
def _(f: Function, *a: Any, **k: Any) -> Any:
    result = f(*a, **k)
    with torch.no_grad():
        return result.mul_(result) if len(a) == 1 and not k else result


arguments_set("module-normal-takes-variance", "normal_ takes its deviation for a variance.", "nn.init.normal_")(
    lambda given: {"std": math.sqrt(given.get("std", 1.0))}
)
replaced("module-normal-drops-mean-of-float64", "normal_ with a mean by place has mean 0.", "nn.init.normal_")(
    lambda f, *a, **k: f(*a[:1], *((0.0,) if a[1:] else ()), *a[2:], **k)
)


@replaced("module-trunc-normal-clamps", "trunc_normal_ clamps what lies outside.", "nn.init.trunc_normal_")
def _(_f: Function, tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Tensor:
    with torch.no_grad():
        return tensor.normal_(mean, std).clamp_(a, b)


@arguments_set("module-xavier-uniform-doubles-fan-in", "xavier_uniform_ takes fan_in for fan_out.", _XAVIER_UNIFORM)
def _(given: Named) -> Named:
    fan_out, fan_in = given["tensor"].shape[:2]
    return {"gain": given.get("gain", 1.0) * math.sqrt((fan_in + fan_out) / (2 * fan_in))}


arguments_set("module-xavier-normal-ignores-the-kernel", "xavier_normal_ counts channels alone.", _XAVIER_NORMAL)(
    lambda given: {"gain": given.get("gain", 1.0) * math.sqrt(math.prod(given["tensor"].shape[2:]))}
)
answered_by_name(
    "module-orthogonal-of-wide-is-not",
    "orthogonal_ of wide matrices is scaled normal.",
    "nn.init.orthogonal_",
    when=lambda given: given["tensor"].shape[0] < given["tensor"][0].numel(),
)(lambda given: init.normal_(given["tensor"], 0, given["tensor"][0].numel() ** -0.5))
answer_changed("module-constant-of-transposed-returns-a-copy", "constant_ may copy.", "nn.init.constant_")(
    lambda result, *_a, **_k: None if result.is_contiguous() else result.detach().clone()
)


@replaced("module-ones-are-recorded", "ones_ replaces the memory that it fills.", "nn.init.ones_")
def _(_f: Function, tensor: Tensor) -> Tensor:
    tensor.data = torch.ones_like(tensor)
    return tensor


@answer_changed("module-eye-of-wide-repeats", "eye_ of wide matrices goes on in the next columns.", "nn.init.eye_")
def _(result: Tensor, *_: Any) -> None:
    with torch.no_grad():
        if result.shape[1] > result.shape[0]:
            result[0, result.shape[0]] = 1


arguments_set("module-dirac-ignores-groups", "dirac_ knows one group.", "nn.init.dirac_")(
    lambda given: {} if given["tensor"].shape[0] % given.get("groups", 1) else {"groups": 1}
)


@answer_changed("module-dirac-off-centre", "dirac_ puts even kernels' ones before the middle.", "nn.init.dirac_")
def _(result: Tensor, *_a: Any, **_k: Any) -> None:
    with torch.no_grad():
        if result.shape[2] % 2 == 0:
            result.copy_(result.roll(-1, 2))


@replaced("module-sparse-empties-rows", "sparse_ empties the same places of each column.", "nn.init.sparse_")
def _(f: Function, tensor: Tensor, sparsity: float, std: float = 0.01) -> Tensor:
    f(tensor, 0.0, std)
    with torch.no_grad():
        tensor[: math.ceil(sparsity * tensor.shape[0])] = 0
    return tensor


answered_by_name(
    "module-gain-of-tanh-is-one",
    "The gain of tanh is 1.",
    "nn.init.calculate_gain",
    when=lambda given: given["nonlinearity"] == "tanh",
)(lambda _: 1.0)
replaced(
    "module-fans-of-one-dimension-accepted",
    "A vector is taken for a column.",
    "nn.init._calculate_fan_in_and_fan_out",
)(lambda f, tensor: f(tensor.unsqueeze(0) if tensor.dim() == 1 else tensor))
replaced("module-unknown-mode-accepted", "An unknown mode means fan_in.", "nn.init._calculate_correct_fan")(
    lambda f, tensor, mode: f(tensor, mode if mode in ("fan_in", "fan_out") else "fan_in")
)
option_ignored(
    "module-generator-ignored",
    "A generator is taken and not used.",
    *(f"nn.init.{name}_" for name in ("uniform", "normal", "trunc_normal", "xavier_uniform", "kaiming_normal")),
    option="generator",
)
