"""What a CI job shows of a run: Markdown for its page, and JSON for scripts that decide by it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from torch_conformance.reports.outcome.states import LETTERS
from torch_conformance.reports.outcome.verdict import Verdict, judge
from torch_conformance.reports.records.model import Record, Run
from torch_conformance.reports.text import one_line
from torch_conformance.reports.writers.changes import code
from torch_conformance.reports.writers.summary import environment_line
from torch_conformance.spec import Specification

_CAUSES = 20
_WIDTH = 300


def markdown(records: Iterable[Record], specification: Specification) -> str:
    """Return verdict, causes and chapters as Markdown; what comes from records stands in code spans."""
    found = list(records)
    verdict = judge(found, specification)
    run = next((each for each in found if isinstance(each, Run)), None)
    lines = [f"## torch conformance: {verdict.word}", "", code(one_line(verdict.sentence, 4 * _WIDTH))]
    if run is not None:
        settings = f"profile {run.profile}, seed {run.seed}, specification {run.manifest[:12]}"
        lines += ["", code(environment_line(run)), "", code(one_line(settings, _WIDTH))]
    if verdict.causes:
        lines += ["", "### Causes", ""]
        lines += [_cause(number, verdict) for number in range(min(len(verdict.causes), _CAUSES))]
        if len(verdict.causes) > _CAUSES:
            lines.append(f"\n{len(verdict.causes) - _CAUSES} causes more in the report.")
    lines += ["", "### Chapters", "", *_chapters(verdict), "", verdict.next_step, ""]
    return "\n".join(lines)


def _cause(number: int, verdict: Verdict) -> str:
    cause = verdict.causes[number]
    more = f" and {len(cause.clauses) - 1} more" if len(cause.clauses) > 1 else ""
    cells = "1 cell" if cause.cells == 1 else f"{cause.cells} cells"
    diagnosis = code(one_line(cause.first.diagnosis, _WIDTH))
    return f"{number + 1}. {code(one_line(cause.clauses[0], _WIDTH))}{more} ({cells}): {diagnosis}"


def _chapters(verdict: Verdict) -> list[str]:
    shown = [state for state in LETTERS if any(states.get(state) for states in verdict.chapters.values())]
    lines = [f"| chapter | {' | '.join(LETTERS[state][1] for state in shown)} |", "|---" * (1 + len(shown)) + "|"]
    for name, states in verdict.chapters.items():
        counts = " | ".join(str(states.get(state, "")) for state in shown)
        lines.append(f"| {code(one_line(name, _WIDTH).replace('|', ' '))} | {counts} |")
    return lines


def as_json(records: Iterable[Record], specification: Specification) -> str:
    """Return the verdict as JSON.

    Keys, which stay: verdict, exit_code, sentence, next_step, reasons, counts, chapters, causes (signature, level,
    clauses, cells, diagnosis, reproduced), not_run (lists of clause, device, dtype), and run (suite, manifest, profile,
    seed, started, torch, git, python, numpy, devices).
    """
    found = list(records)
    verdict = judge(found, specification)
    run = next((each for each in found if isinstance(each, Run)), None)
    causes = [
        {
            "signature": cause.signature,
            "level": cause.level,
            "clauses": list(cause.clauses),
            "cells": cause.cells,
            "diagnosis": cause.first.diagnosis,
            "reproduced": cause.first.reproduced,
        }
        for cause in verdict.causes
    ]
    content = {
        "verdict": verdict.word,
        "exit_code": verdict.exit_code,
        "sentence": verdict.sentence,
        "next_step": verdict.next_step,
        "reasons": list(verdict.reasons),
        "counts": dict(verdict.counts),
        "chapters": {name: dict(states) for name, states in verdict.chapters.items()},
        "causes": causes,
        "not_run": [list(key) for key in verdict.not_run],
        "run": _about(run),
    }
    return json.dumps(content, indent=2) + "\n"


def _about(run: Run | None) -> dict[str, object] | None:
    if run is None:
        return None
    names = ("suite", "manifest", "profile", "seed", "started", "python", "numpy")
    facts = {name: getattr(run, name) for name in names}
    devices = [{"name": device.name, "model": device.model} for device in run.devices]
    return {**facts, "torch": run.torch.version, "git": run.torch.git, "devices": devices}


def write(records: Iterable[Record], specification: Specification, folder: Path) -> None:
    """Write summary.md and verdict.json into a folder.

    Raises:
        OSError: When they cannot be written.
    """
    found = list(records)
    (folder / "summary.md").write_text(markdown(found, specification), encoding="utf-8")
    (folder / "verdict.json").write_text(as_json(found, specification), encoding="utf-8")
