"""torch-conformance list and show, over a small specification."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click.testing
import pytest

from torch_conformance import spec
from torch_conformance.conformance.cli import listing


def invoke(command: click.Command, *arguments: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(command, arguments)


@pytest.fixture(autouse=True)
def small(folder: Path, chapter: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder's specification in place of the shipped one, with a second chapter."""
    second = chapter.replace("demo.", "other.").replace('"must"', '"may"').replace('"value"', '"dtype"')
    second = second.replace("every element.", "[0, size) and [bold].").replace('"all"', '"none"')
    (folder / "chapters" / "other.toml").write_text(second + 'seed = "1. creation"\nsince = "2.1"\nuntil = "2.4"\n')
    load = spec.load
    monkeypatch.setattr(spec, "load", lambda: load(folder))
    return folder


PLAIN = {
    "demo": "demo.full.fills\tmust\tvalue\tall\tfull fills every element.\n",
    "other": "other.full.fills\tmay\tdtype\tnone\tfull fills [0, size) and [bold].\n",
}


@pytest.mark.parametrize(
    ("arguments", "chapters"),
    [
        ((), ["demo", "other"]),
        (("demo",), ["demo"]),
        (("*.full.*",), ["demo", "other"]),
        (("--chapter", "other"), ["other"]),
        (("demo", "--chapter", "other"), []),
        (("--kind", "value"), ["demo"]),
        (("--level", "may", "--format", "plain"), ["other"]),
        (("--level", "should"), []),
    ],
)
def test_list_prints_plain_lines_when_piped(arguments: tuple[str, ...], chapters: list[str]) -> None:
    result = invoke(listing.list_clauses, *arguments)
    assert (result.exit_code, result.output) == (0, "".join(PLAIN[name] for name in chapters))


def test_list_as_a_table_shows_brackets_as_they_are() -> None:
    result = invoke(listing.list_clauses, "--format", "table")
    assert result.exit_code == 0
    assert "demo.full.fills" in result.output
    assert "[bold]" in " ".join(result.output.split())
    assert result.output.endswith("2 clauses\n")


def test_list_as_json() -> None:
    (data,) = json.loads(invoke(listing.list_clauses, "demo", "--format", "json").output)
    assert (data["id"], data["line"], data["faults"]) == ("demo.full.fills", 5, ["full-loses-tail"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("demo.ful",), "Error: no clause matches 'demo.ful'; closest: demo.full.fills, demo, other.full.fills\n"),
        (("--chapter", "dmo"), "Error: no chapter is named 'dmo'; there are demo, other\n"),
    ],
)
def test_list_refuses_unknown_names(arguments: tuple[str, ...], sentence: str) -> None:
    result = invoke(listing.list_clauses, *arguments)
    assert (result.exit_code, result.output) == (4, sentence)


def test_show_prints_everything(small: Path) -> None:
    result = invoke(listing.show_clause, "other.full.fills")
    assert result.exit_code == 0
    for part in (
        "full fills [0, size) and [bold].",
        "may, documented",
        "torch.full  https://docs.pytorch.org/docs/stable/generated/torch.full.html",
        "none: no dtype axis: one cell per device",
        "since torch 2.1, until torch 2.4",
        "1. creation",
        "full-loses-tail",
        f"{small / 'chapters' / 'other.toml'}:5",
    ):
        assert part in result.output


def test_show_names_the_members_of_a_set() -> None:
    assert "all: bool, uint8, int8" in invoke(listing.show_clause, "demo.full.fills").output


def test_show_as_json(small: Path) -> None:
    data = json.loads(invoke(listing.show_clause, "demo.full.fills", "--format", "json").output)
    assert (data["file"], data["line"]) == (str(small / "chapters" / "demo.toml"), 5)
    assert data["url"].endswith("/generated/torch.full.html")


def test_show_refuses_an_unknown_clause() -> None:
    result = invoke(listing.show_clause, "demo.full.fill")
    assert result.exit_code == 4
    assert result.output.startswith("Error: no clause is named 'demo.full.fill'; closest: demo.full.fills")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("command", [listing.list_clauses, listing.show_clause])
def test_a_corrupt_chapter_ends_with_its_place(small: Path, command: click.Command) -> None:
    path = small / "chapters" / "demo.toml"
    path.write_text("[chapter")
    result = invoke(command, "demo.full.fills")
    assert result.exit_code == 3
    assert f"{path}:1: is not TOML: " in result.output
    assert "Traceback" not in result.output


def test_listing_does_not_import_torch() -> None:
    code = "import sys, torch_conformance.conformance.cli.listing; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
