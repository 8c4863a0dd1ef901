"""Faults of what is done with modules beyond calling them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import Module

from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@bound("module-functional-call-ignores-buffers", "Buffers are not replaced.", (torch.func, "functional_call"))
def _(f: Function, module: Module, tensors: Any, *a: Any, **k: Any) -> Any:
    joined = tensors if isinstance(tensors, dict) else {n: v for each in tensors for n, v in each.items()}
    buffers = [name for name, _ in module.named_buffers()]
    return f(module, without(joined, *buffers), *a, **k)


@bound("module-functional-call-keeps-tensors", "What is given stays in the module.", (torch.func, "functional_call"))
def _(f: Function, module: Any, tensors: Any, *a: Any, **k: Any) -> Any:
    result = f(module, tensors, *a, **k)
    if isinstance(tensors, dict) and "bias" in tensors:
        module.bias.data.copy_(tensors["bias"])
    return result


@bound("module-set-submodule-ignored", "set_submodule does nothing.", (Module, "set_submodule"))
def _(_f: Function, _self: Module, *_: Any, **__: Any) -> None:
    pass


@bound("module-lazy-linear-draws-twice", "LazyLinear draws its weight twice.", (nn.LazyLinear, "reset_parameters"))
def _(f: Function, self: Any) -> None:
    f(self)
    f(self)


@bound("module-extra-repr-is-not-shown", "extra_repr is not shown.", (Module, "__repr__"))
def _(f: Function, self: Module) -> Any:
    shown = self.extra_repr()
    return f(self).replace(shown, "") if shown else f(self)


@bound("module-state-pre-hook-never-runs", "The hook is taken and never run.", (Module, "register_state_dict_pre_hook"))
def _(f: Function, self: Module, hook: Any) -> Any:
    del hook
    return f(self, lambda *_: None)


@bound(
    "module-load-pre-hook-never-runs", "The hook is taken and never run.", (Module, "register_load_state_dict_pre_hook")
)
def _(f: Function, self: Module, hook: Any) -> Any:
    del hook
    return f(self, lambda *_: None)


@bound("module-memory-format-ignored", "to ignores memory_format.", (Module, "to"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    rest = without(k, "memory_format")
    return f(self, *a, **rest) if a or rest else self


@bound("module-vector-reversed", "Parameters are joined from the last.", (nn.utils, "parameters_to_vector"))
def _(f: Function, parameters: Any) -> Any:
    return f(list(parameters)[::-1])
