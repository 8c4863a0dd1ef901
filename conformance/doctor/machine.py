"""Checks of the machine and of its settings against the torch that is installed."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch_conformance.conformance.doctor.model import Check, Finding, Situation

_MEBIBYTE = 1 << 20
_GPU_FILES = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"))
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
_ROCM_FILE = Path("/dev/kfd")
_CPU_INFORMATION = Path("/proc/cpuinfo")
# What ATen's kernels of a capability are compiled for, as /proc/cpuinfo names it.
_NEEDS = {
    "default": frozenset[str](),
    "avx2": frozenset({"avx2", "fma"}),
    "avx512": frozenset({"avx512f", "avx512dq", "avx512vl", "avx512bw", "fma"}),
}
_OTHER_CAPABILITIES = ("vsx", "zvector", "sve256", "sve")
_OPENMP = ("libgomp", "libiomp5", "libomp")
_CUDA_LIBRARIES = ("libcudart", "libcudnn", "libcublas", "libnccl")
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def driver(situation: Situation) -> Iterator[Finding]:
    """Whether torch's build and the driver of the accelerator are made for each other."""
    facts = situation.facts
    if not situation.is_torch:
        return
    if facts.get("hip"):
        yield from _rocm(facts)
    elif facts.get("cuda"):
        yield from _cuda(facts)
    elif facts.get("driver") or any(file.exists() for file in _GPU_FILES):
        sentence = "this machine has an NVIDIA driver, and this torch is a CPU build: no GPU will be judged"
        yield Finding("driver", "note", sentence, "install a CUDA build: https://pytorch.org/get-started/locally")
    elif _ROCM_FILE.exists():
        sentence = "this machine has an AMD GPU, and this torch is a CPU build: no GPU will be judged"
        yield Finding("driver", "note", sentence, "install a ROCm build: https://pytorch.org/get-started/locally")
    else:
        yield Finding("driver", "ok", "a CPU build, on a machine without a GPU driver")


def _rocm(facts: dict[str, Any]) -> Iterator[Finding]:
    if facts.get("cuda available"):
        yield Finding("driver", "ok", f"ROCm {facts['hip']}, {len(facts.get('devices') or [])} devices")
    elif not _ROCM_FILE.exists():
        sentence = f"this torch is built for ROCm {facts['hip']}, and there is no AMD driver: only the CPU is judged"
        yield Finding("driver", "note", sentence, "load the amdgpu driver, or pass /dev/kfd into the container")
    else:
        said = facts.get("cuda start error", "it sees no device")
        remedy = "add the user to the groups render and video, and see rocminfo"
        yield Finding("driver", "problem", f"this torch cannot use the AMD GPU: {said}", remedy)


def _cuda(facts: dict[str, Any]) -> Iterator[Finding]:
    wanted, has = facts["cuda"], facts.get("driver")
    if not has:
        sentence = f"this torch is built for CUDA {wanted}, and there is no NVIDIA driver: only the CPU is judged"
        yield Finding(
            "driver", "note", sentence, "install the driver, or start the container with its GPUs (--gpus all)"
        )
        return
    speaks = f"{has // 1000}.{has % 1000 // 10}"
    if has // 1000 < int(wanted.partition(".")[0]):
        sentence = f"this torch is built for CUDA {wanted}, and the driver speaks CUDA {speaks} at most"
        remedy = f"update the NVIDIA driver, or install a torch built for CUDA {has // 1000}"
        yield Finding("driver", "problem", sentence, remedy)
    elif not facts.get("cuda available"):
        said = facts.get("cuda start error", "it sees no device")
        remedy = "see nvidia-smi, CUDA_VISIBLE_DEVICES, and whether the kernel module is that of the driver"
        yield Finding("driver", "problem", f"the driver is there, and torch cannot use a GPU: {said}", remedy)
    else:
        unfit = [each for each in facts.get("devices") or [] if not _is_built_for(each)]
        for each in unfit:
            version = ".".join(map(str, each["capability"]))
            sentence = f"{each['name']} has compute capability {version}; built for {' '.join(each['built_for'])}"
            yield Finding("driver", "problem", sentence, "install a torch that is built for this GPU")
        if not unfit:
            yield Finding("driver", "ok", f"CUDA {wanted} on a driver that speaks CUDA {speaks}")


def _is_built_for(device: dict[str, Any]) -> bool:
    """Whether some code runs on it: machine code of its major version and no later minor one, or older PTX."""
    major, minor = device["capability"]
    for name in device["built_for"]:
        kind, _, digits = name.partition("_")
        number = int("".join(each for each in digits if each.isdigit()) or 0)
        if kind == "sm" and number // 10 == major and number % 10 <= minor:
            return True
        if kind == "compute" and number <= 10 * major + minor:
            return True
    return not device["built_for"]


def capability(situation: Situation) -> Iterator[Finding]:
    """Whether ATEN_CPU_CAPABILITY asks for what this processor has."""
    asked = situation.environment.get("ATEN_CPU_CAPABILITY")
    flags = _cpu_flags()
    if asked is None:
        if situation.is_torch:
            yield Finding("cpu-capability", "ok", f"torch uses {situation.facts.get('capability') or 'what it finds'}")
    elif asked in _NEEDS:
        missing = sorted(_NEEDS[asked] - flags)
        if missing and flags:
            sentence = f"ATEN_CPU_CAPABILITY={asked} asks for {', '.join(missing)}, which this processor does not have"
            yield Finding("cpu-capability", "problem", sentence, "unset ATEN_CPU_CAPABILITY")
        else:
            yield Finding("cpu-capability", "ok", f"ATEN_CPU_CAPABILITY={asked}, which this processor has")
    elif asked in _OTHER_CAPABILITIES and platform.machine() not in ("x86_64", "AMD64"):
        yield Finding("cpu-capability", "ok", f"ATEN_CPU_CAPABILITY={asked}")
    else:
        sentence = f"ATEN_CPU_CAPABILITY={asked} is unknown to torch on this processor, which ignores it"
        yield Finding("cpu-capability", "problem", sentence, f"set one of {', '.join(_NEEDS)}, or unset it")


def _cpu_flags() -> frozenset[str]:
    if not _CPU_INFORMATION.exists():
        return frozenset()
    for line in _CPU_INFORMATION.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def openmp(situation: Situation) -> Iterator[Finding]:
    """Whether one OpenMP runtime is loaded: two have two pools of threads, and can hang or compute wrongly."""
    if "libraries" not in situation.facts:
        return
    loaded = [file for file in situation.facts["libraries"] if Path(file).name.startswith(_OPENMP)]
    if len(loaded) > 1:
        preloaded = situation.environment.get("LD_PRELOAD")
        remedy = f"unset LD_PRELOAD (it is {preloaded})" if preloaded else "reinstall torch and NumPy from one source"
        sentence = f"{len(loaded)} OpenMP runtimes are loaded with torch: {', '.join(loaded)}"
        yield Finding("openmp", "problem", sentence, remedy)
    else:
        yield Finding("openmp", "ok", f"one OpenMP runtime: {loaded[0]}" if loaded else "no OpenMP runtime of its own")


def cuda_libraries(situation: Situation) -> Iterator[Finding]:
    """Whether the CUDA libraries that torch loads are those that came with it."""
    facts = situation.facts
    if not facts.get("cuda") or "libraries" not in facts:
        return
    site = Path(facts["file"]).resolve().parent.parent
    foreign = [
        file
        for file in facts["libraries"]
        if Path(file).name.startswith(_CUDA_LIBRARIES) and site not in Path(file).parents
    ]
    if foreign:
        setting = situation.environment.get("LD_LIBRARY_PATH")
        remedy = f"unset LD_LIBRARY_PATH (it is {setting})" if setting else "remove them, or install torch afresh"
        yield Finding("cuda-libraries", "problem", f"torch loads other CUDA libraries: {', '.join(foreign)}", remedy)
    else:
        yield Finding("cuda-libraries", "ok", "torch loads the CUDA libraries that came with it")


def cores() -> float:
    """Return how many cores this process may use, by affinity and by the control group's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = float(len(affinity(0)) if affinity else os.cpu_count() or 1)
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        limit, _, period = quota.read_text(encoding="ascii").strip().partition(" ")
        if limit != "max":
            count = min(count, int(limit) / int(period or 100_000))
    return count


def threads(situation: Situation) -> Iterator[Finding]:
    """Whether there are cores for the threads that are asked for."""
    allowed = cores()
    asked = {name: situation.environment[name] for name in _THREAD_SETTINGS if name in situation.environment}
    for name, value in asked.items():
        first = value.split(",")[0].strip()
        if not first.isdigit() or int(first) == 0:
            sentence = f"{name}={value} is no number of threads"
            yield Finding("threads", "problem", sentence, f"unset {name}, or set a whole number from 1")
        elif int(first) > max(allowed, 1):
            sentence = f"{name}={value} asks for more threads than the {allowed:g} cores that this process may use"
            yield Finding("threads", "problem", sentence, f"unset {name}, or set it to at most {max(int(allowed), 1)}")
    used = situation.facts.get("threads")
    if used is not None and not asked and used > max(allowed, 1) + 0.5:
        sentence = f"torch uses {used} threads, and this process may use {allowed:g} cores"
        yield Finding("threads", "note", sentence, f"set OMP_NUM_THREADS={max(int(allowed), 1)}: it will be faster")
    elif used is not None and (not asked or used <= max(allowed, 1)):
        yield Finding("threads", "ok", f"torch uses {used} threads on {allowed:g} cores")


def shared_memory(situation: Situation) -> Iterator[Finding]:
    """Whether /dev/shm has room for what the workers of a DataLoader hand over."""
    del situation
    if not _SHARED_MEMORY.exists():
        return
    usage = shutil.disk_usage(_SHARED_MEMORY)
    size, free, place = usage.total // _MEBIBYTE, usage.free // _MEBIBYTE, _SHARED_MEMORY
    if free < 16:
        sentence = f"{place} has {free} of {size} MiB free: the workers of a DataLoader die with a bus error"
        yield Finding("shared-memory", "problem", sentence, "remove what fills it, or docker run --shm-size=2g")
    elif size <= 64:
        sentence = f"{place} has {size} MiB, as a container has by default: little for the workers of a DataLoader"
        yield Finding("shared-memory", "note", sentence, "docker run --shm-size=2g, or --ipc=host")
    else:
        yield Finding("shared-memory", "ok", f"{place} has {free} MiB free")


def disk(situation: Situation) -> Iterator[Finding]:
    """Whether the records of a run have room where they would go."""
    place = situation.out.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free // _MEBIBYTE
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        sentence = f"--out {situation.out}: {place} cannot be written ({error.strerror or error})"
        yield Finding("disk", "problem", sentence, "name another folder with --out")
        return
    if free < 100:
        sentence = f"--out {situation.out}: {free} MiB are free there, and a run writes up to a hundred"
        yield Finding("disk", "problem", sentence, "make room, or name another folder with --out")
    else:
        yield Finding("disk", "ok", f"{free} MiB are free for --out {situation.out}")


def compiler(situation: Situation) -> Iterator[Finding]:
    """Whether torch.compile finds a C++ compiler."""
    named = situation.environment.get("CXX")
    candidates = [named.split()[0]] if named else ["g++", "clang++", "c++", "cl"]
    found = next((path for path in map(shutil.which, candidates) if path), None)
    if found:
        yield Finding("compiler", "ok", f"torch.compile finds a C++ compiler: {found}")
    elif named:
        yield Finding("compiler", "problem", f"CXX={named} is no command that can be found", "unset CXX, or install it")
    else:
        sentence = "there is no C++ compiler: torch.compile cannot be judged on the CPU"
        yield Finding("compiler", "note", sentence, "install g++ or clang++")


def onnxruntime(situation: Situation) -> Iterator[Finding]:
    """Whether exported models can be run by something else than torch."""
    del situation
    if importlib.util.find_spec("onnxruntime") is None:
        sentence = "onnxruntime is not installed: exported ONNX models are not run"
        yield Finding("onnxruntime", "note", sentence, "pip install onnxruntime, if ONNX matters to you")
    else:
        yield Finding("onnxruntime", "ok", "onnxruntime is installed")


CHECKS: tuple[Check, ...] = (
    driver,
    capability,
    openmp,
    cuda_libraries,
    threads,
    shared_memory,
    disk,
    compiler,
    onnxruntime,
)
