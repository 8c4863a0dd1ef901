"""The wheel is complete, judges without a checkout, and leaves torch and NumPy as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(CHECKOUT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_every_room(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (name for name in names if name.endswith("/METADATA"))
        required = [line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")]
    for room in ("spec", "reference", "conformance", "reports"):
        here = {
            f"torch_conformance/{path.relative_to(CHECKOUT).as_posix()}"
            for path in (CHECKOUT / room).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and "out" not in path.parts
        }
        published = {name for name in here if "/published/" in name}
        assert here - published <= names
    assert not [name for name in names if name.startswith("tests") or "/__pycache__/" in name]
    assert [line for line in required if "torch>" in line.replace(" ", "") and "extra ==" not in line] == []
    assert any(line.startswith("Requires-Dist: numpy>=1.26") and "<" not in line for line in required)


def test_wheel_judges_without_a_checkout(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "environment", with_pip=True)
    scripts = tmp_path / "environment" / ("Scripts" if sys.platform == "win32" else "bin")
    site = next((tmp_path / "environment").rglob("site-packages"))
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")

    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(scripts / arguments[0]), *arguments[1:]],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=clean,
        )

    versions = ("python", "-c", "import numpy, torch; print(numpy.__version__, torch.__version__, torch.__file__)")
    before = run(*versions).stdout
    # Without an index, pip can only succeed by leaving everything that is there alone.
    done = run("python", "-m", "pip", "install", "--no-index", "--force-reinstall", "--no-deps", str(wheel))
    assert done.returncode == 0, done.stderr
    done = run("python", "-m", "pip", "check")
    assert "torch-conformance" not in done.stdout, done.stdout
    assert run(*versions).stdout == before
    where = run("python", "-c", "import torch_conformance.spec as spec; print(spec.__file__)").stdout
    assert Path(where).is_relative_to(tmp_path)
    done = run(
        "torch-conformance", "run", "--profile", "smoke", "--clause", "creation.full.*", "--jobs", "1", "--out", "out"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "conformant: " in done.stdout
    plain = ("python", "-m", "pytest", "--pyargs", "torch_conformance.conformance")
    done = run(*plain, "--conformance-profile=smoke", "--conformance-clause=creation.full.*", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
