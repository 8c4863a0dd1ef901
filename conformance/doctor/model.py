"""What a check looks at, and what it finds."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

Level = Literal["ok", "note", "problem"]
# After so long the probe is taken to hang.
PROBE_SECONDS = 120


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


def how_it_ended(situation: Situation) -> str:
    """Return how the probe died, in words, or an empty string."""
    stage = situation.facts.get("stage", "the start of Python")
    if situation.status is None:
        return f"it hung for {PROBE_SECONDS} s at: {stage}"
    if situation.status < 0:
        try:
            name = signal.Signals(-situation.status).name
        except ValueError:
            name = f"signal {-situation.status}"
        return f"the process was killed by {name} at: {stage}"
    if situation.status and stage != "end":
        return f"the process ended with exit code {situation.status} at: {stage}"
    return ""
