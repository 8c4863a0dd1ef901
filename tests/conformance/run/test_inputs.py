"""A cell's inputs depend on its seed alone: not on the shard, the selection, or how pytest was started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import command

from torch_conformance.reports import read
from torch_conformance.reports.records import model as records

SMOKE = ("--profile", "smoke", "--jobs", "1", "--replay", "0")


def fingerprints(path: Path) -> dict[tuple[str, str, str], str]:
    found = read(path / "results.jsonl").records
    cells = [record for record in found if isinstance(record, records.Cell)]
    return {(cell.clause, cell.device, cell.dtype): cell.fingerprint for cell in cells}


def test_full_run_shards_and_single_clause_have_equal_inputs(tmp_path: Path) -> None:
    selections = {
        "full": ("--clause", "dtypes"),
        "first": ("--clause", "dtypes", "--shard", "1/2"),
        "second": ("--clause", "dtypes", "--shard", "2/2"),
        "single": ("--clause", "dtypes.conversion.shares-no-memory"),
        "narrow": ("--clause", "dtypes.conversion.shares-no-memory", "--dtype", "complex64"),
    }
    prints = {}
    for name, selection in selections.items():
        done = command.run("run", *SMOKE, *selection, "--out", name, folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        prints[name] = fingerprints(tmp_path / name)
    assert len(set(prints["full"].values())) > 20
    assert prints["first"] | prints["second"] == prints["full"]
    both = set(prints["first"]) & set(prints["second"])
    assert len({clause for clause, _, _ in both}) == 1, "the identity probe, and nothing else"
    assert all(prints["first"][key] == prints["second"][key] for key in both)
    assert prints["single"].items() <= prints["full"].items()
    assert prints["narrow"].items() <= prints["single"].items()
    assert len(prints["narrow"]) == 1


def test_plain_pytest_has_the_same_inputs_and_another_seed_has_others(tmp_path: Path) -> None:
    selection = ("--clause", "dtypes.conversion.shares-no-memory")
    command.run("run", *SMOKE, *selection, "--out", "ours", folder=tmp_path)
    command.run("run", *SMOKE, *selection, "--seed", "7", "--out", "other", folder=tmp_path)
    plain = [sys.executable, "-m", "pytest", "--pyargs", "torch_conformance.conformance", "-q"]
    prefixed = ["--conformance-profile=smoke", "--conformance-clause=dtypes.conversion.shares-no-memory"]
    plugin = ["-p", "torch_conformance.conformance.plugin", "-p", "no:cacheprovider"]
    options = [*plugin, *prefixed, "--conformance-device=cpu", "--conformance-out=plain"]
    done = subprocess.run([*plain, *options], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fingerprints(tmp_path / "plain") == fingerprints(tmp_path / "ours")
    assert not set(fingerprints(tmp_path / "other").values()) & set(fingerprints(tmp_path / "ours").values())
