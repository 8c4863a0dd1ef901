from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_builders import KEYS, Key, cell, end, event, failure, plan, run

from torch_conformance.reports.outcome import merging
from torch_conformance.reports.outcome.merging import MergeError, Part, merged
from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import model, reading
from torch_conformance.reports.writers import grid
from torch_conformance.spec import load


def shard(number: int, count: int, keys: tuple[Key, ...], **about: Any) -> Part:
    found = [
        run(selection={"shard": f"{number}/{count}", "device": "cpu"}, **about),
        plan(keys),
        *(cell(key) for key in keys),
        end(len(keys)),
    ]
    return Part(f"shard-{number}", found)


SHARDS = tuple(shard(number, 3, (key,)) for number, key in enumerate(KEYS, 1))


@given(order=st.permutations(SHARDS))
def test_shards_make_the_same_run_in_any_order(order: list[Part]) -> None:
    assert merged(order) == merged(SHARDS)


def test_the_merged_run_is_judged_as_one(tmp_path: Path) -> None:
    found = merged(SHARDS)
    assert judge(found).word == "conformant"
    assert judge(found).counts["planned"] == len(KEYS)
    merging.write(found, tmp_path / "results.jsonl")
    assert judge(reading.read(tmp_path / "results.jsonl").records).word == "conformant"


def test_a_missing_shard_is_named_and_makes_the_run_incomplete() -> None:
    found = judge(merged(SHARDS[:2]))
    assert found.word == "incomplete"
    assert "shard 3/3 is missing" in found.sentence


def test_a_shard_that_was_killed_makes_the_run_incomplete() -> None:
    killed = Part("killed", SHARDS[2].records[:-1])
    found = judge(merged([*SHARDS[:2], killed]))
    assert found.word == "incomplete"
    assert "shard 3/3 was not run to its end" in found.sentence


def test_a_cell_of_several_shards_counts_once_and_its_worse_result_counts() -> None:
    first, second, third = KEYS
    failing = Part(
        "failing",
        [
            run(selection={"shard": "2/2"}),
            plan((first, third)),
            cell(first, "fail"),
            failure(first),
            cell(third),
            end(2, failures=1),
        ],
    )
    for order in ([shard(1, 2, (first, second)), failing], [failing, shard(1, 2, (first, second))]):
        found = judge(merged(_same_selection(order)))
        assert found.word == "deviations"
        assert found.counts["planned"] == 3
        (reason,) = found.reasons
        assert "pass in shard 1/2 and fail in shard 2/2" in reason
        assert "suspect one of the machines" in reason


def _same_selection(parts: list[Part]) -> list[Part]:
    selections = [{"shard": "/".join(map(str, part.shard))} for part in parts]
    return [Part(p.name, [run(selection=s), *p.records[1:]]) for p, s in zip(parts, selections, strict=True)]


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"numpy": "1.26.4"}, "NumPy was 2.4.6 and is 1.26.4"),
        ({"manifest": "cd" * 32}, "the specification"),
        ({"profile": "deep"}, "--profile"),
        ({"seed": 7}, "--seed was 0 and is 7"),
        ({"cpu_capability": "AVX512"}, "CPU capability"),
        ({"torch": model.Torch(version="2.4.1", git="abc", config="", path="", cuda="")}, "torch was 2.13.0"),
    ],
)
def test_shards_of_different_runs_are_refused_by_name(about: dict[str, Any], word: str) -> None:
    with pytest.raises(MergeError, match=word):
        merged([SHARDS[0], shard(2, 3, KEYS[1:2], **about)])


def test_the_same_shard_twice_and_shards_of_other_cuts_are_refused() -> None:
    with pytest.raises(MergeError, match="are both shard 1/3"):
        merged([SHARDS[0], SHARDS[0], SHARDS[1]])
    with pytest.raises(MergeError, match="different cuts"):
        merged([SHARDS[0], shard(2, 4, KEYS[1:2])])


def test_other_inputs_of_the_same_cell_are_refused() -> None:
    other = Part(
        "other",
        [
            run(selection={"shard": "2/3", "device": "cpu"}),
            plan(KEYS[:1]),
            cell(KEYS[0], fingerprint="ff"),
            end(1),
        ],
    )
    with pytest.raises(MergeError, match="different inputs in two shards"):
        merged([SHARDS[0], other])


def test_a_grid_has_the_worst_verdict_and_the_clauses_that_are_not_clean() -> None:
    first = KEYS[0]
    bad = [run(), plan(), cell(first, "fail"), failure(first), *(cell(key) for key in KEYS[1:]), end(failures=1)]
    lost = [run(), plan(), event("note"), *(cell(key) for key in KEYS[1:]), end(2)]
    table = grid.build([Part("a", merged(SHARDS)), Part("b|`x`", bad), Part("c", lost)], load())
    assert table.exit_code == 1
    assert table.rows == {first[0]: ("pass", "fail", "not-run")}
    shown = grid.markdown(table)
    assert "`` b\\|`x` ``" in shown
    assert f"| ` {first[0]} ` | P | F | N |" in shown
