"""Facts about the process, the machine and the torch that a run's first record holds."""

from __future__ import annotations

import contextlib
import functools
import getpass
import importlib.metadata
import os
import platform
import socket
import sys
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest
import torch

from torch_conformance.conformance.devices.registry import backend_of
from torch_conformance.conformance.run.plan import CellKey
from torch_conformance.conformance.run.session import Session, workers_of
from torch_conformance.reports.records import model as records
from torch_conformance.reports.records.redaction import Redaction

# Only variables that change what torch computes; nothing that could hold a secret.
ENVIRONMENT = (
    *(
        "ATEN_CPU_CAPABILITY",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "OPENBLAS_CORETYPE",
    ),
    *("CUDA_VISIBLE_DEVICES", "CUDA_LAUNCH_BLOCKING", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE"),
    *("PYTORCH_CUDA_ALLOC_CONF", "TORCH_CONFORMANCE_FAULT", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR"),
)

# Where the documentation lists functions, methods and classes.
_PUBLIC = (
    *("torch", "torch.Tensor", "torch.autograd", "torch.autograd.functional", "torch.fft", "torch.linalg"),
    *("torch.nn", "torch.nn.functional", "torch.nn.init", "torch.optim", "torch.optim.lr_scheduler", "torch.special"),
    *("torch.nn.utils", "torch.utils.data"),
)


def torch_module() -> ModuleType:
    """Return the torch under test."""
    return torch


def suite_version() -> str:
    """Return the version of this suite, or "0+unknown" where it is not installed as a distribution."""
    try:
        return importlib.metadata.version("torch-conformance")
    except importlib.metadata.PackageNotFoundError:
        return "0+unknown"


def cpu_seconds() -> float:
    """Return the CPU time of this process so far."""
    return time.process_time()


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cpu_capability() -> str:
    backend = getattr(torch.backends, "cpu", None)
    probe = getattr(backend, "get_cpu_capability", None)
    return str(probe()) if probe else "unknown"


def device_record(name: str) -> records.Device:
    """Return what torch says about a device."""
    device = torch.device(name)
    model, driver, memory = "", "", 0
    if device.type == "cpu":
        model = _cpu_model()
    elif device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        model, memory = properties.name, int(properties.total_memory)
        driver = str(torch.version.cuda or torch.version.hip or "")
    describe = backend_of(device.type).facts
    if describe is not None:
        facts = describe(device)
        model, driver, memory = str(facts.model), str(facts.driver), int(facts.memory_bytes)
    unit = device.index if device.index is not None else 0
    return records.Device(name=name, kind=device.type, unit=unit, model=model, driver=driver, memory_bytes=memory)


def redaction() -> Redaction:
    """Return what takes this machine's folders and names out of records."""
    places = {
        str(Path(__file__).resolve().parents[2]): "<suite>",
        str(Path(torch.__file__).resolve().parent.parent): "<packages>",
        sys.prefix: "<environment>",
        sys.base_prefix: "<python>",
        str(Path.cwd()): "<here>",
        tempfile.gettempdir(): "<temporary>",
    }
    with contextlib.suppress(RuntimeError):  # no HOME, and a user that the system does not know
        places[str(Path.home())] = "<home>"
    names = {socket.gethostname(): "<host>", socket.gethostname().partition(".")[0]: "<host>"}
    with contextlib.suppress(KeyError, OSError):  # a container's user may have no name
        names[getpass.getuser()] = "<user>"
    return Redaction(places, names)


def run_record(config: pytest.Config, session: Session, started: str) -> records.Run:
    """Return the first record of a run."""
    selection = {
        "device": ",".join(session.selection.devices),
        "dtype": ",".join(session.selection.dtypes),
        "clause": ",".join(session.selection.clauses),
        "shard": "/".join(map(str, session.selection.shard)),
        "identity": ",".join(session.plan.identity),
        "waivers": ",".join(Path(name).name for name in config.getoption("conformance_waivers")),
    }
    return records.Run(
        schema=records.SCHEMA,
        suite=suite_version(),
        manifest=session.specification.manifest,
        profile=session.profile.name,
        seed=session.seed,
        command=[Path(sys.argv[0]).name, *sys.argv[1:]],
        started=started,
        torch=records.Torch(
            version=str(torch.__version__),
            git=str(torch.version.git_version or ""),
            config=torch.__config__.show(),
            path=str(Path(torch.__file__).parent),
            cuda=str(torch.version.cuda or ""),
        ),
        python=platform.python_version(),
        numpy=np.__version__,
        hypothesis=hypothesis.__version__,
        platform=platform.platform(),
        cpu_model=_cpu_model(),
        cpu_capability=_cpu_capability(),
        threads=torch.get_num_threads(),
        devices=[device_record(name) for name in session.selection.devices],
        environment={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        selection={name: value for name, value in selection.items() if value},
        workers=workers_of(config),
    )


def surface_record() -> records.Surface:
    """Return the public callables of the torch under test, by the names its documentation gives them."""
    names = [
        f"{place}.{name}"
        for place in _PUBLIC
        for name in dir(_resolved(place))
        if not name.startswith("_") and callable(getattr(_resolved(place), name, None))
    ]
    return records.Surface(names=sorted(names))


def _resolved(place: str) -> Any:
    return functools.reduce(getattr, place.split(".")[1:], torch)


def lost_cell(key: CellKey, test: str, execution: records.Execution, reason: str) -> records.Cell:
    """Return the record of a cell whose process ended in it."""
    return records.Cell(
        clause=key.clause,
        device=key.device,
        dtype=key.dtype,
        test=test,
        execution=execution,
        verdict="none",
        disposition="unexpected",
        reason=reason,
        seconds=0.0,
        examples=0,
        comparisons=0,
        fingerprint="",
        worker="",
        worst=[],
    )
