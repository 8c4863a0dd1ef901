"""JUnit XML from records: a suite per chapter, a case per cell, and a case for a run that is not what it should be."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from torch_conformance.reports.outcome.verdict import INCOMPLETE, SUITE_FAILED, Verdict, judge, key_of, state_of
from torch_conformance.reports.records.model import Cell, Failure, Inapplicable, Plan, PlannedCell, Record, Run

# Characters that XML 1.0 has no way to hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TRACEBACK = 4000


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


class _Document:
    """The tree while it grows: suites in the order in which their chapters come."""

    def __init__(self) -> None:
        self.root = ET.Element("testsuites", {"name": "torch-conformance"})
        self._suites: dict[str, ET.Element] = {}

    def _suite(self, name: str) -> ET.Element:
        if name not in self._suites:
            self._suites[name] = ET.SubElement(self.root, "testsuite", {"name": _clean(name)})
        return self._suites[name]

    def case(self, named: Cell | Inapplicable | PlannedCell, seconds: float = 0.0) -> ET.Element:
        where = named.device if named.dtype == "-" else f"{named.device}-{named.dtype}"
        chapter = named.clause.partition(".")[0]
        return self.add(chapter, named.clause.rpartition(".")[0], f"{named.clause}[{where}]", seconds)

    def add(self, suite: str, classname: str, name: str, seconds: float) -> ET.Element:
        attributes = {"classname": _clean(classname), "name": _clean(name), "time": f"{seconds:.6f}"}
        return ET.SubElement(self._suite(suite), "testcase", attributes)

    def close(self, run: Run | None) -> ET.ElementTree[ET.Element]:
        """Put the totals on suites and root."""
        for suite in self._suites.values():
            self._total(suite, suite.findall("testcase"))
            if run is not None:
                suite.set("timestamp", _clean(run.started))
        self._total(self.root, self.root.findall("testsuite/testcase"))
        return ET.ElementTree(self.root)

    @staticmethod
    def _total(element: ET.Element, cases: list[ET.Element]) -> None:
        element.set("tests", str(len(cases)))
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            element.set(name, str(sum(case.find(tag) is not None for case in cases)))
        element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.6f}")


def _note(case: ET.Element, tag: str, message: str, body: str = "") -> None:
    note = ET.SubElement(case, tag, {"message": _clean(message)})
    note.text = _clean(body)


def _judged(case: ET.Element, cell: Cell, failure: Failure | None) -> None:
    """Say what became of a cell; a waived deviation is skipped, a stale waiver fails."""
    state = state_of(cell)
    if state == "lost":
        _note(case, "error", f"{cell.execution}: {cell.reason}")
    elif state == "fail" and failure is not None:
        _note(case, "failure", failure.diagnosis, _body(failure))
    elif state == "fail":
        _note(case, "failure", f"{cell.verdict}, {cell.disposition}: {cell.reason}")
    elif state == "vacuous":
        _note(case, "error", f"vacuous: {cell.reason}")
    elif state != "pass":
        _note(case, "skipped", f"{state}: {cell.reason}")


def _body(failure: Failure) -> str:
    """Return the script, which stands alone; where there is none, where the property ended."""
    return f"reproduced {failure.reproduced}\n{failure.script or failure.traceback[-_TRACEBACK:]}"


def _run_case(document: _Document, verdict: Verdict) -> None:
    """Add a case for a run that is incomplete or failed, so that cells that are fine do not hide it."""
    if verdict.exit_code in (INCOMPLETE, SUITE_FAILED):
        case = document.add("run", "run", "verdict", 0.0)
        _note(case, "error", verdict.sentence, "\n".join(verdict.reasons))


def tree(records: Iterable[Record]) -> ET.ElementTree[ET.Element]:
    """Return the document: planned cells that were not run are errors, never skipped."""
    found = list(records)
    failures = {key_of(each): each for each in found if isinstance(each, Failure)}
    cells = {key_of(each): each for each in found if isinstance(each, Cell)}
    document = _Document()
    for key, cell in cells.items():
        _judged(document.case(cell, cell.seconds), cell, failures.get(key))
    for plan in (record for record in found if isinstance(record, Plan)):
        for planned in plan.cells:
            if key_of(planned) not in cells:
                _note(document.case(planned), "error", "not run")
        for each in plan.inapplicable:
            _note(document.case(each), "skipped", f"inapplicable: {each.reason}")
    _run_case(document, judge(found))
    return document.close(next((record for record in found if isinstance(record, Run)), None))


def write(records: Iterable[Record], path: Path) -> None:
    """Write the document to a file as UTF-8.

    Raises:
        OSError: When the file cannot be written.
    """
    document = tree(records)
    ET.indent(document)
    document.write(path, encoding="utf-8", xml_declaration=True)
