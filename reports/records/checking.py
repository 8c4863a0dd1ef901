"""Whether a results file is what the run wrote: nothing cut off, changed, moved or added."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from torch_conformance.reports.records.model import End, Record, RecordError, encoded, seal
from torch_conformance.reports.records.reading import opened, read


class Sound(msgspec.Struct, frozen=True):
    """A file that holds what was written.

    Attributes:
        records: Its records.
        sealed: Whether it ends with a record that vouches for all of it; False where the run was killed or goes on.
    """

    records: list[Record]
    sealed: bool


def check(path: Path) -> Sound:
    """Return what a results file holds.

    A file without its closing record cannot be told from one of a run that was killed: it is returned unsealed, and
    its verdict is incomplete.

    Raises:
        RecordError: Saying in one sentence what was done to the file, and where.
    """
    found = read(path)
    before, number = hashlib.sha256(), 0
    closing: tuple[int, bytes, End] | None = None
    with opened(path) as file:
        for number, (record, line) in enumerate(zip(found.records, file, strict=False), 1):
            if isinstance(record, End):
                closing = (number, line, record)
                _check_seal(path, number, line, seal(msgspec.structs.replace(record, digest=""), before))
            before.update(line)
        rest = file.read(1)
    if closing is None or closing[0] != number:
        return Sound(found.records, sealed=False)
    if rest or found.truncated:
        raise RecordError(f"{path}:{number + 1}: goes on after the record that closes the run")
    return Sound(found.records, sealed=True)


def _check_seal(path: Path, number: int, line: bytes, sealed: End) -> None:
    """Refuse a closing record that is not the one that the bytes before it lead to."""
    if line != encoded(sealed):
        raise RecordError(
            f"{path}:{number}: the file was changed after it was written: its digest is not that of its content"
        )
