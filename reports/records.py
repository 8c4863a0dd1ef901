"""The records that a run appends to results.jsonl, and the reader that trusts none of them.

One JSON object per line, with its type in the field "type". The first record is the run, the last closes it; a
file without the last one is an incomplete run.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

import msgspec
from typing_extensions import Self

SCHEMA = 1
MAXIMUM_FILE_BYTES = 2 * 1024**3
MAXIMUM_LINE_BYTES = 32 * 1024**2
MAXIMUM_RECORDS = 5_000_000

Execution = Literal["completed", "crashed", "timed-out", "device-lost", "not-run"]
Judgement = Literal["pass", "fail", "unsupported", "inapplicable", "vacuous", "none"]
Disposition = Literal["as-required", "waived", "waiver-stale", "unexpected"]
EventKind = Literal["worker-crash", "time-out", "device-lost", "internal-error", "interrupted", "drift", "note"]


class RecordError(Exception):
    """A results file cannot be written, or cannot be trusted; one sentence."""


class _Record(msgspec.Struct, forbid_unknown_fields=True, tag_field="type"):
    pass


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Device(_Part):
    """A device that was judged."""

    name: str
    kind: str
    unit: int
    model: str
    driver: str
    memory_bytes: int


class Torch(_Part):
    """The torch that was judged; `config` is torch.__config__.show()."""

    version: str
    git: str
    config: str
    path: str
    cuda: str


class Run(_Record, tag="run"):
    """What was run, where; `manifest` is the hash of the specification."""

    schema: int
    suite: str
    manifest: str
    profile: str
    seed: int
    command: list[str]
    started: str
    torch: Torch
    python: str
    numpy: str
    hypothesis: str
    platform: str
    cpu_model: str
    cpu_capability: str
    threads: int
    devices: list[Device]
    environment: dict[str, str]
    selection: dict[str, str]
    workers: int


class PlannedCell(_Part):
    """Names a cell."""

    clause: str
    device: str
    dtype: str


class Inapplicable(_Part):
    """A cell that does not apply, with the fact that says so."""

    clause: str
    device: str
    dtype: str
    reason: str


class Plan(_Record, tag="plan"):
    """What is to be run."""

    cells: list[PlannedCell]
    inapplicable: list[Inapplicable]


class WorstError(_Part):
    """The largest accepted distance met for an operation, in ULP, with its bound and input."""

    operation: str
    ulp: float
    bound: float
    input: str


class Cell(_Record, tag="cell"):
    """What became of a cell: execution, verdict and disposition are three facts, never one."""

    clause: str
    device: str
    dtype: str
    test: str
    execution: Execution
    verdict: Judgement
    disposition: Disposition
    reason: str
    seconds: float
    examples: int
    comparisons: int
    fingerprint: str
    worker: str
    worst: list[WorstError]


class Input(_Part):
    """An input of a failing case: values as text, layout in elements, storage as hexadecimal bits."""

    name: str
    text: str
    dtype: str
    size: list[int]
    stride: list[int]
    offset: int
    bits: str


class Failure(_Record, tag="failure"):
    """What a deviation consists of."""

    clause: str
    device: str
    dtype: str
    test: str
    signature: str
    diagnosis: str
    inputs: list[Input]
    statement: str
    expected: str
    observed: str
    first_index: list[int] | None
    mismatches: int
    elements: int
    ulp: float | None
    script: str
    reproduced: str
    traceback: str


class Event(_Record, tag="event"):
    """Something that happened beside the cells."""

    kind: EventKind
    message: str
    cell: PlannedCell | None
    time: str


class End(_Record, tag="end"):
    """Closes a run."""

    finished: str
    seconds: float
    cpu_seconds: float
    cells: int
    failures: int
    comparisons: int


Record = Run | Plan | Cell | Failure | Event | End

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)


class Writer:
    """Appends records to a file, each flushed as it comes, so that a killed run loses nothing that finished."""

    def __init__(self, path: Path) -> None:
        """Create or empty the file.

        Raises:
            RecordError: When it cannot be written.
        """
        self._path = path
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise RecordError(f"{path}: cannot be written: {error.strerror}") from None

    def write(self, record: Record) -> None:
        """Append a record.

        Raises:
            RecordError: When the line cannot be written, as on a full disk.
        """
        try:
            self._file.write(_ENCODER.encode(record) + b"\n")
            self._file.flush()
        except OSError as error:
            raise RecordError(f"{self._path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Put everything on the disk and close the file."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise RecordError(f"{self._path}: cannot be written: {error.strerror}") from None
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


class Recorded(NamedTuple):
    """The records of a file, and whether its last line was cut off."""

    records: list[Record]
    truncated: bool


def read(path: Path) -> Recorded:
    """Return the records of a results file.

    Raises:
        RecordError: For a file that is missing, too large, of another schema, or not made of records; a last line
            that was cut off in writing is dropped and reported instead.
    """
    try:
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            raise RecordError(f"{path}: is larger than {MAXIMUM_FILE_BYTES} bytes; this is no results file")
        with path.open("rb") as file:
            return _read_lines(path, file.readlines())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None


def _read_lines(path: Path, lines: list[bytes]) -> Recorded:
    if len(lines) > MAXIMUM_RECORDS:
        raise RecordError(f"{path}: has more than {MAXIMUM_RECORDS} records; this is no results file")
    found: list[Record] = []
    for number, line in enumerate(lines, 1):
        if len(line) > MAXIMUM_LINE_BYTES:
            raise RecordError(f"{path}:{number}: is longer than {MAXIMUM_LINE_BYTES} bytes; this is no record")
        try:
            record = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if number == len(lines) and not line.endswith(b"\n") and found:
                return Recorded(found, truncated=True)
            raise RecordError(f"{path}:{number}: is not a record of this suite: {error}") from None
        if isinstance(record, Run) and record.schema != SCHEMA:
            raise RecordError(
                f"{path}:{number}: has schema {record.schema}, this suite reads {SCHEMA}; use the suite that wrote it"
            )
        found.append(record)
    return Recorded(found, truncated=False)
