"""The reader of results files, which trusts none of their bytes."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec

from torch_conformance.reports.records.model import (
    MAXIMUM_FILE_BYTES,
    MAXIMUM_LINE_BYTES,
    MAXIMUM_RECORDS,
    SCHEMA,
    Record,
    RecordError,
    decoded,
    described,
)


class _Head(msgspec.Struct):
    """What the first line of a file of any schema has."""

    type: str
    schema: int


_HEAD_DECODER = msgspec.json.Decoder(_Head)


class Recorded(NamedTuple):
    """The records of a file, and whether its last line was cut off."""

    records: list[Record]
    truncated: bool


def read(path: Path) -> Recorded:
    """Return the records of a results file, which may be packed by gzip.

    Raises:
        RecordError: For a file that is missing, too large, of another schema, or not made of records; a last line
            that was cut off in writing is dropped and reported instead.
    """
    try:
        with opened(path) as file:
            return _read_lines(path, _lines(path, file))
    except UNREADABLE as error:
        raise RecordError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


# What opened files raise; the latter two where a packed file is damaged.
UNREADABLE = (OSError, EOFError, zlib.error)


def opened(path: Path) -> BinaryIO:
    """Open a results file to read it; one whose name ends in .gz is unpacked on the way.

    Raises:
        OSError: When it cannot be opened.
    """
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines, without ever holding more of a file than one line may be long."""
    number, seen = 0, 0
    while line := file.readline(MAXIMUM_LINE_BYTES + 1):
        number, seen = number + 1, seen + len(line)
        if number > MAXIMUM_RECORDS:
            raise RecordError(f"{path}: has more than {MAXIMUM_RECORDS} records; this is no results file")
        if seen > MAXIMUM_FILE_BYTES:
            raise RecordError(f"{path}: is larger than {MAXIMUM_FILE_BYTES} bytes; this is no results file")
        yield number, line


def _read_lines(path: Path, lines: Iterator[tuple[int, bytes]]) -> Recorded:
    found: list[Record] = []
    for number, line in lines:
        try:
            if number == 1:
                _check_head(path, line)
            found.append(decoded(line))
        except msgspec.MsgspecError as error:
            if number > 1 and _is_cut_off(line, error):
                return Recorded(found, truncated=True)
            raise RecordError(f"{path}:{number}: is not a record of this suite: {described(error)}") from None
    if not found:
        raise RecordError(f"{path}: is empty; a results file begins with the record of its run")
    return Recorded(found, truncated=False)


def _check_head(path: Path, line: bytes) -> None:
    """Refuse a file of another schema before its unknown fields are, and one that does not begin with its run."""
    if len(line) > MAXIMUM_LINE_BYTES:
        return
    try:
        head = _HEAD_DECODER.decode(line)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None
    if head.type != "run":
        raise RecordError(f"{path}:1: is not the record of a run, with which a results file begins")
    if head.schema != SCHEMA:
        raise RecordError(f"{path}:1: has schema {head.schema}, this suite reads {SCHEMA}; use the suite that wrote it")


def _is_cut_off(line: bytes, error: msgspec.MsgspecError) -> bool:
    """Whether a line stops short of its end as in a killed run, rather than being wrong."""
    begins = b'{"type":"'
    stopped = not line.endswith(b"\n") and not isinstance(error, msgspec.ValidationError)
    return stopped and line[: len(begins)] == begins[: len(line)]
