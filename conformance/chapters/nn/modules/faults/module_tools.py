"""Faults of what is done with modules beyond calling them."""

from __future__ import annotations

from typing import Any

from torch.nn import Module

from torch_conformance.conformance.power.argument_forms import arguments_set
from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.registry import Function

_CALL = "torch.func.functional_call"


@replaced("module-functional-call-ignores-buffers", "Buffers are not replaced.", _CALL)
def _(f: Function, module: Module, tensors: Any, *a: Any, **k: Any) -> Any:
    joined = tensors if isinstance(tensors, dict) else {n: v for each in tensors for n, v in each.items()}
    buffers = {name for name, _ in module.named_buffers()}
    return f(module, {name: value for name, value in joined.items() if name not in buffers}, *a, **k)


@replaced("module-functional-call-keeps-tensors", "What is given stays in the module.", _CALL)
def _(f: Function, module: Any, tensors: Any, *a: Any, **k: Any) -> Any:
    result = f(module, tensors, *a, **k)
    if isinstance(tensors, dict) and "bias" in tensors:
        module.bias.data.copy_(tensors["bias"])
    return result


replaced("module-set-submodule-ignored", "set_submodule does nothing.", "nn.Module.set_submodule")(
    lambda *_a, **_k: None
)


@replaced("module-lazy-linear-draws-twice", "LazyLinear draws its weight twice.", "nn.LazyLinear.reset_parameters")
def _(f: Function, self: Any) -> None:
    f(self)
    f(self)


@replaced("module-extra-repr-is-not-shown", "extra_repr is not shown.", "nn.Module.__repr__")
def _(f: Function, self: Module) -> Any:
    shown = self.extra_repr()
    return f(self).replace(shown, "") if shown else f(self)


for _name, _kind in (("state", "state_dict"), ("load", "load_state_dict")):
    replaced(
        f"module-{_name}-pre-hook-never-runs",
        f"A hook before {_kind} is taken and never run.",
        f"nn.Module.register_{_kind}_pre_hook",
    )(lambda f, self, _hook: f(self, lambda *_: None))


@replaced("module-memory-format-ignored", "to ignores memory_format.", "nn.Module.to")
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    k.pop("memory_format", None)
    return f(self, *a, **k) if a or k else self


arguments_set("module-vector-reversed", "Parameters are joined from the last.", "nn.utils.parameters_to_vector")(
    lambda given: {"parameters": list(given["parameters"])[::-1]}
)
