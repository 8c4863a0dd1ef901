"""Run by the doctor in a process of its own: import torch, and say what came of it.

A script: `doctor_probe.py SYS_PATH` (JSON). Each fact is one line of JSON behind a mark, written at once, so that what
was found before a crash is known after it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "@torch-conformance "
_LIBRARIES = ("libgomp", "libiomp5", "libomp", "libcudart", "libcudnn", "libcublas", "libnccl", "libcuda")


def tell(name: str, value: Any) -> None:
    """Write a fact."""
    sys.stdout.write(f"\n{MARK}{json.dumps([name, value])}\n")
    sys.stdout.flush()


def ask(name: str, question: Callable[[], Any]) -> None:
    """Write a fact, or what was raised in its place."""
    tell("stage", name)
    try:
        tell(name, question())
    except Exception as error:  # noqa: BLE001
        tell(f"{name} error", f"{type(error).__name__}: {error}")


def driver_version() -> int | None:
    """Return the CUDA version that the driver speaks, as 12040 for 12.4; None without a driver."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError):
            version = ctypes.c_int()
            if ctypes.CDLL(name).cuDriverGetVersion(ctypes.byref(version)) == 0:
                return version.value
    return None


def loaded_libraries() -> list[str]:
    """Return the files of numerical runtimes that are loaded here."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return []
    files = {line.split(maxsplit=5)[5] for line in maps.read_text().splitlines() if len(line.split(maxsplit=5)) == 6}
    return sorted(str(Path(file).resolve()) for file in files if Path(file).name.startswith(_LIBRARIES))


def devices(torch: Any) -> list[dict[str, Any]]:
    """Return the GPUs that torch sees, and whether it was built for them."""
    built_for = torch.cuda.get_arch_list()
    found = []
    for unit in range(torch.cuda.device_count()):
        major, minor = torch.cuda.get_device_capability(unit)
        found.append({"name": torch.cuda.get_device_name(unit), "capability": [major, minor], "built_for": built_for})
    return found


def from_numpy(torch: Any) -> list[float]:
    """Take an array over and give it back."""
    import numpy as np  # noqa: PLC0415

    return (torch.from_numpy(np.ones(2)) + 1).numpy().tolist()  # type: ignore[no-any-return]


def _two(torch: Any) -> list[float]:
    return (torch.ones(2) + 1).tolist()  # type: ignore[no-any-return]


def _start(torch: Any) -> bool:
    torch.cuda.init()
    return True


def _capability(torch: Any) -> str | None:
    probe = getattr(getattr(torch.backends, "cpu", None), "get_cpu_capability", None)
    return str(probe()) if probe else None


def main() -> None:
    """Write all facts."""
    # As the process that asks has it: the folder of this script is no place to import from.
    sys.path[:] = json.loads(sys.argv[1])
    tell("stage", "import torch")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            import torch  # noqa: PLC0415
        except BaseException as error:  # noqa: BLE001
            tell("import error", f"{type(error).__name__}: {error}")
            return
    tell("warnings", [str(each.message).strip().splitlines()[0] for each in caught if str(each.message).strip()])
    tell("file", getattr(torch, "__file__", None))
    if not all(hasattr(torch, name) for name in ("__version__", "Tensor", "version", "ones")):
        return
    ask("version", lambda: str(torch.__version__))
    ask("cuda", lambda: torch.version.cuda)
    ask("hip", lambda: getattr(torch.version, "hip", None))
    ask("ones", lambda: _two(torch))
    ask("numpy", lambda: __import__("numpy").__version__)
    ask("from_numpy", lambda: from_numpy(torch))
    ask("threads", torch.get_num_threads)
    ask("capability", lambda: _capability(torch))
    ask("driver", driver_version)
    ask("cuda available", torch.cuda.is_available)
    if torch.version.cuda or getattr(torch.version, "hip", None):
        ask("cuda start", lambda: _start(torch))
        ask("devices", lambda: devices(torch))
    ask("libraries", loaded_libraries)
    tell("stage", "end")


if __name__ == "__main__":
    main()
