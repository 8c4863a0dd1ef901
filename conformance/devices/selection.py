"""The device axis: which devices a run judges, and proof that they are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from torch_conformance.conformance.devices.registry import BackendError, backend_of, registered

ACCELERATORS = ("cuda", "xpu", "mps", "hpu", "npu", "privateuseone")


class DeviceError(ValueError):
    """A device was asked for that this torch cannot use."""


def _count(kind: str) -> int:
    """Return how many devices of a type torch can use now."""
    backend = backend_of(kind)
    if backend.count is not None:
        return backend.count()
    module = getattr(torch, kind, None) or getattr(torch.backends, kind, None)
    available = getattr(module, "is_available", None)
    if available is None or not available():
        return 0
    counter = getattr(module, "device_count", None)
    return int(counter()) if counter else 1


def accelerators() -> tuple[str, ...]:
    """Return every accelerator present, unit by unit."""
    found: list[str] = []
    for kind in dict.fromkeys((*ACCELERATORS, *registered())):
        count = _count(kind)
        found += [kind] if count == 1 else [f"{kind}:{unit}" for unit in range(count)]
    return tuple(found)


def default_devices() -> tuple[str, ...]:
    """Return cpu, and cuda where there is one."""
    return ("cpu", "cuda") if _count("cuda") else ("cpu",)


def resolve(requested: Sequence[str]) -> tuple[str, ...]:
    """Return the devices to judge: cpu first, the rest in the order asked for, each once.

    Args:
        requested: Torch device strings; "all" stands for cpu and every accelerator present; none for the default.

    Raises:
        DeviceError: With one sentence, when a device is unknown to this torch or cannot hold a tensor.
    """
    for name in requested:
        load(name)
    names = [each for name in requested for each in (("cpu", *accelerators()) if name == "all" else (name,))]
    devices = tuple(dict.fromkeys(names or default_devices()))
    for name in devices:
        probe(name)
    return tuple(sorted(devices, key=lambda name: name != "cpu"))


def load(name: str) -> None:
    """Load the package that brings a device; torch knows its name only then.

    Raises:
        DeviceError: When it cannot be loaded.
    """
    kind = name.partition(":")[0]
    try:
        for each in registered() if kind == "all" else (kind,):
            backend_of(each)
    except BackendError as error:
        raise DeviceError(str(error)) from None


def waiver_files(devices: Sequence[str]) -> list[Path]:
    """Return the waiver files of the packages that bring these devices."""
    kinds = dict.fromkeys(name.partition(":")[0] for name in devices)
    return [Path(file) for kind in kinds for file in backend_of(kind).waivers]


def lacking(devices: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the dtypes that each device's package says it does not have."""
    return {name: tuple(backend_of(name.partition(":")[0]).lacks) for name in devices}


def probe(name: str) -> None:
    """Put a tensor on a device and bring it back.

    Raises:
        DeviceError: When that fails.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        present = ", ".join(("cpu", *accelerators()))
        raise DeviceError(f"--device {name}: torch knows no such device; present: {present}") from None
    try:
        tensor = torch.ones(2, device=device)
        answer = [1.0, 1.0] if device.type == "meta" else tensor.cpu().tolist()
    except Exception as error:  # noqa: BLE001
        reason = str(error).splitlines()[0] or type(error).__name__
        present = ", ".join(("cpu", *accelerators()))
        raise DeviceError(f"--device {name}: this torch cannot use it here ({reason}); present: {present}") from None
    if answer != [1.0, 1.0]:
        raise DeviceError(f"--device {name}: a tensor of ones came back as {answer}")
