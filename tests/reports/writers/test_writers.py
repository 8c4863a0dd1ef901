"""JUnit XML, HTML and the terminal summary say what the records say, and treat every text as text."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
import record_builders as build

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import model as records
from torch_conformance.reports.writers import junit, pytest_html, summary
from torch_conformance.spec import load

FIRST, SECOND, THIRD = build.KEYS
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>]]>\x00\x1b[31m\u202eabc{{7*7}}"


def document_at(path: Path) -> ET.Element:
    return ET.XML(path.read_bytes())


def message(element: ET.Element, path: str) -> str:
    found = element.find(path)
    assert found is not None
    return found.get("message") or ""


def test_junit_counts_and_texts(tmp_path: Path) -> None:
    found = [build.run(), build.plan(inapplicable=(("views.view.x", "meta", "-"),))]
    found += [build.cell(FIRST, "fail"), build.failure(FIRST), build.cell(SECOND, "unsupported", reason="probe: no")]
    junit.write(found, tmp_path / "junit.xml")
    root = document_at(tmp_path / "junit.xml")
    suites = {suite.get("name"): suite for suite in root}
    creation = suites["creation"]
    assert (creation.get("tests"), creation.get("failures"), creation.get("skipped")) == ("2", "1", "1")
    failing, skipped = creation
    assert failing.get("name") == "creation.full.fills[cpu-int64]"
    assert (failing.findtext("failure") or "").startswith("reproduced 3/3\nimport torch")
    assert message(skipped, "skipped") == "unsupported: probe: no"
    (missing,) = suites["dtypes"]
    assert message(missing, "error") == "not run"
    assert suites["views"].get("skipped") == "1"


def hostile_run() -> list[records.Record]:
    key = (f"creation.{HOSTILE}", HOSTILE, HOSTILE)
    hostile_input = records.Input(
        name=HOSTILE, text=HOSTILE, dtype=HOSTILE, size=[1], stride=[1], offset=0, bits=HOSTILE
    )
    device = records.Device(name=HOSTILE, kind=HOSTILE, unit=0, model=HOSTILE, driver=HOSTILE, memory_bytes=0)
    texts = dict.fromkeys(
        ("signature", "diagnosis", "statement", "expected", "observed", "script", "traceback"), HOSTILE
    )
    return [
        build.run(devices=[device], platform=HOSTILE, environment={HOSTILE: HOSTILE}, selection={HOSTILE: HOSTILE}),
        build.plan((key,), inapplicable=((HOSTILE, HOSTILE, HOSTILE),)),
        build.cell(key, "fail", reason=HOSTILE),
        build.failure(key, inputs=[hostile_input], **texts),
        build.event("note", HOSTILE),
        build.end(cells=1, failures=1),
    ]


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(fragment: str) -> Elements:
    elements = Elements()
    elements.feed(fragment)
    return elements


def test_hostile_text_stays_text_in_html() -> None:
    found = hostile_run()
    cells = "".join(pytest_html.row_cells(HOSTILE, HOSTILE, HOSTILE))
    for fragment in (pytest_html.summary_html(found, load()), f"<table><tr>{cells}</table>"):
        elements = parsed(fragment)
        assert not {"script", "img", "iframe", "link"} & set(elements.tags)
        assert not [name for name, _ in elements.attributes if name.startswith("on")]
        assert "<script>alert(1)</script>" in elements.text
        assert "{{7*7}}" in elements.text


def test_hostile_text_stays_text_in_xml(tmp_path: Path) -> None:
    junit.write(hostile_run(), tmp_path / "junit.xml")
    root = document_at(tmp_path / "junit.xml")
    assert {element.tag for element in root.iter()} <= {"testsuites", "testsuite", "testcase", "failure", "skipped"}
    assert "<script>alert(1)</script>" in message(root, ".//failure")


def test_html_asks_for_nothing_outside_the_file() -> None:
    elements = parsed(pytest_html.summary_html(build.deviating(), load()))
    assert [value for name, value in elements.attributes if name == "src"] == []
    assert "url(" not in pytest_html.style()
    assert "@import" not in pytest_html.style()


def test_html_shows_verdict_and_causes() -> None:
    text = " ".join(parsed(pytest_html.summary_html(build.deviating(), load())).text.split())
    for part in ("deviations", "3 cells planned", "creation.full.fills", "expected 0", "torch 2.13.0"):
        assert part in text


@pytest.mark.parametrize("found", [build.conformant(), build.deviating(), build.deviating()[:3]])
def test_every_verdict_renders(found: list[records.Record]) -> None:
    verdict = judge(found)
    assert verdict.word in pytest_html.summary_html(found, load())
    assert verdict.sentence in summary.plain(verdict, build.run())


def test_summary_fits_a_screen() -> None:
    found = build.deviating()
    verdict = judge(found)
    lines = summary.plain(verdict, build.run()).splitlines()
    assert len(lines) <= 20
    assert any("reproduced 3/3" in line for line in lines)
    assert summary.render(verdict, build.run()).title == "deviations"
