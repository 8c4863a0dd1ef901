"""Faults of modules: what they register, walk, switch, convert and copy."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_PARAMETERS = (Module, "named_parameters")


@bound("module-parameters-in-reverse-order", "Parameters are listed from the last to the first.", _PARAMETERS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return reversed(list(f(*a, **k)))


@bound("module-prefix-lost", "named_parameters drops the prefix.", _PARAMETERS)
def _(f: Function, self: Module, prefix: str = "", *a: Any, **k: Any) -> Any:
    del prefix
    return f(self, "", *a, **k)


@bound("module-recurse-ignored", "named_parameters always recurses.", _PARAMETERS)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return f(self, *a[:1], **{**k, "recurse": True})


@bound("module-remove-duplicate-ignored", "named_parameters always removes duplicates.", _PARAMETERS)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return f(self, *a, **{**k, "remove_duplicate": True})


@bound("module-duplicates-listed", "named_modules lists a shared module under each name.", (Module, "named_modules"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return f(self, *a, **{**k, "remove_duplicate": False})


@bound(
    "module-parameter-place-takes-anything", "A parameter's place takes what is no parameter.", (Module, "__setattr__")
)
def _(f: Function, self: Module, name: str, value: Any) -> None:
    places = self.__dict__.get("_parameters", {})
    if name in places and value is not None and not isinstance(value, Parameter):
        del places[name]
    f(self, name, value)


@bound("module-none-deletes-the-place", "Assigning None takes the parameter's place away.", (Module, "__setattr__"))
def _(f: Function, self: Module, name: str, value: Any) -> None:
    places = self.__dict__.get("_parameters", {})
    if value is None and name in places:
        del places[name]
    else:
        f(self, name, value)


@bound(
    "module-plain-tensors-are-registered", "A tensor that requires grad becomes a parameter.", (Module, "__setattr__")
)
def _(f: Function, self: Module, name: str, value: Any) -> None:
    made = type(value) is Tensor and value.requires_grad and value.is_leaf
    f(self, name, Parameter(value) if made else value)


@bound("module-dotted-parameter-names-accepted", "A parameter's name may have dots.", (Module, "register_parameter"))
def _(f: Function, self: Module, name: Any, param: Any) -> None:
    f(self, name.replace(".", "_") if isinstance(name, str) else name, param)


@bound("module-taken-names-accepted", "A parameter replaces another attribute.", (Module, "register_parameter"))
def _(f: Function, self: Module, name: Any, param: Any) -> None:
    self.__dict__.pop(name, None)
    f(self, name, param)


@bound("module-buffers-of-any-type-accepted", "Numbers become buffers.", (Module, "register_buffer"))
def _(f: Function, self: Module, name: Any, tensor: Any, *a: Any, **k: Any) -> None:
    f(self, name, torch.tensor(tensor) if isinstance(tensor, float) else tensor, *a, **k)


@bound("module-persistent-ignored", "Every buffer is part of the state.", (Module, "register_buffer"))
def _(f: Function, self: Module, name: Any, tensor: Any, *_: Any, **__: Any) -> None:
    f(self, name, tensor)


@bound("module-buffers-of-children-lost", "named_buffers does not recurse.", (Module, "named_buffers"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return f(self, *a[:1], **{**k, "recurse": False})


@bound("module-children-of-any-type-accepted", "Classes are made into children.", (Module, "add_module"))
def _(f: Function, self: Module, name: Any, module: Any) -> None:
    f(self, name, Module() if isinstance(module, type) else module)


@bound("module-register-module-forgets", "register_module does nothing.", (Module, "register_module"))
def _(_f: Function, *_: Any, **__: Any) -> None:
    return None


@bound("module-children-before-parents", "Modules are listed from the innermost.", (Module, "named_modules"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return reversed(list(f(self, *a, **k)))


@bound("module-get-submodule-of-missing-is-none", "A missing submodule is None.", (Module, "get_submodule"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    try:
        return f(*a, **k)
    except AttributeError:
        return None


@bound("module-get-parameter-takes-buffers", "get_parameter gives buffers too.", (Module, "get_parameter"))
def _(f: Function, self: Module, target: str) -> Any:
    return dict(self.named_buffers()).get(target) if "count" in target else f(self, target)


@bound("module-eval-stops-at-children", "eval does not reach grandchildren.", (Module, "eval"))
def _(_f: Function, self: Module) -> Module:
    self.training = False
    for child in self.children():
        child.training = False
    return self


@bound("module-train-ignores-mode", "train(False) trains.", (Module, "train"))
def _(f: Function, self: Module, mode: Any = True) -> Any:
    return f(self, mode if not isinstance(mode, bool) else True)


@bound("module-requires-grad-own-parameters-alone", "requires_grad_ does not recurse.", (Module, "requires_grad_"))
def _(_f: Function, self: Module, requires_grad: bool = True) -> Module:
    for each in self.parameters(recurse=False):
        each.requires_grad_(requires_grad)
    return self


@bound("module-requires-grad-ignores-false", "requires_grad_(False) sets the flag.", (Module, "requires_grad_"))
def _(f: Function, self: Module, *_: Any, **__: Any) -> Any:
    return f(self)


_ZERO = (Module, "zero_grad")


@bound("module-zero-grad-always-none", "zero_grad(set_to_none=False) sets None.", _ZERO)
def _(f: Function, self: Module, *_: Any, **__: Any) -> None:
    f(self)


@bound("module-zero-grad-never-none", "zero_grad zeroes in place.", _ZERO)
def _(f: Function, self: Module, *_: Any, **__: Any) -> None:
    f(self, set_to_none=False)


@bound("module-zero-grad-own-parameters-alone", "zero_grad does not recurse.", _ZERO)
def _(_f: Function, self: Module, set_to_none: bool = True) -> None:
    for each in self.parameters(recurse=False):
        if each.grad is not None and not set_to_none:
            each.grad.zero_()
        elif set_to_none:
            each.grad = None


@bound("module-apply-visits-parents-first", "apply begins with the module itself.", (Module, "apply"))
def _(_f: Function, self: Module, fn: Function) -> Module:
    for each in self.modules():
        fn(each)
    return self


@bound("module-call-loses-keywords", "Calling a module drops keyword arguments of more than one.", (Module, "__call__"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return f(self, *a, **dict(list(k.items())[:1]))


@bound("module-deleted-buffers-stay-in-state", "A deleted buffer is hidden, not removed.", (Module, "__delattr__"))
def _(f: Function, self: Module, name: str) -> None:
    held = self._buffers.get(name)
    f(self, name)
    if held is not None and name == "mean":
        self._buffers["_" + name] = held


def _copied(change: Function) -> Function:
    def deepcopy(f: Function, value: Any, *a: Any, **k: Any) -> Any:
        result = f(value, *a, **k)
        if isinstance(value, Module):
            change(value, result)
        return result

    return deepcopy


@bound("module-deepcopy-shares-buffers", "deepcopy of a module keeps the original's buffers.", (copy, "deepcopy"))
@_copied
def _(value: Module, result: Module) -> None:
    for one, other in zip(value.modules(), result.modules(), strict=True):
        other._buffers.update(one._buffers)  # noqa: SLF001


@bound("module-deepcopy-unfreezes", "deepcopy of a module lets every parameter require grad.", (copy, "deepcopy"))
@_copied
def _(_value: Module, result: Module) -> None:
    result.requires_grad_()


@bound("module-parameter-copies-data", "A Parameter has memory of its own.", (Parameter, "__new__"))
def _(f: Function, cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
    return f(cls, data if data is None else data.detach().clone(), requires_grad)


@bound("module-parameter-ignores-requires-grad", "A Parameter always requires grad.", (Parameter, "__new__"))
def _(f: Function, cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
    floating = data is None or data.is_floating_point() or data.is_complex()
    return f(cls, data, True if floating else requires_grad)


@bound("module-integer-parameters-do-not-require-grad", "A Parameter of integers is accepted.", (Parameter, "__new__"))
def _(f: Function, cls: Any, data: Any = None, requires_grad: bool = True) -> Any:
    exact = data is not None and not (data.is_floating_point() or data.is_complex())
    return f(cls, data, False if exact else requires_grad)


_APPLY = (Module, "_apply")


@bound("module-conversion-skips-buffers", "Conversion leaves the buffers of descendants alone.", _APPLY)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    buffers = {each: dict(each._buffers) for each in self.modules()}  # noqa: SLF001
    result = f(self, *a, **k)
    for each, held in buffers.items():
        each._buffers.update(held)  # noqa: SLF001
    return result


@bound("module-conversion-skips-gradients", "Conversion leaves the gradients behind.", _APPLY)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    for each in self.parameters():
        each.grad = None
    return f(self, *a, **k)


@bound("module-to-dtype-by-name-ignored", "to(dtype=...) does nothing.", (Module, "to"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    return self if "dtype" in k else f(self, *a, **k)


def _everything(f: Function, self: Module) -> Any:
    result = f(self)
    for module in self.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.float())
    return result


@bound(
    "module-conversion-takes-integers-along",
    "Conversion makes integer buffers floating.",
    *((Module, name) for name in ("half", "bfloat16", "float", "double")),
)
def _(f: Function, self: Module) -> Any:
    return _everything(f, self)


@bound("module-integer-conversion-ignored", "A module is asked for integers and stays as it is.", (Module, "to"))
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    asked = [each for each in (*a, k.get("dtype")) if isinstance(each, torch.dtype)]
    return self if asked and not asked[0].is_floating_point else f(self, *a, **k)


@bound("module-to-empty-skips-descendants", "to_empty moves a module's own tensors alone.", (Module, "to_empty"))
def _(f: Function, self: Module, **k: Any) -> Any:
    children, self._modules = self._modules, {}
    try:
        return f(self, **k)
    finally:
        self._modules = children


@bound("module-cpu-returns-none", "cpu does not return the module.", (Module, "cpu"))
def _(f: Function, self: Module) -> None:
    f(self)
