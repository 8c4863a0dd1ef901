"""What a page of pytest-html gets from us: the verdict above its table, columns in it, and a policy in its head.

Where the line is: pytest-html keeps what it is good at and people expect of `--html`, one row per test with its own
sorting, filters and captured output. It is written when somebody asks for it, with `--html=FILE` to pytest, or after
the `--` of `torch-conformance run`. The report of a run is `reports.page`: pytest-html has no place for clauses, grids
of cells or several runs (its hooks give a prefix and columns), keeps every row in the page, cannot be searched by
clause, and lets no policy into its head but afterwards, as here.

Every text is escaped by the template, and what a reader could not see in it is written out.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records.model import Record, Run
from torch_conformance.reports.text import cut, visible
from torch_conformance.spec import Specification

# What a text may take of the page; results.jsonl has all of it.
_LINE, _BLOCK = 400, 4000


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("torch_conformance.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters["cut"] = cut
    environment.globals |= {"LINE": _LINE, "BLOCK": _BLOCK}
    return environment


def summary_html(records: Iterable[Record], specification: Specification) -> str:
    """Return the verdict and its causes, for the `prefix` of pytest-html's results summary, with their style sheet."""
    found = list(records)
    return (
        _environment()
        .get_template("pytest_html.html.j2")
        .render(
            verdict=judge(found, specification),
            run=next((record for record in found if isinstance(record, Run)), None),
            style=style(),
        )
    )


def header_cells() -> list[str]:
    """Return the heads of the columns that pytest-html's table gets."""
    columns = (("clause", "Clause"), ("device", "Device"), ("dtype", "Dtype"))
    return [f'<th class="sortable" data-column-type="{key}">{name}</th>' for key, name in columns]


def row_cells(clause: str, device: str, dtype: str) -> list[str]:
    """Return a row's columns."""
    columns = (("clause", clause), ("device", device), ("dtype", dtype))
    return [_cell(key, text) for key, text in columns]


def nodeid_cell(nodeid: str) -> str:
    """Return the column of the test's id, which pytest-html 4.2.0 writes without escaping (its issue 1024)."""
    return _cell("testId", nodeid)


def _cell(column: str, text: str) -> str:
    # On one line: pytest-html finds the text to sort by with a pattern that stops at line ends.
    shown = visible(cut(" ".join(text.split()), _LINE))
    return str(Markup('<td class="col-{}">{}</td>').format(column, shown))


@functools.cache
def style() -> str:
    """Return the style sheet of the summary."""
    return Path(__file__).parent.with_name("templates").joinpath("pytest_html.css").read_text(encoding="utf-8")


def with_policy(document: str) -> str:
    """Return pytest-html's finished page with a content-security policy in its head.

    The policy allows the page's own script, by its hash, and inline styles: no other script or handler runs, even one
    that found a way into the page, and nothing is loaded from anywhere. A policy counts in the head only, for which
    pytest-html has no hook.

    Raises:
        ValueError: For a page that is not pytest-html's.
    """
    head, begin, end = document.find("<head>"), document.rfind("<script>"), document.rfind("</script>")
    if not 0 <= head < begin < end:
        raise ValueError("this is no page of pytest-html: it has no head with a script after it")
    script = document[begin + len("<script>") : end].replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; media-src data:; base-uri 'none'; form-action 'none'"
    )
    place = head + len("<head>")
    # The one handler of pytest-html's own page, on its reload button of a run that still goes on.
    rest = document[place:].replace(' onclick="location.reload()"', "")
    meta = Markup('\n    <meta http-equiv="Content-Security-Policy" content="{}"/>').format(policy)
    return f"{document[:place]}{meta}{rest}"
