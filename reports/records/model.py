"""The records that a run appends to results.jsonl, and the reader that trusts none of them.

One JSON object per line, with its type in the field "type". The first record is the run, the last closes it; a
file without the last one is an incomplete run.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import msgspec

SCHEMA = 2
MAXIMUM_FILE_BYTES = 2 * 1024**3
MAXIMUM_LINE_BYTES = 32 * 1024**2
MAXIMUM_RECORDS = 5_000_000

Execution = Literal["completed", "crashed", "timed-out", "device-lost", "not-run"]
Judgement = Literal["pass", "fail", "unsupported", "inapplicable", "vacuous", "none"]
Disposition = Literal["as-required", "waived", "waiver-stale", "unexpected"]
EventKind = Literal[
    "worker-crash",
    "time-out",
    "device-lost",
    "out-of-memory",
    "disk-full",
    "missing-shard",
    "disagreement",
    "internal-error",
    "interrupted",
    "resumed",
    "drift",
    "note",
]


class RecordError(Exception):
    """A results file cannot be written, or cannot be trusted; one sentence."""


class NotWrittenError(RecordError):
    """The disk did not take a record; the file is as it was before it."""


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Device(_Part, frozen=True, kw_only=True):
    """A device that was judged."""

    name: str
    kind: str
    unit: int
    model: str
    driver: str
    memory_bytes: int


class Torch(_Part, frozen=True, kw_only=True):
    """The torch that was judged; `config` is torch.__config__.show()."""

    version: str
    git: str
    config: str
    path: str
    cuda: str


class Run(_Record, frozen=True, kw_only=True, tag="run"):
    """What was run, where; `manifest` is the hash of the specification."""

    schema: int = SCHEMA
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


class PlannedCell(_Part, frozen=True, kw_only=True):
    """Names a cell."""

    clause: str
    device: str
    dtype: str


class Inapplicable(_Part, frozen=True, kw_only=True):
    """A cell that does not apply, with the fact that says so."""

    clause: str
    device: str
    dtype: str
    reason: str


class Plan(_Record, frozen=True, kw_only=True, tag="plan"):
    """What is to be run."""

    cells: list[PlannedCell]
    inapplicable: list[Inapplicable]


class WorstError(_Part, frozen=True, kw_only=True):
    """The largest accepted distance met for an operation, in ULP (None: not finite), with its bound and input."""

    operation: str
    ulp: float | None
    bound: float
    input: str


class Cell(_Record, frozen=True, kw_only=True, tag="cell"):
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


class Input(_Part, frozen=True, kw_only=True):
    """An input of a failing case: values as text, layout in elements, storage as hexadecimal bits."""

    name: str
    text: str
    dtype: str
    size: list[int]
    stride: list[int]
    offset: int
    bits: str


class Failure(_Record, frozen=True, kw_only=True, tag="failure"):
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


class Series(_Part, frozen=True, kw_only=True):
    """One curve of a picture, or its data points; `y` is None where the value was not finite."""

    name: str
    role: Literal["observed", "expected", "data"]
    x: list[float]
    y: list[float | None]


class Picture(_Record, frozen=True, kw_only=True, tag="picture"):
    """What a cell measured along an axis, such as the losses of a training, beside what the reference says."""

    clause: str
    device: str
    dtype: str
    title: str
    x_label: str
    y_label: str
    logarithmic: bool
    series: list[Series]


class Surface(_Record, frozen=True, kw_only=True, tag="surface"):
    """The public callables of the torch that was judged, by full name, such as torch.add or torch.Tensor.add_."""

    names: list[str]


class Event(_Record, frozen=True, kw_only=True, tag="event"):
    """Something that happened beside the cells."""

    kind: EventKind
    message: str
    cell: PlannedCell | None
    time: str


class End(_Record, frozen=True, kw_only=True, tag="end"):
    """Closes a run; `digest` is the SHA-256 of the file up to and with this record, whose digest counts as empty."""

    digest: str
    finished: str
    seconds: float
    cpu_seconds: float
    cells: int
    failures: int
    comparisons: int


Record = Run | Plan | Cell | Failure | Picture | Surface | Event | End

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)


class Writer(contextlib.AbstractContextManager["Writer"]):
    """Appends records to a file, each on its way to the disk as it comes: a killed run loses nothing that finished."""

    def __init__(self, path: Path, keep: int = 0) -> None:
        """Create or empty the file, or go on after its first `keep` bytes.

        Raises:
            RecordError: When it cannot be written.
        """
        self._path = path
        self._hash = hashlib.sha256()
        self._length = 0
        try:
            # Without a buffer of our own nothing is left to be written when the disk is full and the file is closed.
            self._file = path.open("r+b" if keep else "wb", buffering=0)
            while self._length < keep and (part := self._file.read(min(keep - self._length, 1 << 20))):
                self._hash.update(part)
                self._length += len(part)
            if keep:
                self._file.truncate()
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> NotWrittenError:
        return NotWrittenError(f"{self._path}: cannot be written: {error.strerror or error}")

    def write(self, record: Record) -> None:
        """Append a record; what UTF-8 or JSON cannot hold (lone surrogates, NaN, infinities) becomes U+FFFD or null.

        Raises:
            NotWrittenError: When the line cannot be written, as on a full disk; it can be tried again.
            RecordError: When `read` would refuse it.
        """
        if isinstance(record, End):
            record = seal(record, self._hash)
        line = encoded(record)
        try:
            decoded(line)
        except msgspec.MsgspecError as error:
            raise RecordError(f"{self._path}: cannot hold this record: {described(error)}") from None
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # what is no file cannot be shortened
                self._file.seek(self._length)
                self._file.truncate()
            raise self._refused(error) from None
        self._hash.update(line)
        self._length += len(line)

    def close(self) -> None:
        """Put everything on the disk and close the file; a second time does nothing.

        Raises:
            RecordError: When the disk does not take it.
        """
        if self._file.closed:
            return
        try:
            with self._file:
                os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno != errno.EINVAL:  # a pipe or a terminal has no disk to wait for
                raise self._refused(error) from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def seal(end: End, before: hashlib._Hash) -> End:
    """Return a closing record with the digest that it has after what `before` has taken in."""
    whole = before.copy()
    whole.update(encoded(msgspec.structs.replace(end, digest="")))
    return msgspec.structs.replace(end, digest=whole.hexdigest())


def encoded(record: Record) -> bytes:
    """Return a record's line, with its end."""
    try:
        return _ENCODER.encode(record) + b"\n"
    except UnicodeEncodeError:
        return _ENCODER.encode(_encodable(msgspec.to_builtins(record))) + b"\n"


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    return value


def decoded(line: bytes) -> Record:
    """Return the record of a line.

    Raises:
        msgspec.MsgspecError: For a line that is none.
    """
    if len(line) > MAXIMUM_LINE_BYTES:
        raise msgspec.ValidationError(f"the line is longer than {MAXIMUM_LINE_BYTES} bytes")
    try:
        record: Record = _DECODER.decode(line)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from None
    return record


def described(error: Exception) -> str:
    """Return the text of an error as a piece of one sentence: field names in it come from the file."""
    text = "".join(each if each.isprintable() else "\ufffd" for each in str(error))
    return text if len(text) <= 200 else f"{text[:200]}..."
