"""Every check, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterator

from torch_conformance.conformance.doctor import install, machine
from torch_conformance.conformance.doctor.model import Check, Finding, Situation


def checks() -> tuple[Check, ...]:
    """Return every check, in the order in which they are told."""
    return (*install.CHECKS, *machine.CHECKS)


def findings(situation: Situation) -> Iterator[Finding]:
    """Yield what the checks find; a check that fails itself becomes a note, so that the others are still told."""
    for check in checks():
        try:
            yield from check(situation)
        except Exception as error:  # noqa: BLE001
            name = getattr(check, "__name__", "check").replace("_", "-")
            sentence = f"could not be looked at: {type(error).__name__}: {error}"
            yield Finding(name, "note", sentence, "report this as an error of torch-conformance")
