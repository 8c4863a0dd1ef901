"""Tell a machine that fails from a torch that is wrong: memory that ran out, a device that no longer answers."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator

import torch

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Deviation
from torch_conformance.reports.records import model as records

# What torch's allocators, the C++ runtime and the C library say; torch has exception types for accelerators only.
_OUT_OF_MEMORY = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|std::bad_alloc|Cannot allocate memory|out of memory",
    re.IGNORECASE,
)
_WANTED_BYTES = re.compile(r"tried to allocate (\d+) bytes")


@dataclasses.dataclass(frozen=True)
class MachineFailure:
    """Why a cell has no verdict, and its process cannot be trusted with another cell."""

    execution: records.Execution
    kind: records.EventKind
    reason: str


def machine_failure_in(cell: Cell, error: BaseException | None) -> MachineFailure | None:
    """Return what the machine did to a cell, or None where torch itself is to answer for it.

    Args:
        cell: The cell that has just been run.
        error: What it ended with.
    """
    text = _out_of_memory(error) if error is not None else None
    if text is not None:
        return MachineFailure("crashed", "out-of-memory", f"memory ran out: {_first_line(text)}")
    # An error that was documented can leave an accelerator dead too: the cell that did it is to be named.
    if cell.device.startswith("meta") or (error is None and cell.torch_device.type == "cpu"):
        return None
    said = _silence_of(cell.torch_device)
    if said is None:
        return None
    what = f"; the cell ended with {_first_line(f'{type(error).__name__}: {error}')}" if error is not None else ""
    return MachineFailure("device-lost", "device-lost", f"{cell.device} no longer answers ({said}){what}")


# Calls that have little in common. Each waits for the device.
_PROBES: tuple[Callable[[torch.device], object], ...] = (
    lambda device: torch.empty(1, device=device).cpu(),
    lambda device: torch.arange(2, device=device).tolist(),
    lambda device: torch.tensor([1.0]).to(device).cpu(),
    lambda device: torch.zeros(2, device=device).sum().item(),
)


def _silence_of(device: torch.device) -> str | None:
    """Return what a device says to everything that it is asked, or None where it answers something.

    A torch that refuses one call, or answers wrongly, is wrong; a device that is lost refuses all.
    """
    said = ""
    for probe in _PROBES:
        try:
            probe(device)
        except Exception as error:  # noqa: BLE001
            said = said or _first_line(str(error) or type(error).__name__)
        else:
            return None
    return said


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "no message")[:300]


def _out_of_memory(error: BaseException) -> str | None:
    """Return what says that memory ran out, where something does.

    A torch that asks for more than the machine has computed a size wrongly: no case of the suite needs that much.
    """
    for each in _chain(error):
        texts = [str(each)]
        if isinstance(each, Deviation):
            texts.append(each.discrepancy.observed)
        for text in texts:
            wanted = _WANTED_BYTES.search(text)
            absurd = wanted is not None and int(wanted[1]) > _physical_bytes()
            if not absurd and (_is_memory_error(each) or _OUT_OF_MEMORY.search(text)):
                return text or type(each).__name__
    return None


def _is_memory_error(error: BaseException) -> bool:
    accelerator = getattr(torch, "OutOfMemoryError", None) or torch.cuda.OutOfMemoryError
    return isinstance(error, MemoryError | accelerator)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, those it groups, and those it was raised from."""
    waiting, seen = [error], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += getattr(each, "exceptions", ())
        waiting += [inner for inner in (each.__cause__, each.__context__) if inner is not None]


def _physical_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62
