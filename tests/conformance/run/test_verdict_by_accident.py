"""A verdict says what was judged, whatever the environment does to pytest, to printing, or to a CI job."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import command
import pytest

CLAUSE = "creation.full.infers-dtype"
QUICK = ("run", "--profile", "smoke", "--clause", "creation.full.*", "--jobs", "1", "--replay", "0", "--out", "out")


def verdict(folder: Path) -> dict[str, object]:
    return dict(json.loads((folder / "out" / "verdict.json").read_text()))


@pytest.mark.parametrize("options", ["-k int64", "--setup-plan", "-p no:xdist", "--hypothesis-profile=mine"])
def test_options_for_other_runs_of_pytest_are_set_aside(tmp_path: Path, options: str) -> None:
    plain = command.run(*QUICK, folder=tmp_path)
    counts = verdict(tmp_path)["counts"]
    done = command.run(*QUICK, folder=tmp_path, PYTEST_ADDOPTS=options)
    assert (plain.returncode, done.returncode) == (0, 0), done.stdout + done.stderr
    assert verdict(tmp_path)["counts"] == counts
    assert f"PYTEST_ADDOPTS={options} is not used here" in done.stderr


@pytest.mark.parametrize("option", ["-k=int64", "--deselect=chapters/creation/test_fill.py"])
def test_cells_that_pytest_is_told_to_leave_out_are_missed(tmp_path: Path, option: str) -> None:
    done = command.run(*QUICK, "--", option, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "not run" in str(verdict(tmp_path)["sentence"])


def test_plain_pytest_misses_them_too(tmp_path: Path) -> None:
    plain = [sys.executable, "-m", "pytest", "--pyargs", "torch_conformance.conformance", "-q", "-k", "float32"]
    options = ["-p", "torch_conformance.conformance.plugin", "--conformance-profile=smoke", "--conformance-out=out"]
    clause = f"--conformance-clause={CLAUSE}"
    done = subprocess.run([*plain, *options, clause], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert verdict(tmp_path)["verdict"] == "incomplete"


def test_what_cannot_be_printed_alters_no_verdict(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        process = subprocess.run([*command.COMMAND, *QUICK], stdout=full, cwd=tmp_path, check=False)
    assert process.returncode == 0
    assert verdict(tmp_path)["verdict"] == "conformant"


def test_a_job_page_that_cannot_be_written_is_a_note(tmp_path: Path) -> None:
    done = command.run(*QUICK, folder=tmp_path, GITHUB_STEP_SUMMARY="/proc/nowhere/job.md")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "could not be written" in (tmp_path / "out" / "results.jsonl").read_text()
