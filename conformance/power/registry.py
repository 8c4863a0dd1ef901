"""The library of faults: each breaks torch in one way, so that a clause can be seen to notice.

A fault is installed in a process of its own, for good: nothing is put back.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import torch

Function = Callable[..., Any]
# Imported by name, as all of them import this module.
CHAPTERS = "torch_conformance.conformance.chapters"
MUTATIONS = "torch_conformance.conformance.power.mutations"
FAULTS = ".faults."
# Names the devices that are judged, to processes in which a fault is installed.
DEVICES = "TORCH_CONFORMANCE_FAULT_DEVICES"
_NAMED = ("cpu", "cuda", "xpu", "mps", "meta", "hpu", "mtia")
_ROOTS: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}


class FaultUnavailable(Exception):
    """The installed torch offers no way to install this fault."""


def owner_of(place: str) -> tuple[Any, str]:
    """Return the owner and the attribute that a dotted name means, such as `Tensor.add_` or `nn.Linear.forward`.

    Raises:
        FaultUnavailable: When this torch has no such owner.
    """
    first, *path, name = place.split(".")
    owner: Any = _ROOTS.get(first) or getattr(torch, first, None)
    for part in path:
        owner = getattr(owner, part, None)
    if owner is None:
        raise FaultUnavailable(f"this torch has no {place.rpartition('.')[0]}")
    return owner, name


def dispatch_key(device: str) -> str:
    """Return the key under which the dispatcher keeps the kernels of a device, such as "CUDA" for "cuda:1"."""
    kind = device.partition(":")[0]
    return {"meta": "Meta"}.get(kind, kind.upper()) if kind in _NAMED else "PrivateUse1"


class Breaker:
    """The ways in which a fault may break torch."""

    def __init__(self) -> None:
        """Begin with nothing broken."""
        # The dispatcher drops a kernel when its library object is collected.
        self._libraries: list[torch.library.Library] = []
        devices = os.environ.get(DEVICES, "cpu").split(",")
        self._keys = tuple(dict.fromkeys(dispatch_key(device) for device in devices))

    def replace(self, places: Sequence[str], make: Callable[[Any], Any]) -> None:
        """Replace what stands at each place by `make(original)`; see `forms` for the names of places.

        Raises:
            FaultUnavailable: When this torch has nothing of that name.
        """
        for place in places:
            if place.startswith("aten::"):
                for key in self._keys:
                    self.kernel(place, make, key=key)
            else:
                self.binding(*owner_of(place), make)

    def binding(self, owner: Any, name: str, make: Callable[[Function], Any]) -> None:
        """Replace an attribute of a module or class by `make(original)`."""
        original = getattr(owner, name, None)
        if original is None:
            raise FaultUnavailable(f"{owner!r} has no {name} here")
        setattr(owner, name, make(original))

    def bindings(self, places: tuple[tuple[Any, str], ...], make: Callable[[Function], Any]) -> None:
        """Replace several spellings in the same way."""
        for owner, name in places:
            self.binding(owner, name, make)

    def kernel(self, operator: str, make: Callable[[Function], Function], *, key: str = "CPU") -> None:
        """Replace a kernel at the dispatcher by `make(original)`.

        Args:
            operator: Name with overload, such as "aten::add.Tensor".
            make: Given the original kernel as a callable of the operator's arguments.
            key: Dispatch key.

        Raises:
            FaultUnavailable: When this torch cannot hand out the original kernel.
        """
        get_kernel = getattr(torch.library, "get_kernel", None)
        if get_kernel is None:
            raise FaultUnavailable("this torch cannot hand out a registered kernel (torch.library.get_kernel)")
        original = get_kernel(operator, key)
        keys = torch._C.DispatchKeySet(getattr(torch._C.DispatchKey, key))  # noqa: SLF001

        def call(*arguments: Any, **options: Any) -> Any:
            return original.call_boxed(keys, *arguments, **options)

        definitions: Any = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
        definitions.impl(operator.removeprefix("aten::"), make(call), key)
        self._libraries.append(definitions)


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way of being wrong.

    Attributes:
        name: Kebab-case; what clauses name in `faults`.
        summary: What is broken, in one sentence.
        install: Breaks torch in this process.
    """

    name: str
    summary: str
    install: Callable[[Breaker], None]


_REGISTRY: dict[str, Fault] = {}
_INSTALLED: dict[str, Breaker] = {}


def fault(name: str, summary: str) -> Callable[[Callable[[Breaker], None]], Callable[[Breaker], None]]:
    """Register the decorated installer as a fault."""

    def register(install: Callable[[Breaker], None]) -> Callable[[Breaker], None]:
        if name in _REGISTRY:
            raise ValueError(f"two faults are named {name}")
        _REGISTRY[name] = Fault(name, summary, install)
        return install

    return register


@functools.cache
def library() -> Mapping[str, Fault]:
    """Return every fault by name."""
    chapters = importlib.import_module(CHAPTERS)
    for module in pkgutil.walk_packages(chapters.__path__, f"{CHAPTERS}."):
        if FAULTS in module.name and not module.ispkg:
            importlib.import_module(module.name)
    importlib.import_module(MUTATIONS)
    return MappingProxyType(_REGISTRY)


def installed() -> tuple[str, ...]:
    """Return the names of the faults that this process has."""
    return tuple(_INSTALLED)


def install(name: str) -> None:
    """Install a fault in this process.

    Raises:
        KeyError: For a name that the library does not have.
        FaultUnavailable: When this torch offers no way to install it.
    """
    breaker = Breaker()
    library()[name].install(breaker)
    _INSTALLED[name] = breaker
