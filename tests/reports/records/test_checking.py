from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_builders import conformant, deviating, event

from torch_conformance.reports.outcome import merging
from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import checking, model


def _written(path: Path, found: Sequence[model.Record]) -> bytes:
    merging.write(found, path)
    return path.read_bytes()


def test_a_file_as_it_was_written_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    _written(path, deviating())
    sound = checking.check(path)
    assert sound.sealed
    assert judge(sound.records).word == "deviations"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_every_changed_byte_is_noticed(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "results.jsonl"
    whole = bytearray(_written(path, conformant()))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole)
    _expect_unsound(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_what_is_cut_off_is_never_sound(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "results.jsonl"
    whole = _written(path, conformant())
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    _expect_unsound(path)


def test_a_packed_file_is_sound_too(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl.gz"
    path.write_bytes(gzip.compress(_written(tmp_path / "results.jsonl", deviating())))
    assert checking.check(path) == checking.check(tmp_path / "results.jsonl")


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_every_changed_byte_of_packed_content_is_noticed(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "results.jsonl.gz"
    whole = bytearray(gzip.compress(_written(tmp_path / "results.jsonl", conformant()), mtime=0))
    # The ten bytes of the head say when and on what system it was packed.
    place = data.draw(st.integers(10, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    path.write_bytes(whole)
    _expect_unsound(path)


@pytest.mark.parametrize("length", [0, 1, 10, 100, -9, -1])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "results.jsonl.gz"
    path.write_bytes(gzip.compress(_written(tmp_path / "results.jsonl", conformant()))[:length])
    with pytest.raises(model.RecordError):
        checking.check(path)


def _expect_unsound(path: Path) -> None:
    """Expect a refusal, or a run that looks killed: the last line may be one that was being written."""
    try:
        sound = checking.check(path)
    except model.RecordError:
        return
    assert not sound.sealed
    assert judge(sound.records).word == "incomplete"


def test_records_out_of_order_twice_or_behind_the_end_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    lines = _written(path, conformant()).splitlines(keepends=True)
    swapped = [*lines[:2], lines[3], lines[2], *lines[4:]]
    twice = [*lines[:3], *lines[2:]]
    longer = [*lines, model.encoded(event("note"))]
    for changed, message in ((swapped, "was changed"), (twice, "was changed"), (longer, "goes on after")):
        path.write_bytes(b"".join(changed))
        if changed is longer:
            assert not _sealed(path)
            continue
        with pytest.raises(model.RecordError, match=message):
            checking.check(path)


def _sealed(path: Path) -> bool:
    """Return whether a file is sealed; a whole record behind the closing one is a matter of the verdict."""
    sound = checking.check(path)
    assert judge(sound.records).word == "suite-failed"
    return sound.sealed


def test_half_a_line_behind_the_end_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(_written(path, conformant()) + b'{"type":"eve')
    with pytest.raises(model.RecordError, match="goes on after the record that closes the run"):
        checking.check(path)
