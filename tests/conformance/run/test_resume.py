"""A run that was killed, interrupted or lost a cell goes on where it stopped, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import command
import pytest
from command import wait_for
from machine_accidents import ACCIDENT, PATHS, QUICK, VICTIM, lost

from torch_conformance.reports import judge, read
from torch_conformance.reports.records import model as records
from torch_conformance.reports.records.checking import check

LONG = ("--profile", "deep", "--clause", "creation.full*", "--jobs", "2", "--replay", "0", "--out", "out")
RESUME = ("run", "--resume", "--jobs", "1", "--replay", "0", "--out", "out")


def fingerprints(found: list[records.Record]) -> dict[tuple[str, str, str], str]:
    cells = [each for each in found if isinstance(each, records.Cell)]
    return {(each.clause, each.device, each.dtype): each.fingerprint for each in cells}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_ended_goes_on(
    tmp_path: Path, number: signal.Signals, whole: dict[tuple[str, str, str], str]
) -> None:
    results = tmp_path / "out" / "results.jsonl"
    process = command.start("run", *LONG, folder=tmp_path)
    wait_for(lambda: results.exists() and results.read_bytes().count(b'{"type":"cell"') > 3)
    os.kill(process.pid, number)
    process.communicate(timeout=120)
    assert process.returncode in (2, -signal.SIGKILL), "it was ended before it was through"
    before = results.read_bytes()
    if number == signal.SIGKILL:
        results.write_bytes(before + b'{"type":"cell","clause":"cre')
    done = command.run(*RESUME, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    after = results.read_bytes()
    assert after.startswith(before), "the file is appended to"
    found, truncated = read(results)
    assert not truncated
    kept = before.count(b'{"type":"cell"')
    assert after.count(b'{"type":"cell"') == judge(found).counts["planned"] > kept, "no cell was run twice"
    seams = [each for each in found if isinstance(each, records.Event) and each.kind == "resumed"]
    assert [each.message for each in seams] == [f"resumed after {kept} of {judge(found).counts['planned']} cells"]
    end = found[-1]
    assert isinstance(end, records.End)
    assert check(tmp_path / "out" / "results.jsonl").sealed
    junit = (tmp_path / "out" / "junit.xml").read_text()
    assert junit.count("<testcase ") == judge(found).counts["planned"], "JUnit sees the whole run"
    assert fingerprints(found) == whole, "equal inputs"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], str]:
    """Fingerprints of the run that was not ended."""
    folder = tmp_path_factory.mktemp("whole")
    assert command.run("run", *LONG, folder=folder).returncode == 0
    return fingerprints(read(folder / "out" / "results.jsonl").records)


def _with_accident(folder: Path, accident: str) -> subprocess.CompletedProcess[str]:
    environment = {"ACCIDENT": f"{accident} {VICTIM}", "PYTHONPATH": PATHS}
    return command.run("run", *QUICK, "--timeout", "6", *ACCIDENT, folder=folder, **environment)


def test_a_cell_that_timed_out_has_its_time_on_resumption(tmp_path: Path) -> None:
    assert _with_accident(tmp_path, "hang").returncode == 2
    done = command.run(*RESUME, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "judging 1 cells" in done.stdout
    assert "1 lost at first and run again" in done.stdout
    cells = [each for each in read(tmp_path / "out" / "results.jsonl").records if isinstance(each, records.Cell)]
    assert [each.execution for each in cells if each.clause == VICTIM] == ["timed-out", "completed"]


def test_a_cell_that_crashed_and_passes_then_is_no_pass_without_a_trace(tmp_path: Path) -> None:
    assert _with_accident(tmp_path, "segfault").returncode == 2
    done = command.run(*RESUME, folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"{VICTIM} cpu uint8 completed when it was run again, but at first worker-crash: " in done.stdout
    assert "SIGSEGV" in done.stdout
    assert len(lost(read(tmp_path / "out" / "results.jsonl").records)) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seed", "5"), "--resume: --seed was 0 and is 5; run it without --resume, or with another --out"),
        (("--dtype", "int8"), "--resume: --dtype was not given and is int8"),
        (("--profile", "deep"), "--resume: --profile was smoke and is deep"),
    ],
)
def test_another_run_is_refused(resumable: Path, arguments: tuple[str, ...], said: str) -> None:
    results = resumable / "out" / "results.jsonl"
    before = results.read_bytes()
    done = command.run(*RESUME, *arguments, folder=resumable)
    assert done.returncode == 4
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert results.read_bytes() == before


def test_another_install_is_refused(resumable: Path) -> None:
    done = command.run(*RESUME, folder=resumable, ATEN_CPU_CAPABILITY="default")
    assert done.returncode == 4
    assert "--resume: the CPU capability was" in done.stderr


@pytest.fixture(scope="module")
def resumable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resumable")
    assert command.run("run", *QUICK, folder=folder).returncode == 0
    return folder


def test_nothing_to_resume(tmp_path: Path) -> None:
    done = command.run(*RESUME, folder=tmp_path)
    assert done.returncode == 4
    assert "results.jsonl: cannot be read: No such file or directory; run it without --resume" in done.stderr
