"""Faults of hooks, state and containers of modules."""

from __future__ import annotations

import collections
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Module

from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.registry import Function

_PRE, _FORWARD = "nn.Module.register_forward_pre_hook", "nn.Module.register_forward_hook"


class _Nothing:
    def remove(self) -> None:
        """Remove nothing."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def _silent(hook: Function) -> Function:
    def silent(*a: Any, **k: Any) -> None:
        hook(*a, **k)

    return silent


replaced("module-pre-hook-result-ignored", "What a forward pre-hook returns is dropped.", _PRE)(
    lambda f, self, hook, **k: f(self, _silent(hook), **k)
)
replaced("module-prepend-ignored", "Prepended hooks come last.", _PRE, _FORWARD)(
    lambda f, self, hook, **k: f(self, hook, **{**k, "prepend": False})
)
replaced("module-forward-hook-result-ignored", "What a forward hook returns is dropped.", _FORWARD)(
    lambda f, self, hook, **k: f(self, _silent(hook), **k)
)


@replaced("module-removed-hooks-stay", "Forward hooks are not removed.", _FORWARD)
def _(f: Function, self: Module, hook: Function, **k: Any) -> Any:
    f(self, hook, **k)
    return _Nothing()


replaced("module-always-call-ignored", "always_call is forgotten.", _FORWARD)(
    lambda f, self, hook, **k: f(self, hook, **{**k, "always_call": False})
)


def _never(_f: Function, *_: Any, **__: Any) -> _Nothing:
    return _Nothing()


for _name, _place in (
    ("backward-hook", "nn.Module.register_full_backward_hook"),
    ("backward-pre-hook", "nn.Module.register_full_backward_pre_hook"),
    ("global-pre-hook", "nn.modules.module.register_module_forward_pre_hook"),
    ("load-post-hook", "nn.Module.register_load_state_dict_post_hook"),
):
    replaced(f"module-{_name}-never-runs", f"A {_name} is registered and never runs.", _place)(_never)


_STATE, _LOAD = "nn.Module.state_dict", "nn.Module.load_state_dict"


@replaced("module-state-is-a-copy", "state_dict copies.", _STATE)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    state = f(self, *a, **k)
    for name, value in state.items():
        if isinstance(value, Tensor) and not k.get("keep_vars"):
            state[name] = value.clone()
    return state


replaced("module-state-keeps-grad", "state_dict does not detach.", _STATE)(
    lambda f, self, *a, **k: f(self, *a, **{**k, "keep_vars": True})
)


@replaced("module-state-prefix-lost", "state_dict of a module without children drops the prefix.", _STATE)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    if k.get("prefix") in ("p.", "x."):
        k["prefix"] = ""
    return f(self, *a, **k)


@replaced("module-state-is-reset-to-ones", "Loading into parameters of a child sets them to 1.", _LOAD)
def _(f: Function, self: Module, state: Any, *a: Any, **k: Any) -> Any:
    answer = f(self, state, *a, **k)
    for each in self.children():
        for parameter in each.parameters():
            parameter.data.fill_(1)
    return answer


@replaced("module-load-aliases", "load_state_dict takes the given tensors where it can.", _LOAD)
def _(f: Function, self: Module, state: Any, *a: Any, **k: Any) -> Any:
    answer = f(self, state, *a, **k)
    for name, parameter in self.named_parameters():
        if name in state and state[name].dtype == parameter.dtype:
            parameter.data = state[name]
        elif name in state:
            parameter.data = parameter.data.clone()
    return answer


@replaced("module-load-skips-buffers", "load_state_dict leaves buffers as they are.", _LOAD)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    held = [each.clone() for each in self.buffers()]
    answer = f(self, *a, **k)
    for buffer, before in zip(self.buffers(), held, strict=True):
        buffer.copy_(before)
    return answer


@replaced("module-load-never-strict", "load_state_dict is never strict.", _LOAD)
def _(f: Function, self: Module, state_dict: Any, strict: bool = True, **k: Any) -> Any:
    del strict
    return f(self, state_dict, strict=False, **k)


@replaced("module-load-unstrict-loads-nothing", "Where keys are missing, nothing is loaded.", _LOAD)
def _(f: Function, self: Module, state_dict: Any, strict: bool = True, **k: Any) -> Any:
    held = {name: value.clone() for name, value in self.state_dict().items() if isinstance(value, Tensor)}
    answer = f(self, state_dict, strict, **k)
    if not strict and answer.missing_keys:
        f(self, held, strict=False)
    return answer


@replaced("module-load-reports-no-unexpected", "Without strict, unexpected keys are not reported.", _LOAD)
def _(f: Function, self: Module, state_dict: Any, strict: bool = True, **k: Any) -> Any:
    answer = f(self, state_dict, strict, **k)
    answer.unexpected_keys.clear()
    return answer


@replaced("module-load-broadcasts", "load_state_dict broadcasts one element.", _LOAD)
def _(f: Function, self: Module, state: Any, *a: Any, **k: Any) -> Any:
    own = self.state_dict()
    fitted = {n: v.expand_as(own[n]) if n in own and v.numel() == 1 else v for n, v in state.items()}
    return f(self, fitted, *a, **k)


replaced("module-assign-ignored", "load_state_dict copies whatever assign says.", _LOAD)(
    lambda f, self, *a, **k: f(self, *a, **{name: value for name, value in k.items() if name != "assign"})
)


@replaced("module-save-of-int64-as-int32", "torch.save narrows int64.", "torch.save")
def _(f: Function, value: Any, *a: Any, **k: Any) -> Any:
    if isinstance(value, collections.OrderedDict):
        value = {n: v.int() if v.dtype == torch.int64 else v for n, v in value.items()}
    return f(value, *a, **k)


@replaced("module-extra-state-not-restored", "Extra state is saved and not restored.", _LOAD)
def _(f: Function, self: Module, state: Any, *a: Any, **k: Any) -> Any:
    held = {each: each.note for each in self.modules() if hasattr(each, "note")}
    answer = f(self, state, *a, **k)
    for each, note in held.items():
        each.note = note
    return answer


@replaced("module-sequential-skips-the-last", "A Sequential of more than two skips the last.", "nn.Sequential.forward")
def _(_f: Function, self: nn.Sequential, input: Any) -> Any:  # noqa: A002
    for each in list(self)[:2]:
        input = each(input)  # noqa: A001
    return input


@replaced("module-sequential-insert-replaces", "Sequential.insert replaces.", "nn.Sequential.insert")
def _(_f: Function, self: nn.Sequential, index: int, module: Module) -> Any:
    self[index] = module
    return self


replaced("module-sequential-negative-index-off", "Sequential[-1] is the last but one.", "nn.Sequential.__getitem__")(
    lambda f, self, index: f(self, max(index - 1, -len(self)) if index == -1 else index)
)
replaced("module-sequential-slice-is-list", "A slice of a Sequential is a ModuleList.", "nn.Sequential.__getitem__")(
    lambda f, self, index: nn.ModuleList(list(self)[index]) if isinstance(index, slice) else f(self, index)
)


@replaced("module-module-list-insert-loses", "ModuleList.insert overwrites.", "nn.ModuleList.insert")
def _(_f: Function, self: nn.ModuleList, index: int, module: Module) -> None:
    self[index] = module


replaced("module-module-list-extend-reversed", "ModuleList.extend reverses what it takes.", "nn.ModuleList.extend")(
    lambda f, self, modules: f(self, list(modules)[::-1])
)


@replaced("module-module-dict-update-keeps-old", "ModuleDict.update keeps what is there.", "nn.ModuleDict.update")
def _(f: Function, self: nn.ModuleDict, modules: Any) -> None:
    items = modules.items() if hasattr(modules, "items") else modules
    f(self, {key: value for key, value in items if key not in self})


@replaced("module-module-dict-sorted", "ModuleDict sorts its keys.", "nn.ModuleDict.update")
def _(f: Function, self: nn.ModuleDict, modules: Any) -> None:
    f(self, dict(sorted(modules.items())) if isinstance(modules, dict) else modules)


replaced("module-parameter-list-extend-copies", "ParameterList.extend copies.", "nn.ParameterList.extend")(
    lambda f, self, values: f(self, [nn.Parameter(each.detach().clone()) for each in values])
)
replaced("module-parameter-list-negative-index-off", "ParameterList[-1] is the first.", "nn.ParameterList.__getitem__")(
    lambda f, self, index: f(self, 0 if index == -1 else index)
)


@replaced(
    "module-parameter-dict-update-ignored",
    "ParameterDict.update does nothing to keys that it has not.",
    "nn.ParameterDict.update",
)
def _(f: Function, self: nn.ParameterDict, parameters: Any) -> None:
    if len(self) == 0:
        f(self, parameters)


replaced("module-parameter-dict-pop-keeps", "ParameterDict.pop does not take out.", "nn.ParameterDict.pop")(
    lambda _f, self, key: self[key]
)
