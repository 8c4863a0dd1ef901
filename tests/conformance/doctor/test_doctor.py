"""The doctor on installs that are really broken, each in a folder of its own; and its checks on recorded facts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import command
import pytest

import torch_conformance.spec
from torch_conformance.conformance.doctor import install, machine
from torch_conformance.conformance.doctor.model import Finding, Situation

PATH = os.environ.get("PYTHONPATH", "")


def examine(folder: Path, code: int, **environment: str) -> dict[str, list[dict[str, str]]]:
    """Return the findings by check, having looked at what every answer of the doctor must be."""
    done = command.run("doctor", "--format", "json", folder=folder, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(done.stdout):
        assert bool(each["way_out"]) == (each["level"] != "ok"), each
        assert "Traceback" not in each["sentence"]
        found.setdefault(each["check"], []).append(each)
    return found


def problem(found: dict[str, list[dict[str, str]]], check: str) -> dict[str, str]:
    (only,) = [each for each in found[check] if each["level"] == "problem"]
    return only


def test_all_is_well(tmp_path: Path) -> None:
    found = examine(tmp_path, 0)
    assert {"torch", "shadowing", "python", "numpy", "driver", "cpu-capability", "openmp", "threads", "disk"} <= set(
        found
    )
    done = command.run("doctor", folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith("everything fits together")


def test_a_file_named_torch_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("print('hello')\n")
    found = examine(tmp_path, 1)
    assert f"{tmp_path / 'torch.py'} is named torch and is not PyTorch" in problem(found, "torch")["sentence"]
    assert f"{tmp_path / 'torch.py'} is found before the installed torch" in problem(found, "shadowing")["sentence"]
    assert "rename or remove it" in problem(found, "shadowing")["way_out"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="keeps the working folder off the path")
def test_a_folder_named_numpy_that_this_process_does_not_see(tmp_path: Path) -> None:
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").touch()
    found = examine(tmp_path, 0, PYTHONSAFEPATH="1")
    (note,) = found["shadowing"]
    assert note["level"] == "note"
    assert "would hide numpy from python -m" in note["sentence"]


@pytest.mark.parametrize(
    ("code", "said", "way_out"),
    [
        (
            "raise ImportError('libcudart.so.12: cannot open shared object file')",
            "ImportError: libcudart",
            "LD_LIBRARY",
        ),
        ("from torch._C import *", "ModuleNotFoundError: No module named 'torch._C'", "shadowing"),
        ("import ctypes; ctypes.string_at(0)", "the process was killed by SIGSEGV at: import torch", "LD_PRELOAD"),
        ("import os; os._exit(9)", "the process ended with exit code 9 at: import torch", "install torch afresh"),
        ("raise SystemExit", "SystemExit", "install torch afresh"),
        ("__version__ = 'one'; Tensor = version = ones = None", "cannot add two numbers", "install torch afresh"),
    ],
)
def test_a_torch_that_is_broken(tmp_path: Path, code: str, said: str, way_out: str) -> None:
    package = tmp_path / "elsewhere" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code)
    found = examine(tmp_path, 1, PYTHONPATH=os.pathsep.join((str(package.parent), PATH)))
    assert said in problem(found, "torch")["sentence"]
    assert way_out in problem(found, "torch")["way_out"]
    assert str(package) in problem(found, "shadowing")["sentence"]


def test_no_torch(tmp_path: Path) -> None:
    import click  # noqa: PLC0415

    site = tmp_path / "site"
    site.mkdir()
    for entry in Path(click.__file__).parent.parent.iterdir():
        if not entry.name.startswith(("torch", "functorch", "_virtualenv", "__")):
            (site / entry.name).symlink_to(entry)
    package = Path(torch_conformance.spec.__file__).parent.parent
    name = "torch_conformance"
    (site / name).symlink_to(package if package.name == name else package / name)
    code = "import sys; sys.argv[0] = 'x'; from torch_conformance.conformance.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, "doctor"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 4, done.stdout + done.stderr
    assert "torch is not installed in this environment" in done.stdout
    assert "-> pip install torch" in done.stdout
    assert done.stderr == ""


def distribution(folder: Path, name: str, version: str) -> Path:
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return folder


def test_torch_installed_in_two_places(tmp_path: Path) -> None:
    second = distribution(tmp_path / "second", "torch", "9.9")
    found = examine(tmp_path, 0, PYTHONPATH=os.pathsep.join((PATH, str(second))))
    assert "torch is installed 2 times, and the first is used" in found["shadowing"][0]["sentence"]


def test_torch_installed_over_another(tmp_path: Path) -> None:
    place = distribution(distribution(tmp_path / "site", "torch", "9.8"), "torch", "9.9")
    found = examine(tmp_path, 1, PYTHONPATH=os.pathsep.join((str(place), PATH)))
    assert f"{place} holds torch 9.8 and 9.9" in problem(found, "shadowing")["sentence"]


def test_what_torch_requires_in_another_version(tmp_path: Path) -> None:
    old = distribution(tmp_path / "old", "sympy", "0.1")
    found = examine(tmp_path, 1, PYTHONPATH=os.pathsep.join((str(old), PATH)))
    assert "sympy is 0.1, torch asks for" in problem(found, "requirements")["sentence"]


@pytest.mark.parametrize(
    ("environment", "check", "said"),
    [
        ({"ATEN_CPU_CAPABILITY": "avx1024"}, "cpu-capability", "ATEN_CPU_CAPABILITY=avx1024 is unknown to torch"),
        ({"OMP_NUM_THREADS": "4096"}, "threads", "OMP_NUM_THREADS=4096 asks for more threads than the "),
        ({"MKL_NUM_THREADS": "many"}, "threads", "MKL_NUM_THREADS=many is no number of threads"),
        ({"CXX": "/no/such/compiler"}, "compiler", "CXX=/no/such/compiler is no command that can be found"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, environment: dict[str, str], check: str, said: str) -> None:
    assert said in problem(examine(tmp_path, 1, **environment), check)["sentence"]


@pytest.mark.skipif(shutil.which("cc") is None, reason="compiles a library")
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at loaded libraries through /proc")
def test_a_second_openmp_runtime(tmp_path: Path) -> None:
    library = tmp_path / "libiomp5.so"
    (tmp_path / "runtime.c").write_text("int a_runtime_of_its_own(void) { return 1; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "runtime.c"], check=True)
    only = problem(examine(tmp_path, 1, LD_PRELOAD=str(library)), "openmp")
    assert "2 OpenMP runtimes are loaded with torch" in only["sentence"]
    assert str(library) in only["sentence"]
    assert "unset LD_PRELOAD" in only["way_out"]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    done = command.run("doctor", "--out", "/proc/none", folder=tmp_path)
    assert done.returncode == 1
    assert "--out /proc/none: /proc cannot be written" in done.stdout


def situation(facts: dict[str, Any], **environment: str) -> Situation:
    here = Path.cwd()
    return Situation("torch/__init__.py", {"version": "2.0.1", **facts}, 0, "", environment, (), here, here)


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        (
            {"cuda": "12.4", "driver": 12040, "cuda available": True},
            "ok",
            "CUDA 12.4 on a driver that speaks CUDA 12.4",
        ),
        ({"cuda": "12.8", "driver": 12020, "cuda available": True}, "ok", "speaks CUDA 12.2"),
        ({"cuda": "13.0", "driver": 12080, "cuda available": False}, "problem", "the driver speaks CUDA 12.8 at most"),
        ({"cuda": "12.4", "driver": None}, "note", "there is no NVIDIA driver"),
        (
            {"cuda": "12.4", "driver": 12040, "cuda available": False, "cuda start error": "RuntimeError: Error 803"},
            "problem",
            "torch cannot use a GPU: RuntimeError: Error 803",
        ),
        ({"cuda": None, "driver": 12040}, "note", "this torch is a CPU build"),
        ({"hip": "6.2", "cuda available": True, "devices": [{}]}, "ok", "ROCm 6.2, 1 devices"),
    ],
)
def test_builds_and_drivers(facts: dict[str, Any], level: str, said: str) -> None:
    (found,) = machine.driver(situation(facts))
    assert found.level == level
    assert said in found.sentence


@pytest.mark.parametrize(
    ("built_for", "fits"),
    [(["sm_80", "sm_90"], True), (["sm_75", "sm_86"], False), (["sm_70", "compute_70"], True), (["sm_90a"], True)],
)
def test_a_gpu_that_torch_was_not_built_for(*, built_for: list[str], fits: bool) -> None:
    device = {"name": "a GPU", "capability": [9, 0], "built_for": built_for}
    facts = {"cuda": "12.4", "driver": 12040, "cuda available": True, "devices": [device]}
    (found,) = machine.driver(situation(facts))
    assert (found.level == "ok") == fits
    assert fits or "a GPU has compute capability 9.0; built for sm_75 sm_86" in found.sentence


def test_other_cuda_libraries() -> None:
    facts = {"cuda": "12.4", "file": "/site/torch/__init__.py"}
    ours, theirs = "/site/nvidia/cublas/lib/libcublas.so.12", "/usr/local/cuda/lib64/libcudart.so.12"
    (found,) = machine.cuda_libraries(situation(facts | {"libraries": [ours]}))
    assert found.level == "ok"
    there = situation(facts | {"libraries": [ours, theirs]}, LD_LIBRARY_PATH="/usr/local/cuda/lib64")
    (found,) = machine.cuda_libraries(there)
    assert found.sentence == f"torch loads other CUDA libraries: {theirs}"
    assert found.way_out == "unset LD_LIBRARY_PATH (it is /usr/local/cuda/lib64)"


def test_numpy_two_beside_a_torch_that_was_built_against_numpy_one() -> None:
    facts = {"numpy": "2.4.6", "from_numpy error": "RuntimeError: Numpy is not available"}
    (found,) = install.numpy_fits(situation(facts))
    assert isinstance(found, Finding)
    assert found.level == "problem"
    assert "cannot take over arrays of NumPy 2.4.6, for this torch was built against NumPy 1" in found.sentence
    assert found.way_out == "pip install 'numpy<2', or torch 2.3 or later"
