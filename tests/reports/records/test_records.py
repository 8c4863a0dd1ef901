"""Records survive the disk; what is no record is refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import record_builders as build

from torch_conformance.reports.records import model as records
from torch_conformance.reports.records import reading


def written(path: Path, found: list[records.Record]) -> Path:
    with records.Writer(path) as writer:
        for record in found:
            writer.write(record)
    return path


def unsealed(found: reading.Recorded) -> reading.Recorded:
    """Return records without the digest that a closing one gets when it is written."""
    plain = [msgspec.structs.replace(each, digest="") if isinstance(each, records.End) else each for each in found[0]]
    return reading.Recorded(plain, found.truncated)


def test_round_trip(tmp_path: Path) -> None:
    found = [*build.deviating()[:-1], build.event("drift"), build.end()]
    assert unsealed(reading.read(written(tmp_path / "results.jsonl", found))) == (found, False)


def test_each_record_is_on_the_disk_when_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    writer = records.Writer(path)
    writer.write(build.run())
    assert reading.read(path).records == [build.run()]
    writer.close()


def test_a_line_cut_off_at_the_end_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    path.write_bytes(path.read_bytes()[:-20])
    found, truncated = reading.read(path)
    assert truncated
    assert found == build.conformant()[:-1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"seed":0', b'"seed":"x"', ":1: is not a record of this suite"),
        (b'"seed":0', b'"seed":0,"extra":1', ":1: is not a record of this suite"),
        (b'"schema":2', b'"schema":9', ":1: has schema 9, this suite reads 2"),
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
        reading.read(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_refuses_lines_and_files_beyond_any_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    for module in (records, reading):
        monkeypatch.setattr(module, "MAXIMUM_LINE_BYTES", 100)
    with pytest.raises(records.RecordError, match="is longer than 100 bytes"):
        reading.read(path)
    monkeypatch.setattr(reading, "MAXIMUM_FILE_BYTES", 50)
    with pytest.raises(records.RecordError, match="is larger than 50 bytes"):
        reading.read(path)


def test_deeply_nested_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n")
    with pytest.raises(records.RecordError):
        reading.read(path)


def test_missing_and_unwritable(tmp_path: Path) -> None:
    with pytest.raises(records.RecordError, match="cannot be read: No such file"):
        reading.read(tmp_path / "none.jsonl")
    with pytest.raises(records.RecordError, match="cannot be written: No such file"):
        records.Writer(tmp_path / "none" / "results.jsonl")
    with pytest.raises(records.RecordError, match="cannot be written: No space left"):
        _fill(Path("/dev/full"))


def _fill(path: Path) -> None:
    writer = records.Writer(path)
    writer.write(build.run())


@pytest.mark.parametrize(
    "last",
    [
        build.plan(inapplicable=(("a.b.c", "meta", "-"),)),
        build.cell(build.KEYS[0], reason='é, \U0001f600, "quoted", \x01', seconds=1.5e-7),
        build.failure(build.KEYS[0], first_index=None, ulp=None),
        build.event("note"),
        build.end(),
    ],
)
def test_every_cut_of_the_last_line_is_a_cut(tmp_path: Path, last: records.Record) -> None:
    whole = written(tmp_path / "whole.jsonl", [build.run(), last]).read_bytes()
    path = tmp_path / "results.jsonl"
    for length in range(whole.index(b"\n") + 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert reading.read(path) == ([build.run()], True)
    path.write_bytes(whole[:-1])
    assert unsealed(reading.read(path)) == ([build.run(), last], False)


@pytest.mark.parametrize("tail", [b"garbage", b"{", b'{"type":"cell"}', b'{"type":"zzz', b'{"typ', b"\xff", b"[[[["])
def test_only_the_beginning_of_a_record_counts_as_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    path.write_bytes(path.read_bytes() + tail)
    if b'{"type":"zzz'.startswith(tail):
        assert reading.read(path).truncated
    else:
        with pytest.raises(records.RecordError, match=r":7: is not a record of this suite"):
            reading.read(path)


def test_a_cut_in_the_middle_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], lines[2][:-20], b"\n", *lines[3:]]))
    with pytest.raises(records.RecordError, match=r":3: is not a record of this suite"):
        reading.read(path)


def test_a_newer_schema_is_named_before_its_new_fields(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    path.write_bytes(path.read_bytes().replace(b'"schema":2', b'"schema":3,"new":{}'))
    with pytest.raises(records.RecordError, match="has schema 3, this suite reads 2"):
        reading.read(path)


def test_a_file_begins_with_its_run(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant()[1:])
    with pytest.raises(records.RecordError, match=r":1: is not the record of a run|:1: is not a record"):
        reading.read(path)
    path.write_bytes(b"")
    with pytest.raises(records.RecordError, match="is empty"):
        reading.read(path)


def test_what_json_cannot_hold_is_written_all_the_same(tmp_path: Path) -> None:
    worst = records.WorstError(operation="exp", ulp=float("inf"), bound=2.0, input="nan")
    cell = build.cell(build.KEYS[0], reason="a lone \ud800, a pair \U0001f600", worst=[worst])
    path = written(tmp_path / "results.jsonl", [build.run(), cell, build.failure(build.KEYS[0], ulp=float("nan"))])
    _, found, failure = reading.read(path).records
    assert isinstance(found, records.Cell)
    assert isinstance(failure, records.Failure)
    assert (found.reason, found.worst[0].ulp, failure.ulp) == ("a lone \ufffd, a pair \U0001f600", None, None)


def test_what_the_reader_would_refuse_is_not_written(tmp_path: Path) -> None:
    with records.Writer(tmp_path / "results.jsonl") as writer:
        writer.write(build.run())
        with pytest.raises(records.RecordError, match="cannot hold this record"):
            writer.write(build.cell(build.KEYS[0], "splendid"))
        writer.write(build.end())
    assert unsealed(reading.read(tmp_path / "results.jsonl")) == ([build.run(), build.end()], False)


def test_messages_are_one_printable_sentence(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    path.write_bytes(path.read_bytes() + b'{"type":"end","\\u001b[31m\\n\\u202e' + b"x" * 100_000 + b'":1}\n')
    with pytest.raises(records.RecordError) as caught:
        reading.read(path)
    assert str(caught.value).removeprefix(str(path)).isprintable()
    assert len(str(caught.value)) < len(str(path)) + 300


def test_a_file_without_end_is_refused_at_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (records, reading):
        monkeypatch.setattr(module, "MAXIMUM_LINE_BYTES", 1024)
    with pytest.raises(records.RecordError, match="is longer than 1024 bytes"):
        reading.read(Path("/dev/zero"))


def test_too_many_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "results.jsonl", build.conformant())
    monkeypatch.setattr(reading, "MAXIMUM_RECORDS", 3)
    with pytest.raises(records.RecordError, match="has more than 3 records"):
        reading.read(path)


def test_a_full_disk_is_told_once_and_the_file_closes() -> None:
    writer = records.Writer(Path("/dev/full"))
    with pytest.raises(records.RecordError, match="No space left"):
        writer.write(build.run())
    writer.close()
    writer.close()


def test_records_are_frozen() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(build.run(), *("seed", 1))
