"""Tells people: result records, verdict, JUnit XML, HTML and terminal summaries.

Records and the verdict are here; the writers are modules, for each brings what it draws with: `junit`, `summary`
(rich), `page` (jinja2, matplotlib) and `html` (for pytest-html).
"""

from torch_conformance.reports.outcome.verdict import (
    CONFORMANT,
    DEVIATIONS,
    INCOMPLETE,
    SUITE_FAILED,
    Cause,
    Verdict,
    judge,
)
from torch_conformance.reports.records.model import Record, RecordError, Writer
from torch_conformance.reports.records.reading import Recorded, read

__all__ = [
    "CONFORMANT",
    "DEVIATIONS",
    "INCOMPLETE",
    "SUITE_FAILED",
    "Cause",
    "Record",
    "RecordError",
    "Recorded",
    "Verdict",
    "Writer",
    "judge",
    "read",
]
