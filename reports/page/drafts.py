"""Texts that a reader takes along from a failure: an issue for PyTorch, and a waiver for the next run."""

from __future__ import annotations

import re

from packaging.version import InvalidVersion

from torch_conformance.reports.page.limits import BLOCK, DRAFT_LINE
from torch_conformance.reports.records.model import Failure, Run
from torch_conformance.reports.text import cut, one_line, visible
from torch_conformance.spec import Specification
from torch_conformance.spec.model import release
from torch_conformance.spec.waivers import MODES

# GitHub takes 65,536 characters; the rest of an issue needs some of them.
LONGEST_IN_AN_ISSUE = 50_000
_LONGEST_WITNESS = 8000
_HEAD = """\
# A draft: say in your own words why, link the issue, and shorten the witness.
[[waiver]]
"""
_MODE = re.compile(r": (\w+) of ")


def fenced(text: str, language: str = "") -> str:
    """Return text as a Markdown block that nothing in it can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def issue(failure: Failure, run: Run | None, specification: Specification) -> str:
    """Return the text of an issue, in Markdown; nothing of the records stands in it outside a block of code."""
    clause = specification.clauses.get(failure.clause)
    parts = [fenced(visible(cut(failure.diagnosis, BLOCK)))]
    if clause is not None:
        parts.append(f"Documented ([{clause.source}]({clause.url})): {clause.statement}")
    for name, text in (("Expected", failure.expected), ("Observed", failure.observed)):
        if text:
            parts += [f"{name}:", fenced(visible(cut(text, BLOCK)))]
    if len(failure.script) > LONGEST_IN_AN_ISSUE:
        parts.append(f"The script of {len(failure.script)} characters is attached as a file.")
    elif failure.script:
        parts.append(f"This script needs torch and NumPy only ({_reproduced(failure)}):")
        parts.append(fenced(visible(failure.script), "python"))
    return "\n\n".join([*parts, "Versions:", fenced(_versions(failure, run))]) + "\n"


def _reproduced(failure: Failure) -> str:
    digits = re.fullmatch(r"(\d+)/(\d+)", failure.reproduced)
    return f"reproduced in {digits[1]} of {digits[2]} fresh processes" if digits else "not run on its own yet"


def _versions(failure: Failure, run: Run | None) -> str:
    found = [f"clause {failure.clause} of torch-conformance, on {failure.device}, {failure.dtype}"]
    if run is not None:
        found += [
            f"torch {run.torch.version} ({run.torch.git})",
            f"CUDA {run.torch.cuda}" if run.torch.cuda else "",
            f"Python {run.python}, NumPy {run.numpy}",
            f"{run.platform}, {run.cpu_model}, {run.cpu_capability}",
            *(f"{each.name}: {each.model} {each.driver}" for each in run.devices if each.kind != "cpu"),
            f"torch-conformance {run.suite}, specification {run.manifest}",
        ]
    return "\n".join(one_line(line, DRAFT_LINE) for line in found if line)


def mode(failure: Failure) -> str:
    """Return in what an answer deviates, a mode of a waiver; "exception" where the property ended with one."""
    found = _MODE.search(failure.signature)
    return found.group(1) if found and found.group(1) in MODES else "exception"


def _string(text: str) -> str:
    """Return a TOML basic string."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")


def waiver(failure: Failure, run: Run | None) -> str:
    """Return a [[waiver]] table whose witness is the failure's script: it raises where torch deviates.

    Without a script that is short enough the witness passes, so that the waiver is stale until somebody writes one.
    """
    try:
        version = f"=={release(run.torch.version)}" if run is not None else ">=0"
    except InvalidVersion:
        version = ">=0"
    rows = [
        ("clause", _string(failure.clause)),
        ("torch", _string(version)),
        ("device", _string(failure.device)),
        *([("dtypes", f"[{_string(failure.dtype)}]")] if failure.dtype != "-" else []),
        ("mode", _string(mode(failure))),
        *([("ulp", f"{failure.ulp * 1.01 + 0.01:.4g}")] if failure.ulp is not None and failure.ulp > 0 else []),
        ("why", _string(one_line(failure.diagnosis, DRAFT_LINE))),
        ("judgement", _string("torch")),
        ("issue", _string("none known")),
        ("witness", _witness(failure.script)),
    ]
    return _HEAD + "".join(f"{key} = {value}\n" for key, value in rows)


def _witness(script: str) -> str:
    if not 0 < len(script) <= _LONGEST_WITNESS:
        script = "pass  # a few lines here that raise where torch deviates\n"
    body = visible(script).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""\n{body}"""'
