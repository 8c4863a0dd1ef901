"""A run that goes on: what is kept, what is run again, and what the verdict makes of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import record_builders as build

from torch_conformance.reports import judge, read
from torch_conformance.reports.outcome.resuming import difference, unfinished
from torch_conformance.reports.records import model as records
from torch_conformance.reports.records.checking import check

FIRST, SECOND, THIRD = build.KEYS
RESUMED = build.event("resumed")
PICTURE = records.Picture(
    clause=FIRST[0], device="cpu", dtype="int64", title="t", x_label="x", y_label="y", logarithmic=False, series=[]
)


def lost(execution: str) -> list[records.Record]:
    kinds = {"crashed": "worker-crash", "timed-out": "time-out", "device-lost": "device-lost"}
    planned = records.PlannedCell(clause=FIRST[0], device=FIRST[1], dtype=FIRST[2])
    event = msgspec.structs.replace(build.event(kinds[execution], "it ended\n  frame"), cell=planned)  # type: ignore[arg-type]
    return [event, build.cell(FIRST, "none", execution=execution, disposition="unexpected", comparisons=0)]


def written(path: Path, found: list[records.Record]) -> Path:
    with records.Writer(path) as writer:
        for record in found:
            writer.write(record)
    return path


def test_a_run_in_two_parts_is_one_run() -> None:
    interrupted = [build.run(), build.plan(), build.cell(FIRST), build.event("interrupted"), build.end(1)]
    assert judge(interrupted).exit_code == 2
    whole = [*interrupted, RESUMED, build.cell(SECOND), build.cell(THIRD), build.end(3)]
    assert judge(whole).exit_code == 0
    assert judge(whole[:-1]).reasons == ("the record that closes the run is missing",)
    twice = [*interrupted, RESUMED, build.cell(FIRST), build.cell(SECOND), build.cell(THIRD), build.end(3)]
    assert judge(twice).exit_code == 3, "a cell that completed is not run again"


def test_more_time_settles_a_time_out() -> None:
    others = [build.cell(SECOND), build.cell(THIRD)]
    verdict = judge([build.run(), build.plan(), *lost("timed-out"), *others, RESUMED, build.cell(FIRST), build.end()])
    assert verdict.exit_code == 0
    assert "3 as documented, 1 lost at first and run again" in verdict.sentence


@pytest.mark.parametrize("execution", ["crashed", "device-lost"])
def test_a_pass_does_not_undo_a_crash(execution: str) -> None:
    others = [build.cell(SECOND), build.cell(THIRD)]
    first = [build.run(), build.plan(), *lost(execution), *others]
    verdict = judge([*first, RESUMED, build.cell(FIRST), build.end()])
    assert verdict.exit_code == 2
    assert "creation.full.fills cpu int64 completed when it was run again, but at first " in verdict.reasons[0]
    assert verdict.reasons[0].endswith("it ended")
    assert verdict.counts["pass"] == 3
    again = judge([*first, RESUMED, *lost(execution), build.end(comparisons=20)])
    assert (again.exit_code, again.counts["lost"]) == (2, 1)


def test_a_deviation_found_on_the_second_try_counts() -> None:
    found = [build.run(), build.plan(), *lost("timed-out"), build.cell(SECOND), build.cell(THIRD), RESUMED]
    assert judge([*found, build.cell(FIRST, "fail"), build.failure(FIRST), build.end(failures=1)]).exit_code == 1


def test_a_lost_cell_is_tried_again_only_when_the_run_is_resumed() -> None:
    found = [build.run(), build.plan(), *lost("crashed"), build.cell(FIRST), build.cell(SECOND), build.cell(THIRD)]
    verdict = judge([*found, build.end()])
    assert verdict.exit_code == 3
    assert "is recorded twice" in verdict.reasons[0]


def test_a_full_disk_is_past_when_the_run_is_resumed() -> None:
    found = build.conformant()
    full = [*found[:-1], build.event("disk-full"), build.end()]
    assert judge(full).exit_code == 2
    assert judge([*full, RESUMED, build.end()]).exit_code == 0


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        ([build.cell(FIRST)], 3),
        ([build.cell(FIRST, "fail"), build.failure(FIRST)], 4),
        ([build.cell(FIRST, "fail")], 2),
        ([build.cell(FIRST, "fail"), PICTURE], 2),
        ([build.cell(FIRST), PICTURE], 4),
    ],
)
def test_what_is_kept_is_whole(tmp_path: Path, tail: list[records.Record], kept: int) -> None:
    found: list[records.Record] = [build.run(), build.plan(), *tail]
    path = written(tmp_path / "results.jsonl", found)
    with path.open("ab") as file:
        file.write(b'{"type":"cell","clause":"creation.fu')
    rest = unfinished(path)
    assert rest.records == found[:kept]
    assert rest.length == len(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    assert rest.left == frozenset(build.KEYS[1:] if kept > 2 else build.KEYS)


def test_the_file_is_appended_to_and_its_digest_covers_all(tmp_path: Path) -> None:
    path = written(tmp_path / "results.jsonl", [build.run(), build.plan(), build.cell(FIRST)])
    before = path.read_bytes()
    path.write_bytes(before + b'{"type":"ce')
    with records.Writer(path, unfinished(path).length) as writer:
        writer.write(RESUMED)
        writer.write(build.end())
    after = path.read_bytes()
    assert after.startswith(before)
    assert check(path).sealed
    assert read(path).records[-2] == RESUMED


@pytest.mark.parametrize("content", [b"", b'{"type":"ru', b"nonsense\n"])
def test_nothing_to_go_on_with(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "results.jsonl"
    path.write_bytes(content)
    with pytest.raises(records.RecordError):
        unfinished(path)


def test_a_run_killed_before_its_plan_runs_everything(tmp_path: Path) -> None:
    assert unfinished(written(tmp_path / "results.jsonl", [build.run()])).left is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 4}, "--seed was 0 and is 4"),
        ({"numpy": "1.26.4"}, "NumPy was 2.4.6 and is 1.26.4"),
        ({"selection": {"dtype": "int8"}}, "--dtype was not given and is int8"),
        ({"manifest": "cd" * 32}, "the specification differs"),
        ({"environment": {"OMP_NUM_THREADS": "1"}}, "the environment variables was {} and is"),
        ({"command": ["other"], "started": "later", "workers": 7}, None),
    ],
)
def test_what_makes_it_another_run(changes: dict[str, object], said: str | None) -> None:
    found = difference(build.run(), build.run(**changes))
    assert found is None if said is None else found is not None and found.startswith(said)
