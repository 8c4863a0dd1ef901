"""Facts for the checks, gathered once.

Torch is never imported here: a torch that crashes on import is what the doctor is asked about.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from torch_conformance.conformance.doctor.model import PROBE_SECONDS, Situation
from torch_conformance.conformance.doctor.probe import MARK


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
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as late:
        return None, _text(late.stdout), _text(late.stderr)
    return done.returncode, done.stdout, done.stderr[-4000:]


def _text(output: bytes | str | None) -> str:
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else output or ""
