"""What stands in a run's folder while it goes on, so that no earlier verdict stands beside its records."""

from __future__ import annotations

import json
from pathlib import Path

WORD = "running"
_SENTENCE = "running: the run in this folder has not ended; a run that was killed leaves this, too."
_NEXT = "Wait for it. If it was killed, torch-conformance run --resume goes on with it."
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>torch conformance: running</title>
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>torch conformance: running</h1>
<p>{sentence}</p>
<p>{next_step}</p>
</html>
"""


def write(folder: Path) -> None:
    """Put "running" in the place of every report of a folder.

    Raises:
        OSError: When the folder does not take it.
    """
    (folder / "junit.xml").unlink(missing_ok=True)
    verdict = {"verdict": WORD, "exit_code": None, "sentence": _SENTENCE, "next_step": _NEXT}
    _put(folder / "verdict.json", json.dumps(verdict, indent=2) + "\n")
    _put(folder / "summary.md", f"## torch conformance: {WORD}\n\n{_SENTENCE} {_NEXT}\n")
    _put(folder / "index.html", _PAGE.format(sentence=_SENTENCE, next_step=_NEXT))


def _put(path: Path, text: str) -> None:
    """Replace a file at once: whoever reads it meanwhile sees the old text or the new one."""
    new = path.with_name(f".{path.name}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
