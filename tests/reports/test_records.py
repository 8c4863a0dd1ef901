"""Records survive the disk; what is no record is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import record_builders as build
from torch_conformance.reports import records


def written(path: Path, found: list[records.Record]) -> Path:
    with records.Writer(path) as writer:
        for record in found:
            writer.write(record)
    return path


def test_round_trip(tmp_path: Path) -> None:
    found = [*build.deviating()[:-1], build.event("drift"), build.end()]
    assert records.read(written(tmp_path / "results.jsonl", found)) == (found, False)


def test_each_record_is_on_the_disk_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    writer = records.Writer(path)
    writer.write(build.run())
    assert records.read(path).records == [build.run()]
    writer.close()


def test_a_line_cut_off_at_the_end_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    path.write_bytes(path.read_bytes()[:-20])
    found, truncated = records.read(path)
    assert truncated
    assert found == build.conformant()[:-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"seed":0', b'"seed":"x"', ":1: is not a record of this suite"),
        (b'"seed":0', b'"seed":0,"extra":1', ":1: is not a record of this suite"),
        (b'"schema":1', b'"schema":9', ":1: has schema 9, this suite reads 1"),
        (b'"verdict":"pass"', b'"verdict":"fine"', ":3: is not a record of this suite"),
        (b'"type":"end"', b'"type":"fin"', "is not a record of this suite"),
        (b'{"type":"plan"', b'\xff\xfe{"type":"plan"', ":2: is not a record of this suite"),
    ],
)
def test_refuses(tmp_path: Path, old: bytes, new: bytes, message: str) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(records.RecordError) as caught:
        records.read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_lines_and_files_beyond_any_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    monkeypatch.setattr(records, "MAXIMUM_LINE_BYTES", 100)
    with pytest.raises(records.RecordError, match="is longer than 100 bytes"):
        records.read(path)
    monkeypatch.setattr(records, "MAXIMUM_FILE_BYTES", 50)
    with pytest.raises(records.RecordError, match="is larger than 50 bytes"):
        records.read(path)


def test_deeply_nested_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n")
    with pytest.raises(records.RecordError):
        records.read(path)


def test_missing_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(records.RecordError, match="cannot be read: No such file"):
        records.read(tmp_path / "none.jsonl")
    with pytest.raises(records.RecordError, match="cannot be written: No such file"):
        records.Writer(tmp_path / "none" / "results.jsonl")
    with pytest.raises(records.RecordError, match="cannot be written: No space left"):
        _fill(Path("/dev/full"))


def _fill(path: Path) -> None:
    writer = records.Writer(path)
    writer.write(build.run())
