"""Accidents of the machine, real ones: each costs one cell, is named, and leaves a record that can be read."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import command
import pytest
from command import wait_for
from machine_accidents import ACCIDENT, PATHS, QUICK, VICTIM, lost

from torch_conformance.reports import judge, read
from torch_conformance.reports.records import model as records

LINUX = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks at processes through /proc")


def events(found: list[records.Record]) -> list[records.Event]:
    return [each for each in found if isinstance(each, records.Event) and each.kind != "drift"]


@LINUX
@pytest.mark.parametrize(
    ("accident", "execution", "kind", "said"),
    [
        ("segfault", "crashed", "worker-crash", "killed by SIGSEGV (a segmentation fault) in `torch.full("),
        ("abort", "crashed", "worker-crash", "killed by SIGABRT"),
        ("kill", "crashed", "worker-crash", "killed by SIGKILL (the kernel does this when memory runs out"),
        ("leave", "crashed", "worker-crash", "ended itself with exit code 3"),
        ("hang", "timed-out", "time-out", "took longer than 8 s and was ended in `torch.full("),
        ("exhaust", "crashed", "out-of-memory", "memory ran out: "),
        ("poison", "device-lost", "device-lost", "cpu no longer answers (device-side assert triggered)"),
    ],
)
def test_an_accident_costs_one_cell(tmp_path: Path, accident: str, execution: str, kind: str, said: str) -> None:
    environment = {"ACCIDENT": f"{accident} {VICTIM}", "PYTHONPATH": PATHS}
    done = command.run("run", *QUICK, "--timeout", "8", *ACCIDENT, folder=tmp_path, **environment)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f"LOST {VICTIM}" in done.stdout
    assert said in done.stdout
    found, truncated = read(tmp_path / "out" / "results.jsonl")
    assert not truncated
    verdict = judge(found)
    # With one worker, the cells after the accident were run by the one that took its place.
    assert verdict.counts["run"] == verdict.counts["planned"] - 1 == verdict.counts["pass"]
    (cell,) = lost(found)
    assert (cell.clause, cell.execution, cell.verdict) == (VICTIM, execution, "none")
    assert said in cell.reason
    (event,) = events(found)
    assert event.kind == kind
    assert event.cell is not None
    assert event.cell.clause == VICTIM
    if accident not in ("kill", "leave"):
        assert "accident.py" in event.message, "the traceback of where it was is kept"
        assert "chapters/creation/test_fill.py" in event.message
    assert said in (tmp_path / "out" / "junit.xml").read_text().replace("&apos;", "'")


def test_a_deviation_outranks_an_accident(tmp_path: Path) -> None:
    fault = {"TORCH_CONFORMANCE_FAULT": "full-int-becomes-float"}
    environment = {"ACCIDENT": f"segfault {VICTIM}", "PYTHONPATH": PATHS} | fault
    done = command.run("run", *QUICK, *ACCIDENT, folder=tmp_path, **environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 lost" in done.stdout


def test_a_machine_on_which_every_cell_crashes_is_given_up(tmp_path: Path) -> None:
    arguments = ("--profile", "smoke", "--clause", "creation", "--jobs", "2", "--replay", "0", "--out", "out")
    began = time.monotonic()
    environment = {"ACCIDENT": "anywhere *", "PYTHONPATH": PATHS}
    done = command.run("run", *arguments, *ACCIDENT, folder=tmp_path, **environment)
    assert time.monotonic() - began < 120
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "the run was given up: 11 worker processes died one after another" in done.stdout
    found, _ = read(tmp_path / "out" / "results.jsonl")
    verdict = judge(found)
    assert verdict.counts["lost"] >= 10
    assert verdict.counts["run"] == 0
    assert verdict.counts["not-run"] > 10
    assert isinstance(found[-1], records.End)


def test_workers_that_do_not_even_start(tmp_path: Path) -> None:
    lines = ("import os", "def pytest_configure(config):", "    if hasattr(config, 'workerinput'): os.abort()")
    (tmp_path / "stillborn.py").write_text("\n".join(lines))
    done = command.run("run", *QUICK, "--", "-p", "stillborn", folder=tmp_path, PYTHONPATH=f"{PATHS}:{tmp_path}")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "no cell was planned" in done.stdout
    assert "8 workers died outside any cell" in done.stdout


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system takes rights that this user does not have")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _check_full(done: subprocess.CompletedProcess[str], results: Path, reason: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert f"records could not be written to results.jsonl ({reason})" in done.stdout
    assert "6 run, 6 as documented" in done.stdout, "the rest of the plan was run"
    found, truncated = read(results)
    assert not truncated, "the line that did not fit was taken back"
    assert judge(found).exit_code == 2
    assert not any(isinstance(each, records.End) for each in found)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    process = command.start("run", *QUICK, folder=tmp_path)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (20_000, 20_000))
    out, err = process.communicate(timeout=120)
    done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
    _check_full(done, tmp_path / "out" / "results.jsonl", "File too large")


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs a file system of its own")
def test_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with small_disk(tmp_path / "out"):
        done = command.run("run", *QUICK, folder=tmp_path)
        assert "No space left on device" in done.stdout
        _check_full(done, tmp_path / "out" / "results.jsonl", "No space left on device")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@LINUX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_a_record_and_no_worker(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ("--profile", "deep", "--clause", "creation", "--jobs", "2", "--replay", "0", "--out", "out")
    process = command.start("run", *arguments, folder=tmp_path)
    results = tmp_path / "out" / "results.jsonl"
    wait_for(lambda: results.exists() and results.read_bytes().count(b'{"type":"cell"') > 3)
    workers = children(process.pid)
    assert len(workers) >= 2
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == (2 if number == signal.SIGINT else -signal.SIGKILL), out + err
    assert "Traceback" not in err
    wait_for(lambda: not any(map(is_running, workers)))
    found = read(results).records
    verdict = judge(found)
    assert verdict.exit_code == 2
    assert verdict.counts["run"] > 3
    closed = any(isinstance(each, records.End) for each in found)
    assert closed == (number == signal.SIGINT)


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
/* The wall clock jumps by years every second; the monotonic clock is left alone. */
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, at);
    if (clock == CLOCK_REALTIME) at->tv_sec -= 31536000L * (at->tv_sec % 50);
    return status;
}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="compiles a clock")
def test_a_wall_clock_that_jumps(tmp_path: Path) -> None:
    (tmp_path / "clock.c").write_text(CLOCK)
    library = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True)
    began = time.monotonic()
    done = command.run("run", *QUICK, "--timeout", "60", folder=tmp_path, LD_PRELOAD=str(library))
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    found, _ = read(tmp_path / "out" / "results.jsonl")
    cells = [each for each in found if isinstance(each, records.Cell)]
    assert all(0 <= cell.seconds < took for cell in cells)
    end = found[-1]
    assert isinstance(end, records.End)
    assert 0 < end.seconds < took
    run = found[0]
    assert isinstance(run, records.Run)
    assert run.started[:4] != end.finished[:4], "the clock did jump"
