"""A run has its folder for itself, and no verdict of another run stands beside its records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import command
import pytest
from command import wait_for

QUICK = ("run", "--profile", "smoke", "--clause", "creation.full.*", "--jobs", "1", "--replay", "0", "--out", "out")
LONG = ("run", "--profile", "deep", "--clause", "creation", "--jobs", "1", "--replay", "0", "--out", "out")
REPORTS = ("verdict.json", "summary.md", "index.html")


def begun(folder: Path) -> subprocess.Popen[str]:
    """Return a long run that has recorded a cell."""
    process = command.start(*LONG, folder=folder)
    results = folder / "out" / "results.jsonl"
    wait_for(lambda: (folder / "out" / "verdict.json").is_file() and word(folder) == "running")
    wait_for(lambda: results.is_file() and b'"type":"cell"' in results.read_bytes())
    return process


def word(folder: Path) -> str:
    return str(json.loads((folder / "out" / "verdict.json").read_text())["verdict"])


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A folder in which a run has ended well."""
    done = command.run(*QUICK, folder=tmp_path)
    assert (done.returncode, word(tmp_path)) == (0, "conformant"), done.stdout + done.stderr
    return tmp_path


def test_a_killed_run_leaves_no_verdict_of_an_earlier_one(judged: Path) -> None:
    process = begun(judged)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert word(judged) == "running"
    for name in REPORTS:
        text = (judged / "out" / name).read_text()
        assert "running" in text
        assert "conformant" not in text
    assert not (judged / "out" / "junit.xml").exists()


def test_a_second_run_into_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    process = begun(tmp_path)
    second = command.run(*QUICK, folder=tmp_path)
    assert second.returncode == 4
    assert second.stderr.strip().count("\n") == 0
    assert "another run is writing there" in second.stderr
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    assert word(tmp_path) == "incomplete"
    third = command.run(*QUICK, folder=tmp_path)
    assert (third.returncode, word(tmp_path)) == (0, "conformant"), third.stdout + third.stderr


def test_a_refused_resumption_leaves_the_reports_as_they_were(judged: Path) -> None:
    before = {name: (judged / "out" / name).read_bytes() for name in REPORTS}
    done = command.run(*QUICK, "--resume", "--seed", "5", folder=judged)
    assert done.returncode == 4
    assert {name: (judged / "out" / name).read_bytes() for name in REPORTS} == before
