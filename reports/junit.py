"""JUnit XML from records: a suite per chapter, a case per cell."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from torch_conformance.reports.records import Cell, Failure, Plan, Record

# Characters that XML 1.0 has no way to hold.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Key = tuple[str, str, str]


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _case(suite: ET.Element, key: Key, seconds: float = 0.0) -> ET.Element:
    clause, device, dtype = key
    name = f"{clause}[{device}]" if dtype == "-" else f"{clause}[{device}-{dtype}]"
    attributes = {"classname": clause.rpartition(".")[0], "name": name, "time": f"{seconds:.6f}"}
    return ET.SubElement(suite, "testcase", {key: _clean(value) for key, value in attributes.items()})


def _note(case: ET.Element, tag: str, message: str, body: str = "") -> None:
    note = ET.SubElement(case, tag, {"message": _clean(message)})
    note.text = _clean(body)


def _judged(suite: ET.Element, cell: Cell, failure: Failure | None) -> None:
    case = _case(suite, (cell.clause, cell.device, cell.dtype), cell.seconds)
    if cell.execution != "completed":
        _note(case, "error", f"{cell.execution}: {cell.reason}")
    elif cell.verdict == "fail":
        body = f"reproduced {failure.reproduced}\n{failure.script}" if failure else ""
        _note(case, "failure", failure.diagnosis if failure else cell.reason, body)
    elif cell.verdict == "vacuous":
        _note(case, "error", f"vacuous: {cell.reason}")
    elif cell.verdict != "pass":
        _note(case, "skipped", f"{cell.verdict}: {cell.reason}")


def tree(records: Iterable[Record]) -> ET.ElementTree[ET.Element]:
    """Return the document: planned cells that were not run are errors, never skipped."""
    found = list(records)
    failures = {(f.clause, f.device, f.dtype): f for f in found if isinstance(f, Failure)}
    cells = {(c.clause, c.device, c.dtype): c for c in found if isinstance(c, Cell)}
    root = ET.Element("testsuites", {"name": "torch-conformance"})
    suites: dict[str, ET.Element] = {}

    def suite_of(clause: str) -> ET.Element:
        chapter = clause.partition(".")[0]
        if chapter not in suites:
            suites[chapter] = ET.SubElement(root, "testsuite", {"name": _clean(chapter)})
        return suites[chapter]

    for key, cell in cells.items():
        _judged(suite_of(cell.clause), cell, failures.get(key))
    for plan in (record for record in found if isinstance(record, Plan)):
        for planned in plan.cells:
            key = (planned.clause, planned.device, planned.dtype)
            if key not in cells:
                _note(_case(suite_of(planned.clause), key), "error", "not run")
        for each in plan.inapplicable:
            case = _case(suite_of(each.clause), (each.clause, each.device, each.dtype))
            _note(case, "skipped", f"inapplicable: {each.reason}")
    for suite in suites.values():
        suite.set("tests", str(len(suite)))
        for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    return ET.ElementTree(root)


def write(records: Iterable[Record], path: Path) -> None:
    """Write the document to a file as UTF-8."""
    document = tree(records)
    ET.indent(document)
    document.write(path, encoding="utf-8", xml_declaration=True)
