"""JUnit XML: a hand-checked document, and texts that XML cannot hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import record_builders as build
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reports.records import model as records
from torch_conformance.reports.writers import junit

FIRST, SECOND, THIRD = build.KEYS


def document(found: list[records.Record], folder: Path) -> ET.Element:
    junit.write(found, folder / "junit.xml")
    return ET.XML((folder / "junit.xml").read_bytes())


EXPECTED = """\
<?xml version='1.0' encoding='utf-8'?>
<testsuites name="torch-conformance" tests="4" failures="1" errors="2" skipped="0" time="1.000000">
  <testsuite name="creation" tests="2" failures="1" errors="0" skipped="0" time="1.000000" \
timestamp="2026-01-01T00:00:00+00:00">
    <testcase classname="creation.full" name="creation.full.fills[cpu-int64]" time="0.500000">
      <failure message="`torch.full(size, fill)`[0] is 1, expected 0">reproduced 3/3
import torch
</failure>
    </testcase>
    <testcase classname="creation.full" name="creation.full.fills[cpu-float32]" time="0.500000" />
  </testsuite>
  <testsuite name="dtypes" tests="1" failures="0" errors="1" skipped="0" time="0.000000" \
timestamp="2026-01-01T00:00:00+00:00">
    <testcase classname="dtypes.promotion" name="dtypes.promotion.table[cpu]" time="0.000000">
      <error message="crashed: signal 11" />
    </testcase>
  </testsuite>
  <testsuite name="run" tests="1" failures="0" errors="1" skipped="0" time="0.000000" \
timestamp="2026-01-01T00:00:00+00:00">
    <testcase classname="run" name="verdict" time="0.000000">
      <error message="suite-failed: 3 cells planned, 2 run, 1 as documented, 1 deviating, \
1 lost; boom; 1 cell crashed.">boom
1 cell crashed</error>
    </testcase>
  </testsuite>
</testsuites>"""


def test_the_whole_document(tmp_path: Path) -> None:
    lost = build.cell(THIRD, "none", execution="crashed", disposition="unexpected", reason="signal 11", seconds=0.0)
    cells = [build.cell(FIRST, "fail"), build.failure(FIRST), build.cell(SECOND), lost]
    found = [
        build.run(),
        build.plan(),
        *cells,
        build.event("internal-error", "boom"),
        build.end(failures=1, comparisons=30),
    ]
    junit.write(found, tmp_path / "junit.xml")
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8") == EXPECTED


@pytest.mark.parametrize(
    ("verdict", "changes", "tag", "message"),
    [
        ("unsupported", {"reason": "probe: no"}, "skipped", "unsupported: probe: no"),
        ("inapplicable", {"reason": "host only"}, "skipped", "inapplicable: host only"),
        ("vacuous", {"reason": "no case"}, "error", "vacuous: no case"),
        ("none", {"execution": "timed-out", "reason": "60 s"}, "error", "timed-out: 60 s"),
        ("fail", {"disposition": "waived", "reason": "issue 1"}, "skipped", "waived: issue 1"),
        ("pass", {"disposition": "waiver-stale", "reason": "gone"}, "failure", "pass, waiver-stale: gone"),
        ("unsupported", {"disposition": "unexpected", "reason": "no"}, "failure", "unsupported, unexpected: no"),
    ],
)
def test_what_becomes_of_a_cell(tmp_path: Path, verdict: str, changes: dict[str, str], tag: str, message: str) -> None:
    found = [build.run(), build.plan((FIRST,)), build.cell(FIRST, verdict, **changes), build.end(1)]
    case = document(found, tmp_path).find("testsuite/testcase")
    assert case is not None
    assert [(each.tag, each.get("message")) for each in case] == [(tag, message)]


def test_a_clean_run_has_no_more_than_its_cells(tmp_path: Path) -> None:
    root = document(build.conformant(), tmp_path)
    assert [suite.get("name") for suite in root] == ["creation", "dtypes"]
    assert (root.get("failures"), root.get("errors"), root.get("tests")) == ("0", "0", "3")


@given(text=st.text(st.characters(), max_size=40) | st.sampled_from(["]]>", "\x00\x1b\ud800\ufffe", "<!--", "&amp;"]))
def test_any_text_is_parsed_again(text: str) -> None:
    key = (text, text, text)
    found = [
        build.run(started=text),
        build.plan((key,), ((text, text, "other"),)),
        build.cell(key, "fail", reason=text),
        build.failure(key, diagnosis=text, script=text, reproduced=text, traceback=text),
        build.event("internal-error", text),
    ]
    root = ET.XML(ET.tostring(junit.tree(found).getroot()))
    assert {element.tag for element in root.iter()} == {
        *("testsuites", "testsuite", "testcase", "failure", "skipped", "error")
    }


def test_long_texts(tmp_path: Path) -> None:
    found = build.deviating()
    found[3] = build.failure(FIRST, diagnosis="<" * 1_000_000, script="]]>" * 300_000)
    failure = document(found, tmp_path).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "<" * 1_000_000
