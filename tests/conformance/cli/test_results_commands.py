from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from command import run

from torch_conformance.reports.outcome.verdict import key_of
from torch_conformance.reports.records import model, reading

HERE = Path(__file__).parents[1]
PATTERNS = ("--clause", "creation.full.*", "--clause", "dtypes.finfo.*")
QUICK = ("--profile", "smoke", "--replay", "0", "--jobs", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, options in (("full", ()), ("one", ("--shard", "1/2")), ("two", ("--shard", "2/2"))):
        done = _run("run", *QUICK, *PATTERNS, *options, "--out", str(folder / name))
        assert done.returncode == 0, done.stderr
    return folder


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, folder=HERE, **environment)


def _cells(path: Path) -> dict[tuple[str, str, str], str]:
    found = reading.read(path / "results.jsonl").records
    return {key_of(each): each.fingerprint for each in found if isinstance(each, model.Cell)}


def test_shards_merged_are_the_full_run(runs: Path, tmp_path: Path) -> None:
    done = _run("merge", str(runs / "two"), str(runs / "one"), "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert _cells(tmp_path) == _cells(runs / "full")
    assert _run("verify", str(tmp_path / "results.jsonl")).returncode == 0
    compared = _run("compare", str(runs / "full"), str(tmp_path))
    assert compared.returncode == 0
    assert "nothing got worse" in compared.stdout
    assert {each.name for each in tmp_path.iterdir()} == {
        *("results.jsonl", "junit.xml", "summary.md", "verdict.json", "index.html"),
    }


def test_a_missing_shard_is_incomplete(runs: Path, tmp_path: Path) -> None:
    done = _run("merge", str(runs / "two"), "--out", str(tmp_path))
    assert done.returncode == 2
    assert "shard 1/2 is missing" in done.stdout


def test_verify_tells_a_changed_file(runs: Path, tmp_path: Path) -> None:
    changed = tmp_path / "results.jsonl"
    text = (runs / "full" / "results.jsonl").read_text(encoding="utf-8")
    changed.write_text(text.replace('"verdict":"pass"', '"verdict":"none"', 1), encoding="utf-8")
    done = _run("verify", str(changed))
    assert done.returncode == 3
    assert "was changed after it was written" in done.stdout
    refused = _run("report", str(changed), "--out", str(tmp_path / "out"))
    assert refused.returncode == 4
    assert "Traceback" not in refused.stderr


def test_a_fault_is_newly_deviating_and_fixed_again(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_CONFORMANCE_FAULT", "full-int-becomes-float")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "job.md"))
    broken = tmp_path / "broken"
    assert _run("run", *QUICK, *PATTERNS, "--out", str(broken)).returncode == 1
    assert "## torch conformance: deviations" in (tmp_path / "job.md").read_text(encoding="utf-8")
    told = json.loads((broken / "verdict.json").read_text(encoding="utf-8"))
    assert (told["verdict"], told["causes"][0]["clauses"]) == ("deviations", ["creation.full.infers-dtype"])
    compared = _run("compare", str(runs / "full"), str(broken), "--format", "json")
    assert compared.returncode == 1
    assert [change["kind"] for change in json.loads(compared.stdout)[0]["changes"]] == ["newly-deviating"]
    assert _run("compare", str(broken), str(runs / "full")).returncode == 0
    grid = _run("merge", str(runs / "full"), str(broken), "--out", str(tmp_path / "grid"))
    assert grid.returncode == 1
    assert "| ` creation.full.infers-dtype ` | P | F |" in (tmp_path / "grid" / "summary.md").read_text(
        encoding="utf-8"
    )


def test_results_name_no_user_and_no_folder(runs: Path, tmp_path: Path) -> None:
    for file in (runs / "full").iterdir():
        text = file.read_text(encoding="utf-8")
        assert str(runs) not in text
        assert str(HERE) not in text
    done = _run("run", *QUICK, *PATTERNS, "--redact", "none", "--out", str(tmp_path))
    assert done.returncode == 0
    assert str(tmp_path) in (tmp_path / "results.jsonl").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("merge", "nowhere"), "does not exist"),
        (("compare", "{runs}/full"), "is one run; name two or more"),
        (("history", "{empty}"), "holds no results.jsonl"),
        (("verify",), "Missing argument"),
        (("compare", "{runs}/full", "{runs}/one", "--format", "pdf"), "'pdf' is not one of"),
    ],
)
def test_mistakes_are_one_sentence(runs: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = _run(*(each.format(runs=runs, empty=tmp_path) for each in arguments))
    assert done.returncode == 4
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
