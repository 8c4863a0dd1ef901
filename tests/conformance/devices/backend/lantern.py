"""A PrivateUse1 device in Python: each tensor's elements live in a tensor of the CPU; it can be broken in four ways.

LANTERN=lacks:OPERATOR, wrong:OPERATOR, late:OPERATOR or poison:OPERATOR (such as wrong:aten::fill_) makes an operator
missing, wrong (twice the answer and one), an error only at the next synchronisation, or the end of all that the device
does in this process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree, backend_registration

from torch_conformance.conformance.devices.registry import Backend, Facts

NAME = "lantern"
HOW, _, WHICH = os.environ.get("LANTERN", "").partition(":")
UNITS = int(os.environ.get("LANTERN_UNITS", "1"))
_late: list[str] = []
_poisoned: list[str] = []


class LanternTensor(torch.Tensor):
    """A tensor of the device."""

    held: torch.Tensor


def _wrapped(held: torch.Tensor) -> torch.Tensor:
    made = torch._C._acc.create_empty_tensor(tuple(held.shape), held.dtype)
    made.__class__ = LanternTensor
    made.held = held
    return made


def _break(name: str, answer: torch.Tensor) -> None:
    # The probe of ones, of one dimension, is answered well: the device can be used, and is wrong elsewhere.
    if name != WHICH or answer.dim() == 1:
        return
    if HOW == "wrong":
        answer.mul_(2).add_(1)
    elif HOW == "late":
        _late.append(name)


def _check_alive() -> None:
    if _poisoned:
        raise RuntimeError(f"{NAME} error: device-side assert triggered by {_poisoned[0]}")


def _fallback(operator: Any, *arguments: Any, **options: Any) -> Any:
    name = operator._schema.name
    _check_alive()
    if HOW == "poison" and name == WHICH:
        _poisoned.append(name)
        _check_alive()
    if HOW == "lacks" and name == WHICH:
        raise NotImplementedError(f"Could not run '{name}' with arguments from the '{NAME}' backend")
    if name == "aten::_copy_from":
        source, target = (getattr(each, "held", each) for each in arguments[:2])
        target.copy_(source)
        return arguments[1]
    wrappers: dict[int, torch.Tensor] = {}

    def inside(value: Any) -> Any:
        if isinstance(value, LanternTensor):
            wrappers[id(value.held)] = value
            return value.held
        if isinstance(value, torch.Tensor) and value.device.type == NAME:
            raise NotImplementedError(f"{name}: the '{NAME}' backend has lost where these elements live")
        return torch.device("cpu") if isinstance(value, torch.device) else value

    def outside(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return wrappers.get(id(value)) if id(value) in wrappers else _wrapped(value)
        return value

    arguments, options = _pytree.tree_map(inside, (arguments, options))
    answer = operator(*arguments, **options)
    _break(name, answer)
    return _pytree.tree_map(outside, answer)


class _Module:
    def is_available(self) -> bool:
        return True

    def is_initialized(self) -> bool:
        return True

    def _is_in_bad_fork(self) -> bool:
        return False

    def manual_seed_all(self, seed: int) -> None:
        pass

    def device_count(self) -> int:
        return UNITS

    def current_device(self) -> int:
        return 0


def _synchronize(device: torch.device) -> None:
    _check_alive()
    if _late:
        raise RuntimeError(f"{device}: {_late.pop()} failed some time ago")


backend_registration._setup_privateuseone_for_python_backend(NAME, backend_module=_Module())
_library = torch.library.Library("_", "IMPL")
_library.fallback(_fallback, "PrivateUse1")
# Torch's own kernels of these make a tensor that knows nothing of the one on the CPU.
_aliases = torch.library.Library("aten", "IMPL")
for _name in ("detach", "alias"):
    _aliases.impl(_name, lambda tensor: _wrapped(tensor.held.detach()), "PrivateUse1")

BACKEND = Backend(
    NAME,
    count=lambda: UNITS,
    synchronize=_synchronize,
    facts=lambda _: Facts("Lantern One", "driver 7", 4096),
    waivers=tuple(Path(__file__).parent.glob("lantern-waivers.toml")),
    lacks=("bfloat16",),
)
