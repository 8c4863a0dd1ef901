"""What is installed and whether it fits together: facts once, then one function per check.

Torch is never imported here: a torch that crashes on import is what the doctor is asked about.
"""

from __future__ import annotations

import dataclasses
import importlib.machinery
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from torch_conformance.conformance.doctor.probe import MARK

Level = Literal["ok", "note", "problem"]
_SECONDS = 120


@dataclasses.dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        check: Its name.
        level: ok, note (nothing to do for a verdict), or problem.
        sentence: What is so.
        way_out: What to do; empty where there is nothing to do.
    """

    check: str
    level: Level
    sentence: str
    way_out: str = ""


@dataclasses.dataclass(frozen=True)
class Situation:
    """What the checks look at.

    Attributes:
        found: Where Python finds torch; None for nowhere.
        facts: What the probe wrote before it ended.
        status: The probe's exit status, as subprocess has it; None where it was ended for taking too long.
        errors: The end of what the probe wrote on standard error.
        environment: The environment variables.
        search: Where Python looks for modules, in this order.
        folder: The working folder.
        out: Where a run would write.
    """

    found: str | None
    facts: dict[str, Any]
    status: int | None
    errors: str
    environment: dict[str, str]
    search: tuple[str, ...]
    folder: Path
    out: Path

    @property
    def is_torch(self) -> bool:
        """Whether what was imported is torch, and answers."""
        return "version" in self.facts


Check = Callable[[Situation], Iterable[Finding]]


def observe(out: Path) -> Situation:
    """Look around, and import torch in a process of its own."""
    spec = importlib.machinery.PathFinder.find_spec("torch")
    found = None
    if spec is not None:
        found = spec.origin or next(iter(spec.submodule_search_locations or ()), None)
    facts: dict[str, Any] = {}
    status: int | None = 0
    errors = ""
    if found is not None:
        status, said, errors = _probe()
        for line in said.splitlines():
            if line.startswith(MARK):
                name, value = json.loads(line.removeprefix(MARK))
                facts[name] = value
    return Situation(found, facts, status, errors, dict(os.environ), tuple(sys.path), Path.cwd(), out)


def _probe() -> tuple[int | None, str, str]:
    script = Path(__file__).with_name("probe.py")
    command = [sys.executable, "-X", "faulthandler", str(script), json.dumps(sys.path)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        return None, _text(late.stdout), _text(late.stderr)
    return done.returncode, done.stdout, done.stderr[-4000:]


def _text(output: bytes | str | None) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""


def how_it_ended(situation: Situation) -> str:
    """Return how the probe died, in words, or an empty string."""
    stage = situation.facts.get("stage", "the start of Python")
    if situation.status is None:
        return f"it hung for {_SECONDS} s at: {stage}"
    if situation.status < 0:
        try:
            name = signal.Signals(-situation.status).name
        except ValueError:
            name = f"signal {-situation.status}"
        return f"the process was killed by {name} at: {stage}"
    if situation.status and stage != "end":
        return f"the process ended with exit code {situation.status} at: {stage}"
    return ""


def checks() -> tuple[Check, ...]:
    """Return every check, in the order in which they are told."""
    from torch_conformance.conformance.doctor import install, machine  # noqa: PLC0415

    return (*install.CHECKS, *machine.CHECKS)


def findings(situation: Situation) -> Iterator[Finding]:
    """Yield what the checks find; one that fails itself is a note, for a doctor does not fall ill."""
    for check in checks():
        try:
            yield from check(situation)
        except Exception as error:  # noqa: BLE001
            name = getattr(check, "__name__", "check").replace("_", "-")
            sentence = f"could not be looked at: {type(error).__name__}: {error}"
            yield Finding(name, "note", sentence, "report this as an error of torch-conformance")
