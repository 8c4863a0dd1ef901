"""A known deviation is waived, one that is gone fails the run, and a worse one is not waived."""

from __future__ import annotations

from pathlib import Path

import command
import pytest

from torch_conformance.reports import read
from torch_conformance.reports.records import model as records

CLAUSE = "creation.full.infers-dtype"
FAULT = "full-int-becomes-float"
WAIVER = f"""
[[waiver]]
clause = "{CLAUSE}"
torch = ">=2.0"
mode = "{{mode}}"
why = "full of an integer is float32."
judgement = "torch"
issue = "none known"
witness = "assert torch.full((2,), 3, device=device).dtype == torch.int64"
"""


def _run(folder: Path, mode: str, fault: str, replays: int = 0) -> tuple[int, str, list[records.Cell]]:
    (folder / "known.toml").write_text(WAIVER.format(mode=mode))
    arguments = ("--profile", "smoke", "--clause", CLAUSE, "--jobs", "1", "--waivers", "known.toml")
    done = command.run(
        "run", *arguments, "--replay", str(replays), "--out", "out", folder=folder, TORCH_CONFORMANCE_FAULT=fault
    )
    found = read(folder / "out" / "results.jsonl").records
    return done.returncode, done.stdout + done.stderr, [each for each in found if isinstance(each, records.Cell)]


def test_a_known_deviation_is_waived_and_counted(tmp_path: Path) -> None:
    code, said, cells = _run(tmp_path, "dtype", FAULT)
    assert code == 0, said
    assert "1 waived" in said
    assert [(cell.verdict, cell.disposition) for cell in cells] == [("fail", "waived")]
    assert "full of an integer is float32." in cells[0].reason
    assert "full of an integer is float32." in (tmp_path / "out" / "index.html").read_text()


def test_another_deviation_of_the_clause_is_not_waived(tmp_path: Path) -> None:
    code, said, cells = _run(tmp_path, "value", FAULT)
    assert code == 1, said
    assert [cell.disposition for cell in cells] == ["unexpected"]


def test_a_deviation_that_has_gone_leaves_a_stale_waiver(tmp_path: Path) -> None:
    code, said, cells = _run(tmp_path, "dtype", "")
    assert code == 1, said
    assert [(cell.verdict, cell.disposition) for cell in cells] == [("pass", "waiver-stale")]
    assert "Take the stale waivers out" in said
    assert "is stale" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize("name", ["none.toml", "known.toml"])
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "known.toml").write_text("[[waver]]\n")
    done = command.run("run", "--waivers", name, "--out", "out", folder=tmp_path)
    assert done.returncode == 4
    assert name in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("mode", "replayed"), [("dtype", "not replayed"), ("value", "1/1")])
def test_only_what_is_not_waived_is_replayed(tmp_path: Path, mode: str, replayed: str) -> None:
    """The witness of a waiver has been run already, and a replay takes seconds."""
    _run(tmp_path, mode, FAULT, replays=1)
    found = read(tmp_path / "out" / "results.jsonl").records
    assert [each.reproduced for each in found if isinstance(each, records.Failure)] == [replayed]
