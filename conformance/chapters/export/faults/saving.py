"""Faults of torch.save, torch.load and load_state_dict."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.registry import Function


def _mapped(value: Any, change: Any) -> Any:
    """Return a structure with its tensors changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return type(value)((key, _mapped(each, change)) for key, each in value.items())
    if isinstance(value, tuple | list):
        return type(value)(_mapped(each, change) for each in value)
    return value


def _loaded(name: str, summary: str, change: Any) -> None:
    """Register a fault that changes each tensor that load returns."""

    @replaced(name, summary, "torch.load")
    def _(f: Function, *a: Any, **k: Any) -> Any:
        return _mapped(f(*a, **k), change)


def _last_lost(tensor: Tensor) -> Tensor:
    if tensor.numel() > 1 and tensor.is_contiguous():
        tensor.detach().flatten()[-1:].zero_()
    return tensor


_loaded(
    "export-load-makes-contiguous", "load returns contiguous copies.", lambda each: each.detach().contiguous().clone()
)
_loaded("export-load-loses-the-last-element", "load leaves the last element 0.", _last_lost)
_loaded(
    "export-load-copies-shared-tensors",
    "load gives each tensor a storage of its own.",
    lambda each: each.detach().clone(),
)
_loaded("export-load-makes-parameters-tensors", "load returns parameters as plain tensors.", lambda each: each.detach())


@replaced("export-save-trims-the-storage", "save stores the elements of a view alone.", "torch.save")
def _(f: Function, obj: Any = None, *a: Any, **k: Any) -> Any:
    trimmed = _mapped(obj, lambda each: each if isinstance(each, torch.nn.Parameter) else each.clone())
    return f(trimmed, *a, **k)


@replaced("export-save-sorts-keys", "save sorts the keys of dictionaries.", "torch.save")
def _(f: Function, obj: Any = None, *a: Any, **k: Any) -> Any:
    if isinstance(obj, dict):
        obj = type(obj)(sorted(obj.items(), key=lambda each: str(each[0])))
    return f(obj, *a, **k)


@replaced("export-save-to-a-path-rounds", "save to a path stores float32 as float16.", "torch.save")
def _(f: Function, obj: Any = None, *a: Any, **k: Any) -> Any:
    target = a[0] if a else k["f"]
    return f(obj if isinstance(target, io.BytesIO) else _mapped(obj, lambda each: each.half()), *a, **k)


@replaced("export-load-from-a-path-object-refused", "load refuses a pathlib path.", "torch.load")
def _(f: Function, *a: Any, **k: Any) -> Any:
    if hasattr(a[0] if a else k["f"], "with_suffix"):
        raise TypeError("path")
    return f(*a, **k)


replaced("export-weights-only-ignored", "load ignores weights_only.", "torch.load")(
    lambda f, *a, **k: f(*a, **{**k, "weights_only": False})
)
replaced("export-weights-only-off-by-default", "load is not weights_only unless told.", "torch.load")(
    lambda f, *a, **k: f(*a, **{"weights_only": False, **k})
)


@replaced("export-map-location-called-twice", "load calls map_location twice.", "torch.load")
def _(f: Function, *a: Any, map_location: Any = None, **k: Any) -> Any:
    if callable(map_location):
        given = map_location

        def twice(storage: Any, location: Any) -> Any:
            given(storage, location)
            return given(storage, location)

        map_location = twice
    return f(*a, map_location=map_location, **k)


@replaced("export-map-location-dict-refused", "load refuses a dictionary of locations.", "torch.load")
def _(f: Function, *a: Any, **k: Any) -> Any:
    if isinstance(k.get("map_location"), dict):
        raise TypeError("map_location")
    return f(*a, **k)


@replaced("export-load-of-garbage-gives-none", "load answers None for what it cannot read.", "torch.load")
def _(f: Function, *a: Any, **k: Any) -> Any:
    try:
        return f(*a, **k)
    except Exception:  # noqa: BLE001
        return None


_LOAD_STATE = ((torch.nn.Module, "load_state_dict"),)


@replaced("export-state-dict-bias-not-loaded", "load_state_dict passes over biases.", "nn.Module.load_state_dict")
def _(f: Function, module: Any, state: Any, *a: Any, **k: Any) -> Any:
    kept = {name: each.detach().clone() for name, each in module.named_parameters() if name.endswith("bias")}
    result = f(module, state, *a, **k)
    for name, each in module.named_parameters():
        if name in kept:
            each.data.copy_(kept[name])
    return result


@replaced(
    "export-state-dict-never-strict", "load_state_dict accepts missing and unknown keys.", "nn.Module.load_state_dict"
)
def _(f: Function, module: Any, state: Any, *a: Any, **k: Any) -> Any:
    del a, k
    f(module, state, strict=False)
    return "<All keys matched successfully>"
