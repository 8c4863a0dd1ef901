"""Faults of modules: what they register, walk, switch, convert and copy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, option_ignored
from torch_conformance.conformance.power.forms import Answer, attributes_held, refusal_forgiven, replaced, wrapping
from torch_conformance.conformance.power.registry import Function, fault

_SET = "nn.Module.__setattr__"
_PARAMETER = "nn.Module.register_parameter"
_BUFFER = "nn.Module.register_buffer"
_ZERO = "nn.Module.zero_grad"
_APPLY = "nn.Module._apply"
_TO = "nn.Module.to"
_NEW = "nn.Parameter.__new__"

# Name, sentence, method, option, what it always is.
for _name, _summary, _method, _option, _value in (
    ("prefix-lost", "named_parameters drops the prefix.", "named_parameters", "prefix", ""),
    ("recurse-ignored", "named_parameters always recurses.", "named_parameters", "recurse", True),
    (
        "remove-duplicate-ignored",
        "named_parameters always removes duplicates.",
        "named_parameters",
        "remove_duplicate",
        True,
    ),
    (
        "duplicates-listed",
        "named_modules lists a shared module under each name.",
        "named_modules",
        "remove_duplicate",
        False,
    ),
    ("buffers-of-children-lost", "named_buffers does not recurse.", "named_buffers", "recurse", False),
    ("persistent-ignored", "Every buffer is part of the state.", "register_buffer", "persistent", True),
    ("requires-grad-ignores-false", "requires_grad_(False) sets it.", "requires_grad_", "requires_grad", True),
    ("zero-grad-always-none", "zero_grad always sets None.", "zero_grad", "set_to_none", True),
    ("zero-grad-never-none", "zero_grad zeroes in place.", "zero_grad", "set_to_none", False),
):
    option_ignored(f"module-{_name}", _summary, f"nn.Module.{_method}", option=_option, value=_value)

for _name, _summary, _method in (
    ("parameters-in-reverse-order", "Parameters are listed from the last to the first.", "named_parameters"),
    ("children-before-parents", "Modules are listed from the innermost.", "named_modules"),
):
    replaced(f"module-{_name}", _summary, f"nn.Module.{_method}")(lambda f, *a, **k: reversed(list(f(*a, **k))))


@replaced("module-parameter-place-takes-anything", "A parameter's place takes what is no parameter.", _SET)
def _(f: Function, self: Module, name: str, value: Any) -> None:
    places = self.__dict__.get("_parameters", {})
    if name in places and value is not None and not isinstance(value, Parameter):
        del places[name]
    f(self, name, value)


@replaced("module-none-deletes-the-place", "Assigning None takes the parameter's place away.", _SET)
def _(f: Function, self: Module, name: str, value: Any) -> None:
    places = self.__dict__.get("_parameters", {})
    if value is None and name in places:
        del places[name]
    else:
        f(self, name, value)


@replaced("module-plain-tensors-are-registered", "A tensor that requires grad becomes a parameter.", _SET)
def _(f: Function, self: Module, name: str, value: Any) -> None:
    made = type(value) is Tensor and value.requires_grad and value.is_leaf
    f(self, name, Parameter(value) if made else value)


arguments_set("module-dotted-parameter-names-accepted", "A parameter's name may have dots.", _PARAMETER)(
    lambda given: {"name": given["name"].replace(".", "_")} if isinstance(given["name"], str) else {}
)
arguments_set("module-buffers-of-any-type-accepted", "Numbers become buffers.", _BUFFER)(
    lambda given: {"tensor": torch.tensor(given["tensor"])} if isinstance(given["tensor"], float) else {}
)
arguments_set("module-children-of-any-type-accepted", "Classes are made children.", "nn.Module.add_module")(
    lambda given: {"module": Module()} if isinstance(given["module"], type) else {}
)
arguments_set("module-train-ignores-mode", "train(False) trains.", "nn.Module.train")(
    lambda given: {"mode": True} if isinstance(given.get("mode", True), bool) else {}
)


@replaced("module-taken-names-accepted", "A parameter replaces another attribute.", _PARAMETER)
def _(f: Function, self: Module, name: Any, param: Any) -> None:
    self.__dict__.pop(name, None)
    f(self, name, param)


replaced("module-register-module-forgets", "register_module does nothing.", "nn.Module.register_module")(
    lambda *_a, **_k: None
)
refusal_forgiven(
    "module-get-submodule-of-missing-is-none",
    "A missing submodule is None.",
    "nn.Module.get_submodule",
    instead=lambda *_a, **_k: None,
    errors=(AttributeError,),
)
answered_by_name(
    "module-get-parameter-takes-buffers",
    "get_parameter gives buffers too.",
    "nn.Module.get_parameter",
    when=lambda given: "count" in given["target"],
)(lambda given: dict(given["self"].named_buffers()).get(given["target"]))


@replaced("module-eval-stops-at-children", "eval does not reach grandchildren.", "nn.Module.eval")
def _(_f: Function, self: Module) -> Module:
    for each in (self, *self.children()):
        each.training = False
    return self


@replaced("module-requires-grad-own-parameters-alone", "It does not recurse.", "nn.Module.requires_grad_")
def _(_f: Function, self: Module, requires_grad: bool = True) -> Module:
    for each in self.parameters(recurse=False):
        each.requires_grad_(requires_grad)
    return self


attributes_held("module-zero-grad-own-parameters-alone", "zero_grad does not recurse.", _ZERO)(
    lambda _: {"_modules": {}}
)
attributes_held("module-to-empty-skips-descendants", "to_empty moves a module's own alone.", "nn.Module.to_empty")(
    lambda _: {"_modules": {}}
)


@replaced("module-apply-visits-parents-first", "apply begins with the module itself.", "nn.Module.apply")
def _(_f: Function, self: Module, fn: Function) -> Module:
    for each in self.modules():
        fn(each)
    return self


replaced("module-call-loses-keywords", "Calling a module drops all keywords but one.", "nn.Module.__call__")(
    lambda f, self, *a, **k: f(self, *a, **dict(list(k.items())[:1]))
)


@replaced("module-deleted-buffers-stay-in-state", "A deleted buffer is hidden, not removed.", "nn.Module.__delattr__")
def _(f: Function, self: Module, name: str) -> None:
    held = self._buffers.get(name)
    f(self, name)
    if held is not None and name == "mean":
        self._buffers["_" + name] = held


def _copied(name: str, summary: str) -> Callable[[Answer], Answer]:
    """Register the decorated `change(original, copy)` of what copy.deepcopy makes of modules."""

    def register(change: Answer) -> Answer:
        def deepcopy(f: Function, value: Any, *a: Any, **k: Any) -> Any:
            result = f(value, *a, **k)
            if isinstance(value, Module):
                change(value, result)
            return result

        fault(name, summary)(lambda breaker: breaker.binding(copy, "deepcopy", wrapping(deepcopy)))
        return change

    return register


@_copied("module-deepcopy-shares-buffers", "deepcopy of a module keeps the original's buffers.")
def _(value: Module, result: Module) -> None:
    for one, other in zip(value.modules(), result.modules(), strict=True):
        other._buffers.update(one._buffers)  # noqa: SLF001


_copied("module-deepcopy-unfreezes", "deepcopy of a module lets every parameter require grad.")(
    lambda _, result: result.requires_grad_()
)


def _is_exact(data: Any) -> bool:
    return data is not None and not (data.is_floating_point() or data.is_complex())


# Name, sentence, which arguments of Parameter are other.
for _name, _summary, _values in (
    (
        "parameter-copies-data",
        "A Parameter has memory of its own.",
        lambda given: {"data": given["data"].detach().clone()} if given.get("data") is not None else {},
    ),
    (
        "parameter-ignores-requires-grad",
        "A Parameter always requires grad.",
        lambda given: {} if _is_exact(given.get("data")) else {"requires_grad": True},
    ),
    (
        "integer-parameters-do-not-require-grad",
        "A Parameter of integers is accepted.",
        lambda given: {"requires_grad": False} if _is_exact(given.get("data")) else {},
    ),
):
    arguments_set(f"module-{_name}", _summary, _NEW)(_values)


@replaced("module-conversion-skips-buffers", "Conversion leaves the buffers of descendants alone.", _APPLY)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    buffers = {each: dict(each._buffers) for each in self.modules()}  # noqa: SLF001
    result = f(self, *a, **k)
    for each, held in buffers.items():
        each._buffers.update(held)  # noqa: SLF001
    return result


@replaced("module-conversion-skips-gradients", "Conversion leaves the gradients behind.", _APPLY)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    for each in self.parameters():
        each.grad = None
    return f(self, *a, **k)


@replaced(
    "module-conversion-takes-integers-along",
    "Conversion makes integer buffers floating.",
    *(f"nn.Module.{name}" for name in ("half", "bfloat16", "float", "double")),
)
def _(f: Function, self: Module) -> Any:
    result = f(self)
    for module in self.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.float())
    return result


replaced("module-to-dtype-by-name-ignored", "to(dtype=...) does nothing.", _TO)(
    lambda f, self, *a, **k: self if "dtype" in k else f(self, *a, **k)
)


@replaced("module-integer-conversion-ignored", "A module asked for integers stays as it is.", _TO)
def _(f: Function, self: Module, *a: Any, **k: Any) -> Any:
    asked = [each for each in (*a, k.get("dtype")) if isinstance(each, torch.dtype)]
    return self if asked and not asked[0].is_floating_point else f(self, *a, **k)


replaced("module-cpu-returns-none", "cpu does not return the module.", "nn.Module.cpu")(
    lambda f, self: [f(self)].clear()
)
