"""The device axis, on second devices that a machine without an accelerator has."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch.utils.backend_registration
from command import run

BACKEND = Path(__file__).parent / "backend"
needs_python_backend = pytest.mark.skipif(
    not hasattr(torch.utils.backend_registration, "_setup_privateuseone_for_python_backend"),
    reason=f"torch {torch.__version__} has no PrivateUse1 backends written in Python (2.10 and later have)",
)
FULL = "creation.full.fills-every-element"
INFERS = "creation.full.infers-dtype"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages that holds a distribution with the entry point."""
    folder = tmp_path / "site"
    about = folder / "lantern-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lantern\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        "[torch_conformance.devices]\nlantern = lantern:BACKEND\n", encoding="utf-8"
    )
    (folder / "lantern.py").write_text((BACKEND / "lantern.py").read_text(encoding="utf-8"), encoding="utf-8")
    return folder


def judge(
    folder: Path, *options: str, site: Path | None = None, **environment: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run a selection; return the process and its records."""
    if site is not None:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
    common = ("--profile", "smoke", "--jobs", "1", "--replay", "0", "--out", "out")
    process = run("run", *common, *options, folder=folder, **environment)
    results = folder / "out" / "results.jsonl"
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return process, [json.loads(line) for line in lines]


def cells(records: list[dict[str, Any]], device: str) -> list[dict[str, Any]]:
    return [each for each in records if each["type"] == "cell" and each["device"] == device]


def test_meta_is_judged_by_clauses_of_dtype_and_shape(tmp_path: Path) -> None:
    options = ("--device", "meta", "--clause", "creation.full.*")
    process, records = judge(tmp_path, *options)
    found = cells(records, "meta")
    assert found, process.stderr
    assert {each["verdict"] for each in found} == {"pass"}
    plan = next(each for each in records if each["type"] == "plan")
    assert any("holds no data" in each["reason"] for each in plan["inapplicable"])


@needs_python_backend
def test_a_package_brings_a_device(tmp_path: Path, site: Path) -> None:
    process, records = judge(tmp_path, "--device", "lantern", "--clause", FULL, "--dtype", "float32", site=site)
    assert process.returncode == 0, process.stdout + process.stderr
    assert [each["verdict"] for each in cells(records, "lantern")] == ["pass"]
    device = records[0]["devices"][0]
    assert (device["model"], device["driver"], device["memory_bytes"]) == ("Lantern One", "driver 7", 4096)


@needs_python_backend
def test_a_dtype_that_the_package_says_is_lacking_is_inapplicable(tmp_path: Path, site: Path) -> None:
    _, records = judge(tmp_path, "--device", "lantern", "--clause", FULL, "--dtype", "bfloat16", site=site)
    reasons = [each["reason"] for record in records if record["type"] == "plan" for each in record["inapplicable"]]
    assert not cells(records, "lantern")
    assert reasons in ([], ["lantern has no bfloat16, as its package says"])


@needs_python_backend
def test_a_wrong_operator_is_a_deviation_of_its_device_alone(tmp_path: Path, site: Path) -> None:
    options = ("--device", "lantern", "--device", "cpu", "--clause", FULL, "--dtype", "float32")
    process, records = judge(tmp_path, *options, site=site, LANTERN="wrong:aten::fill_")
    assert process.returncode == 1, process.stdout + process.stderr
    assert {each["verdict"] for each in cells(records, "lantern")} == {"fail"}
    assert {each["verdict"] for each in cells(records, "cpu")} == {"pass"}
    failures = [each for each in records if each["type"] == "failure"]
    assert {each["device"] for each in failures} == {"lantern"}
    assert "elements differ" in failures[0]["diagnosis"]


WAIVER = f"""
[[waiver]]
clause = "{FULL}"
torch = ">=2.0"
device = "lantern"
mode = "value"
why = "The lantern fills with other numbers."
judgement = "torch"
issue = "none known"
witness = "assert torch.full((2, 2), 3, device=device).tolist() == [[3, 3], [3, 3]]"
"""


@needs_python_backend
@pytest.mark.parametrize(
    ("broken", "disposition", "code"), [("wrong:aten::fill_", "waived", 0), ("", "waiver-stale", 1)]
)
def test_a_package_brings_its_waivers(tmp_path: Path, site: Path, broken: str, disposition: str, code: int) -> None:
    (site / "lantern-waivers.toml").write_text(WAIVER, encoding="utf-8")
    options = ("--device", "lantern", "--clause", FULL, "--dtype", "float32")
    process, records = judge(tmp_path, *options, site=site, LANTERN=broken)
    assert process.returncode == code, process.stdout + process.stderr
    assert {each["disposition"] for each in cells(records, "lantern")} == {disposition}


@needs_python_backend
def test_what_a_device_lacks_is_unsupported_where_the_clause_allows_it(tmp_path: Path, site: Path) -> None:
    options = ("--device", "lantern", "--clause", "creation.linspace.has-asked-length")
    dtypes = ("--dtype", "float16", "--dtype", "float32")
    process, records = judge(tmp_path, *options, *dtypes, site=site, LANTERN="lacks:aten::linspace")
    assert process.returncode == 1, process.stdout + process.stderr
    found = {each["dtype"]: each["verdict"] for each in cells(records, "lantern")}
    assert found == {"float16": "unsupported", "float32": "fail"}
    (failure,) = (each for each in records if each["type"] == "failure")
    assert "aten::linspace" in failure["diagnosis"]


@needs_python_backend
def test_a_poisoned_device_costs_one_cell(tmp_path: Path, site: Path) -> None:
    lost = "creation.logspace.has-asked-length"
    options = ("--device", "lantern", "--device", "cpu", "--clause", FULL, "--clause", lost)
    process, records = judge(tmp_path, *options, "--dtype", "float32", site=site, LANTERN="poison:aten::logspace")
    assert process.returncode == 2, process.stdout + process.stderr
    found = {(each["clause"], each["device"]): each["execution"] for each in records if each["type"] == "cell"}
    assert len(found) == 4
    assert {key: word for key, word in found.items() if word != "completed"} == {(lost, "lantern"): "device-lost"}
    (event,) = (each for each in records if each["type"] == "event" and each["kind"] == "device-lost")
    assert "device-side assert triggered by aten::logspace" in event["message"]


@needs_python_backend
def test_workers_are_pinned_to_units(tmp_path: Path, site: Path) -> None:
    options = ("--device", "lantern:0", "--device", "lantern:1", "--clause", FULL, "--jobs", "2")
    # Two dtypes each: dealt in turn, the cells of a unit would not stay together.
    dtypes = ("--dtype", "float32", "--dtype", "int64")
    process, records = judge(tmp_path, *options, *dtypes, site=site, LANTERN_UNITS="2")
    assert process.returncode == 0, process.stdout + process.stderr
    workers = [{each["worker"] for each in cells(records, f"lantern:{unit}")} for unit in (0, 1)]
    assert [len(each) for each in workers] == [1, 1]
    assert workers[0] != workers[1]


@needs_python_backend
def test_an_error_at_synchronisation_belongs_to_its_cell(tmp_path: Path, site: Path) -> None:
    options = ("--device", "lantern", "--device", "cpu", "--clause", FULL, "--dtype", "float32")
    process, records = judge(tmp_path, *options, site=site, LANTERN="late:aten::fill_")
    assert process.returncode == 1, process.stdout + process.stderr
    failures = [each for each in records if each["type"] == "failure"]
    assert {each["device"] for each in failures} == {"lantern"}
    assert "failed some time ago" in failures[0]["diagnosis"]


def test_a_package_that_cannot_be_loaded_is_named(tmp_path: Path, site: Path) -> None:
    (site / "lantern.py").write_text("raise OSError('no driver')\n", encoding="utf-8")
    process, _ = judge(tmp_path, "--device", "lantern", "--clause", FULL, site=site)
    assert process.returncode == 4
    assert "lantern:BACKEND" in process.stderr
    assert "no driver" in process.stderr
    assert "Traceback" not in process.stderr


@needs_python_backend
def test_a_worker_that_dies_at_a_unit_has_a_successor_there(tmp_path: Path, site: Path) -> None:
    options = ("--device", "lantern:0", "--device", "lantern:1", "--jobs", "2", "--dtype", "float32")
    clauses = ("creation.logspace.has-asked-length", FULL, "creation.full.fills-huge-tensors")
    patterns = [part for clause in clauses for part in ("--clause", clause)]
    options = (*options, "--dtype", "float64")
    broken = {"LANTERN": "poison:aten::logspace", "LANTERN_UNITS": "2"}
    process, records = judge(tmp_path, *options, *patterns, site=site, **broken)
    assert process.returncode == 2, process.stdout + process.stderr
    found = [each for each in records if each["type"] == "cell"]
    lost = [(each["clause"], each["device"]) for each in found if each["execution"] != "completed"]
    assert sorted(lost) == [(clauses[0], "lantern:0")] * 2 + [(clauses[0], "lantern:1")] * 2
    assert len(found) == 4 * len(clauses)
    units = {each["worker"]: each["device"] for each in found}
    assert all(units[each["worker"]] == each["device"] for each in found)
