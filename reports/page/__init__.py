"""The report as one HTML file that needs nothing else: verdict, matrix, clauses, failures, numerics, coverage.

What a reader needs first is in the page as it is, and stays readable without scripts and on paper. The cells behind it
are data in the page, from which its script draws what is asked for: a hundred thousand of them are a hundred thousand
letters, not elements. Every text of the records is shown as text: templates escape, the script writes text nodes only,
a content-security policy allows this script and this style sheet by their hashes and nothing from anywhere else.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup, escape

from torch_conformance.reports.outcome.states import LETTERS, worst
from torch_conformance.reports.outcome.verdict import Cause
from torch_conformance.reports.page import coverage, matrix, numerics, plots
from torch_conformance.reports.page.gathering import Gathered, Install, gather
from torch_conformance.reports.page.limits import BLOCK, LINE, SCRIPT
from torch_conformance.reports.page.matrix import shown
from torch_conformance.reports.records.model import Event
from torch_conformance.reports.text import visible
from torch_conformance.spec import LEVELS, Specification

__all__ = ["Install", "Notice", "render", "write"]

_TEMPLATES = Path(__file__).parent.with_name("templates")
_CAUSES = 10
_EVENTS = 50
_DISTANCES = 25
_ALL_DISTANCES = 5000
_SAID = {"deviations": "with deviations", "suite-failed": "in which the suite failed"}


class Notice(msgspec.Struct, frozen=True):
    """A list that stands under the verdict, such as what changed between two runs; its texts are shown as text."""

    title: str
    lines: Sequence[str]


def write(
    installs: Sequence[Install], specification: Specification, path: Path, notices: Sequence[Notice] = ()
) -> None:
    """Write the page of one run, or of several beside each other.

    Args:
        installs: The runs, in the order of their columns.
        specification: What was judged; clauses that it does not have are shown by their ids.
        path: The file.
        notices: What is to be said under the verdict.

    Raises:
        OSError: When the file cannot be written.
        ValueError: For no run at all.
    """
    path.write_text(render(installs, specification, notices), encoding="utf-8")


def render(installs: Sequence[Install], specification: Specification, notices: Sequence[Notice] = ()) -> str:
    """Return the page as text.

    Raises:
        ValueError: For no run at all.
    """
    found = gather(installs, specification)
    table = matrix.build(found, specification)
    distances = numerics.distances(found)
    axis, columns, _ = matrix.groups(table, found)
    causes = shared_causes(found)
    style, script = _file("page.css"), _file("page.js")
    events = [(install.label, event) for install in found for event in install.events]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704 - a file of this package, like the script
            script=Markup(script),  # noqa: S704
            installs=found,
            several_installs=len(found) > 1,
            word=worst_word(found),
            heading=_heading(found),
            causes=causes[:_CAUSES],
            causes_in_all=len(causes),
            notices=notices,
            truncated=[one.label for one, given in zip(found, installs, strict=True) if given.truncated],
            differing=differing(found),
            table=table,
            axis=axis,
            columns=columns,
            chapters=matrix.chapter_rows(table, found, specification),
            distances=distances[:_DISTANCES],
            distances_in_all=len(distances),
            bounds=numerics.bound_rows(specification),
            plots=plots.draw(found, distances),
            breadths=coverage.per_chapter(found, specification),
            sections=coverage.per_section(found, specification),
            namespaces=coverage.surface(found, specification),
            refusals=coverage.refusals(found),
            events=events[:_EVENTS],
            more_events=max(0, len(events) - _EVENTS),
            blocks=_blocks(table, found, specification, distances),
        )
    )


def _blocks(
    table: matrix.Matrix,
    found: Sequence[Gathered],
    specification: Specification,
    distances: Sequence[numerics.Distance],
) -> list[tuple[str, Markup]]:
    rows = [
        [
            each.label,
            each.dtype,
            each.device,
            each.install,
            each.ulp,
            each.bound,
            each.share,
            each.input,
            each.clause,
        ]
        for each in distances[:_ALL_DISTANCES]
    ]
    texts = [[shown(each) if isinstance(each, str) else each for each in row] for row in rows]
    return [
        ("data-matrix", embedded(matrix.summary(table, found, specification))),
        ("data-numerics", embedded(texts)),
        *(
            (f"data-{number}", embedded(chapter))
            for number, chapter in enumerate(matrix.details(table, found, specification))
        ),
    ]


def embedded(value: Any) -> Markup:
    """Return JSON that no text in it can end or turn into markup."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


def worst_word(found: Sequence[Gathered]) -> str:
    """Return the verdict of the worst install, suite-failed before deviations before incomplete."""
    order = ("suite-failed", "deviations", "incomplete", "conformant")
    return min((install.verdict.word for install in found), key=order.index)


def _heading(found: Sequence[Gathered]) -> str:
    words = Counter(install.verdict.word for install in found)
    if len(found) == 1:
        return found[0].verdict.word
    return f"{len(found)} runs: " + ", ".join(f"{count} {_SAID.get(word, word)}" for word, count in words.most_common())


def shared_causes(found: Sequence[Gathered]) -> list[tuple[Cause, list[str], int]]:
    """Return causes, each once, with the installs that show it and its cells in all of them; the worst first."""
    groups: dict[str, list[tuple[str, Cause]]] = {}
    for install in found:
        for cause in install.verdict.causes:
            groups.setdefault(cause.signature, []).append((install.label, cause))
    causes = [
        (group[0][1], [label for label, _ in group], sum(cause.cells for _, cause in group))
        for group in groups.values()
    ]
    ranks = {level: rank for rank, level in enumerate(LEVELS)}
    return sorted(causes, key=lambda each: (ranks.get(each[0].level, 0), -each[2]))


def differing(found: Sequence[Gathered]) -> list[str]:
    """Return in what installs were judged unequally, so that their columns say less than they seem to."""
    runs = [install.run for install in found if install.run is not None]
    facts = (
        ("specifications", {run.manifest for run in runs}),
        ("profiles", {run.profile for run in runs}),
        ("seeds", {run.seed for run in runs}),
        ("versions of the suite", {run.suite for run in runs}),
    )
    return [name for name, values in facts if len(values) > 1]


def facts(found: Sequence[Gathered]) -> list[tuple[str, list[str]]]:
    """Return the environment: a row per fact, a text per install."""
    rows: dict[str, dict[int, str]] = {}
    for index, install in enumerate(found):
        for name, text in _facts_of(install):
            rows.setdefault(name, {})[index] = text
    return [(name, [row.get(index, "") for index in range(len(found))]) for name, row in rows.items()]


def _facts_of(install: Gathered) -> list[tuple[str, str]]:
    run = install.run
    if run is None:
        return [("run", "has no record")]
    cuda = f", CUDA {run.torch.cuda}" if run.torch.cuda else ""
    found = [("torch", f"{run.torch.version} ({run.torch.git[:10]}{cuda})")]
    for device in run.devices[:64]:
        driver = f", driver {device.driver}" if device.driver else ""
        memory = f", {device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else ""
        found.append((f"device {device.name}", f"{device.model}{driver}{memory}"))
    found += [
        ("CPU", f"{run.cpu_model}, {run.cpu_capability}, {run.threads} threads"),
        ("platform", run.platform),
        ("Python", f"{run.python}, NumPy {run.numpy}, Hypothesis {run.hypothesis}"),
        ("profile", f"{run.profile}, seed {run.seed}"),
        ("specification", run.manifest),
        ("suite", run.suite),
        ("started", run.started),
        ("took", f"{install.seconds:.1f} s, {run.workers} workers" if install.seconds is not None else "not closed"),
        *((f"--{name}", text) for name, text in run.selection.items()),
        *run.environment.items(),
    ]
    return found


def events_by_kind(events: Sequence[tuple[str, Event]]) -> list[tuple[str, list[tuple[str, Event]]]]:
    """Return events grouped by kind."""
    kinds = dict.fromkeys(event.kind for _, event in events)
    return [(kind, [each for each in events if each[1].kind == kind]) for kind in kinds]


@functools.cache
def _file(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _policy(style: str, script: str) -> str:
    """Return the policy that allows this script and this style sheet, and loads nothing."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def coded(text: str) -> Markup:
    """Return text with what stands between backticks as code."""
    parts = shown(text).split("`")
    if len(parts) % 2 == 0:
        return escape(shown(text))
    return Markup().join(
        Markup("<code>{}</code>").format(each) if odd % 2 else escape(each) for odd, each in enumerate(parts)
    )


def _finalize(value: Any) -> Any:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {"cut": shown, "coded": coded, "worst": worst, "facts": facts, "by_kind": events_by_kind}
    environment.globals |= {"letters": LETTERS, "LINE": LINE, "BLOCK": BLOCK, "SCRIPT": SCRIPT}
    return environment
