"""What a user sees: exit codes, one-sentence errors, reports, and what is kept when a run is cut short."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import command
import pytest
from command import wait_for

import torch_conformance.spec
from torch_conformance.reports import judge, read
from torch_conformance.reports.records import model as records

QUICK = ("--profile", "smoke", "--clause", "creation.full.*", "--dtype", "int64", "--dtype", "float32", "--jobs", "1")
LONG = ("--profile", "deep", "--clause", "creation", "--jobs", "2", "--replay", "0")


def test_a_conformant_run(tmp_path: Path) -> None:
    done = command.run("run", *QUICK, "--out", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "conformant: " in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(".lock", "results.jsonl", "junit.xml", "index.html", "summary.md", "verdict.json")
    }
    found, truncated = read(tmp_path / "out" / "results.jsonl")
    assert not truncated
    assert judge(found).exit_code == 0
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Content-Security-Policy" in page
    assert "pytest-html" not in page


def test_the_table_of_single_tests_is_pytest_htmls(tmp_path: Path) -> None:
    done = command.run("run", *QUICK, "--out", "out", "--", "--html=t.html", "--self-contained-html", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "t.html").read_text()
    for text in (
        "pytest-html",
        "Content-Security-Policy",
        "conformant: ",
        'data-column-type="clause"',
        "creation.full.",
    ):
        assert text in table
    assert "Packages" not in table
    assert 'id="data-matrix"' in (tmp_path / "out" / "index.html").read_text()


def test_a_deviating_run(tmp_path: Path) -> None:
    fault = next(iter(torch_conformance.spec.load().clauses["creation.full.infers-dtype"].faults))
    arguments = ("run", "--profile", "smoke", "--clause", "creation.full.infers-dtype", "--jobs", "1", "--out", "out")
    done = command.run(*arguments, folder=tmp_path, TORCH_CONFORMANCE_FAULT=fault)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "deviations: " in done.stdout
    assert "reproduced 3/3" in done.stdout
    failures = [each for each in read(tmp_path / "out" / "results.jsonl").records if isinstance(each, records.Failure)]
    assert failures
    for line in failures[0].script.splitlines():
        if line.startswith(("import", "from")):
            assert line in ("import numpy as np", "import torch", "import base64", "import zlib")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--devise", "cpu"), "No such option '--devise'"),
        (("run", "--device", "gpu"), "--device gpu: torch knows no such device; present: cpu"),
        (("run", "--device", "xla"), "--device xla: this torch cannot use it here"),
        (("run", "--dtype", "float31"), "--dtype float31: unknown; one of bool, uint8"),
        (("run", "--clause", "creation.ful.*"), "no clause matches 'creation.ful.*'"),
        (("run", "--shard", "3/2"), "--shard 3/2: expected k/n"),
        (("run", "--seed", "one"), "--seed one: expected a whole number"),
        (("run", "--profile", "quick"), "'quick' is not one of"),
        (("run", "--out", "/proc/none"), "--out /proc/none: cannot be written"),
        (("show", "creation.full.infer-dtype"), "no clause is named 'creation.full.infer-dtype'"),
        (("power", "no-such-fault"), "no fault is named no-such-fault"),
        (("rum",), "No such command 'rum'"),
    ],
)
def test_usage_errors_are_a_sentence_and_exit_four(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    extra = ("--out", "out") if arguments[0] == "run" and "--out" not in arguments else ()
    done = command.run(*arguments, *extra, folder=tmp_path)
    assert done.returncode == 4
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


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
    done = command.subprocess.run(
        [sys.executable, "-S", "-c", code, "run"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": os.environ["PATH"]},
    )
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("torch-conformance: torch is not installed in this environment; install it")
    assert "Traceback" not in done.stderr


def test_a_corrupt_chapter(tmp_path: Path) -> None:
    package = tmp_path / "torch_conformance"
    package.mkdir()
    source = Path(torch_conformance.spec.__file__).parent.parent
    for room in ("spec", "reference", "conformance", "reports"):
        shutil.copytree(source / room, package / room, ignore=shutil.ignore_patterns("__pycache__", "out"))
    (package / "__init__.py").write_text("")
    chapter = package / "spec" / "chapters" / "creation.toml"
    chapter.write_text(chapter.read_text().replace('basis = "documented"', 'basis = "documents"', 1))
    for arguments in (("run",), ("list",)):
        done = command.run(*arguments, folder=tmp_path, PYTHONPATH=str(tmp_path))
        assert done.returncode == 3
        assert "creation.toml:" in done.stderr
        assert "basis = 'documents': expected one of documented, derived, de-facto" in done.stderr
        assert "Traceback" not in done.stderr


def cells_in(path: Path) -> int:
    return path.read_bytes().count(b'{"type":"cell"') if path.exists() else 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_its_reports(tmp_path: Path, number: signal.Signals) -> None:
    process = command.start("run", *LONG, "--out", "out", folder=tmp_path)
    results = tmp_path / "out" / "results.jsonl"
    wait_for(lambda: cells_in(results) > 3)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, out + err
    assert "Traceback" not in err
    assert "incomplete: " in out
    assert json.loads((tmp_path / "out" / "verdict.json").read_text())["verdict"] == "incomplete"
    assert not [event for event in read(results)[0] if isinstance(event, records.Event) and "crash" in event.kind]
    found, _ = read(results)
    assert judge(found).exit_code == 2
    assert sum(isinstance(record, records.Cell) for record in found) > 3
    assert any(isinstance(record, records.Event) and record.kind == "interrupted" for record in found)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker through /proc")
def test_a_killed_worker_costs_its_cell(tmp_path: Path) -> None:
    arguments = ("--profile", "deep", "--clause", "creation.zeros", "--jobs", "2", "--replay", "0", "--out", "out")
    process = command.start("run", *arguments, folder=tmp_path)
    results = tmp_path / "out" / "results.jsonl"
    wait_for(lambda: cells_in(results) > 3)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 2, out + err
    found, truncated = read(results)
    assert not truncated
    verdict = judge(found)
    lost = [each for each in found if isinstance(each, records.Cell) and each.execution == "crashed"]
    assert len(lost) == 1
    assert verdict.counts["planned"] == verdict.counts["run"] + 1
    crash = next(each for each in found if isinstance(each, records.Event) and each.kind == "worker-crash")
    assert crash.cell is not None
    assert crash.cell.clause == lost[0].clause


def test_a_reader_who_leaves_does_not_end_the_run(tmp_path: Path) -> None:
    """As in `torch-conformance run | head -1`."""
    process = command.start("run", *QUICK, folder=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=120) == 0


def test_workers_elsewhere_are_xdists(tmp_path: Path) -> None:
    """`--tx ssh=...` differs from this in how the process is reached."""
    options = (*QUICK[:-2], "--tx", "2*popen", "--out", "out")
    done = command.run("run", *options, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = read(tmp_path / "out" / "results.jsonl").records
    assert {each.worker for each in found if isinstance(each, records.Cell)} == {"gw0", "gw1"}


@pytest.mark.parametrize("spec", ["nosuch=1", "ssh=", "2*"])
def test_a_worker_that_xdist_does_not_know_is_refused(tmp_path: Path, spec: str) -> None:
    done = command.run("run", *QUICK[:-2], "--tx", spec, folder=tmp_path)
    assert done.returncode == 4
    assert f"--tx {spec}: expected popen, ssh=HOST" in done.stderr


def test_a_worker_that_has_another_install_ends_the_run(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text("import numpy; numpy.__version__ = '1.0.0'\n")
    other = tmp_path / "other-python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH="{site}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    done = command.run("run", *QUICK[:-2], "--tx", f"popen//python={other}", "--out", "out", folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "NumPy 1.0.0" in done.stderr
    assert "install the same on both" in done.stderr
    assert "disagreement: the worker on" in judge(read(tmp_path / "out" / "results.jsonl").records).sentence
