"""The terminal summary fits a screen and sends no control characters."""

from __future__ import annotations

import io

import pytest
import record_builders as build
import rich.console

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import model as records
from torch_conformance.reports.text import cut, one_line, visible
from torch_conformance.reports.writers import summary
from torch_conformance.spec import load

HOSTILE = "\x1b]0;title\x07\x1b[2J[red]not markup[/red]\r\n\u202e" + "x" * 1_000_000


def drawn(found: list[records.Record], run: records.Run) -> str:
    console = rich.console.Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(summary.render(judge(found), run, load()))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def broken_run() -> list[records.Record]:
    """Return a run with 40 causes in 30 chapters."""
    keys = tuple((f"chapter{number % 30}.subject.fact", f"cuda:{number}", "-") for number in range(40))
    found: list[records.Record] = [build.run(), build.plan(keys)]
    for number, key in enumerate(keys):
        found += [build.cell(key, "fail"), build.failure(key, signature=f"cause {number}")]
    return [*found, build.end(40, 40)]


def test_a_broken_run_fits_a_screen() -> None:
    found = broken_run()
    text = summary.plain(judge(found), build.run())
    assert len(text.splitlines()) <= 26
    assert "... and 35 causes more in the report" in text
    assert "... and 22 chapters more in the report" in text
    assert len(drawn(found, build.run()).splitlines()) <= 40


def test_troubled_chapters_are_shown_when_not_all_fit() -> None:
    keys = tuple((f"chapter{number}.subject.fact", "cpu", "-") for number in range(30))
    found: list[records.Record] = [build.run(), build.plan(keys), *(build.cell(key) for key in keys[:-1])]
    assert "chapter29: 1 not run" in summary.plain(judge(found), build.run())
    assert "chapter29" in drawn(found, build.run())


def test_chapters_and_causes_are_named() -> None:
    text = summary.plain(judge(build.deviating()), build.run())
    for line in (
        "deviations: 3 cells planned, 3 run, 2 as documented, 1 deviating.",
        "torch 2.13.0, Python 3.11.7, NumPy 2.4.6, on cpu (a CPU)",
        "creation: 1 as documented, 1 deviating",
        "1. creation.full.fills (1 cell; script in the report under this clause, reproduced 3/3)",
        "   `torch.full(size, fill)`[0] is 1, expected 0",
    ):
        assert line in text.splitlines()


def test_a_failure_without_script_says_so() -> None:
    found = build.deviating()
    found[3] = build.failure(build.KEYS[0], script="", reproduced="not replayed")
    assert "(1 cell; no script)" in summary.plain(judge(found), build.run())


@pytest.mark.parametrize("where", ["key", "texts"])
def test_hostile_text(where: str) -> None:
    key = (HOSTILE, HOSTILE, HOSTILE) if where == "key" else build.KEYS[0]
    device = records.Device(name=HOSTILE, kind="", unit=0, model=HOSTILE, driver="", memory_bytes=0)
    run = build.run(devices=[device] * 3, profile=HOSTILE, python=HOSTILE)
    failure = build.failure(key, signature=HOSTILE, diagnosis=HOSTILE, reproduced=HOSTILE)
    found = [run, build.plan((key,)), build.cell(key, "fail"), failure, build.event("internal-error", HOSTILE)]
    text, screen = summary.plain(judge(found), run), drawn(found, run)
    assert all(line.isprintable() for line in text.splitlines())
    assert all(line.isprintable() for line in screen.splitlines())
    assert "[red]not markup[/red]" in text
    assert len(text) < 5000


def test_text() -> None:
    assert visible("a\tb\nc\r\nd\x1b[0m\u202e\ud800\U000e0041é漢") == ("a\tb\nc\nd\\x1b[0m\\u202e\\ud800\\U000e0041é漢")
    assert cut("abcdef", 3) == "abc ... (6 characters)"
    assert cut("abc", 3) == "abc"
    assert one_line(" a\n b\t\x00", 10) == "a b \\x00"
