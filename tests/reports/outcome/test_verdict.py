"""The verdict of every kind of run."""

from __future__ import annotations

import record_builders as build
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reports.outcome.verdict import judge
from torch_conformance.reports.records import model as records

FIRST, SECOND, THIRD = build.KEYS


def test_conformant() -> None:
    verdict = judge(build.conformant())
    assert (verdict.word, verdict.exit_code) == ("conformant", 0)
    assert verdict.sentence == "conformant: 3 cells planned, 3 run, 3 as documented."
    assert verdict.counts["comparisons"] == 30


def test_deviations_outrank_what_was_not_run() -> None:
    found = [build.run(), build.plan(), build.cell(FIRST, "fail"), build.failure(FIRST)]
    verdict = judge(found)
    assert verdict.exit_code == 1
    assert verdict.not_run == (SECOND, THIRD)
    assert "2 planned cells not run" in verdict.reasons
    assert verdict.causes[0].clauses == (FIRST[0],)


def test_causes_are_grouped_and_the_most_widespread_comes_first() -> None:
    found = build.deviating()
    found[4:6] = [
        *(build.cell(key, "fail") for key in (SECOND, THIRD)),
        build.failure(SECOND, signature="other", reproduced="not replayed"),
        build.failure(THIRD, signature="other", reproduced="3/3"),
    ]
    causes = judge(found).causes
    assert [(cause.signature, cause.cells) for cause in causes] == [("other", 2), ("creation.full: value", 1)]
    assert causes[0].first.reproduced == "3/3"


def incomplete(*changed: records.Record, closed: bool = True) -> list[records.Record]:
    cells = [each for each in changed if isinstance(each, records.Cell)]
    return [build.run(), build.plan(), *changed, *([build.end(cells=len(cells))] if closed else [])]


def test_incomplete_runs() -> None:
    others = (build.cell(SECOND), build.cell(THIRD))
    crashed = build.cell(FIRST, "none", execution="crashed", disposition="unexpected")
    for found, reason in (
        (incomplete(*others), "1 planned cell not run"),
        (incomplete(crashed, *others), "1 cell crashed"),
        (incomplete(build.cell(FIRST, "vacuous"), *others), "1 cell vacuous"),
        (incomplete(build.cell(FIRST), *others, closed=False), "the record that closes the run is missing"),
        ([build.run(), build.plan(()), build.end(cells=0)], "no cell was planned"),
    ):
        verdict = judge(found)
        assert (verdict.exit_code, verdict.word) == (2, "incomplete")
        assert reason in verdict.reasons
        assert reason in verdict.sentence


def test_unsupported_and_inapplicable_are_counted_and_allowed() -> None:
    found = [build.run(), build.plan(inapplicable=(("a.b.c", "meta", "-"),))]
    found += [build.cell(FIRST, "unsupported"), build.cell(SECOND), build.cell(THIRD), build.end()]
    verdict = judge(found)
    assert verdict.exit_code == 0
    assert "1 unsupported, 1 inapplicable" in verdict.sentence


def test_the_suite_failed() -> None:
    good = build.conformant()
    for found, reason in (
        ([*good[:-1], build.event("internal-error", "boom"), good[-1]], "boom"),
        ([*good[:-1], build.cell(FIRST), build.end(4)], "is recorded twice"),
        ([*good[:-1], build.cell(("a.b.c", "cpu", "-")), build.end(4)], "was never planned"),
        ([*good[:-1], build.failure(FIRST), good[-1]], "has a failure record and does not fail"),
        ([good[0], good[1], build.cell(FIRST, "fail"), *good[3:]], "fails without a failure record"),
        (good[1:], "0 records of a run"),
        ([*good, build.cell(FIRST)], "1 record after the one that closes the run"),
        ([*good[:-1], build.end(2)], "counts 2 cells, the records 3"),
    ):
        verdict = judge(found)
        assert verdict.exit_code == 3
        assert any(reason in each for each in verdict.reasons), verdict.reasons


def test_a_waived_failure_is_no_deviation_and_a_stale_waiver_is() -> None:
    found = build.deviating()
    found[2] = build.cell(FIRST, "fail", disposition="waived")
    assert judge(found).exit_code == 0
    found = build.conformant()
    found[2] = build.cell(FIRST, disposition="waiver-stale")
    assert judge(found).exit_code == 1


VERDICTS = st.sampled_from(["pass", "fail", "unsupported", "vacuous", "missing"])


@given(words=st.tuples(VERDICTS, VERDICTS, VERDICTS), closed=st.booleans())
def test_nothing_but_a_complete_run_without_failures_is_conformant(*, words: tuple[str, ...], closed: bool) -> None:
    found: list[records.Record] = [build.run(), build.plan()]
    for key, word in zip(build.KEYS, words, strict=True):
        if word != "missing":
            found.append(build.cell(key, word))
        if word == "fail":
            found.append(build.failure(key))
    if closed:
        found.append(build.end(sum(word != "missing" for word in words), words.count("fail")))
    verdict = judge(found)
    if "fail" in words:
        assert verdict.exit_code == 1
    elif closed and set(words) <= {"pass", "unsupported"}:
        assert verdict.exit_code == 0
    else:
        assert verdict.exit_code == 2
