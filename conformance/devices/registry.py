"""Devices that other packages bring: how a backend's package tells this suite about itself.

A package registers an object under the entry-point group `torch_conformance.devices`, named after its device type:

    [project.entry-points."torch_conformance.devices"]
    npu = "torch_npu_conformance:BACKEND"

The object is a `Backend`, or anything with attributes of these names; what is missing has the default. It is loaded
only in runs that ask for that device (`--device npu`, `--device npu:1`, `--device all`).
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

GROUP = "torch_conformance.devices"


class BackendError(ValueError):
    """A backend's package cannot be used."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a report says about one unit."""

    model: str = ""
    driver: str = ""
    memory_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Backend:
    """A device type.

    Attributes:
        device_type: As `torch.device(...).type` has it.
        module: To import before the device can be used; "" for none.
        count: Returns how many units can be used now; None asks `torch.<device_type>.device_count`.
        synchronize: Waits for all work of a unit, and raises what that work raised; None asks
            `torch.<device_type>.synchronize`.
        facts: Returns model, driver and memory of a unit; None for no facts.
        waivers: Waiver files, as for `--waivers`.
        lacks: Dtype names that the device does not have.
    """

    device_type: str
    module: str = ""
    count: Callable[[], int] | None = None
    synchronize: Callable[[torch.device], None] | None = None
    facts: Callable[[torch.device], Facts] | None = None
    waivers: tuple[Path, ...] = ()
    lacks: tuple[str, ...] = ()


@functools.cache
def registered() -> tuple[str, ...]:
    """Return the device types that packages in this environment register."""
    return tuple(sorted({each.name for each in importlib.metadata.entry_points(group=GROUP)}))


@functools.cache
def backend_of(device_type: str) -> Backend:
    """Return what is known about a device type, its module imported.

    Raises:
        BackendError: With one sentence, when a package cannot be loaded, or two register the same type.
    """
    points = tuple(importlib.metadata.entry_points(group=GROUP, name=device_type))
    if not points:
        return Backend(device_type)
    if len(points) > 1:
        values = ", ".join(sorted(each.value for each in points))
        raise BackendError(f"--device {device_type}: registered by several packages ({values}); uninstall all but one")
    try:
        given: Any = points[0].load()
        names = [field.name for field in dataclasses.fields(Backend) if hasattr(given, field.name)]
        backend = Backend(**{name: getattr(given, name) for name in names})
        if backend.module:
            importlib.import_module(backend.module)
    except Exception as error:  # noqa: BLE001
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BackendError(
            f"--device {device_type}: its package ({points[0].value}) cannot be loaded ({reason}); repair it"
        ) from None
    if backend.device_type != device_type:
        raise BackendError(
            f"--device {device_type}: {points[0].value} describes {backend.device_type}; name its entry point so"
        )
    return backend


def synchronize(device: torch.device) -> None:
    """Wait for a device, so that an error of its work is raised here.

    Raises:
        Exception: Whatever the device's own synchronisation raises.
    """
    if device.type in ("cpu", "meta"):
        return
    backend = backend_of(device.type)
    if backend.synchronize is not None:
        backend.synchronize(device)
        return
    wait = getattr(getattr(torch, device.type, None), "synchronize", None)
    if wait is not None:
        # mps has one unit, and takes no argument.
        wait() if device.type == "mps" else wait(device)
