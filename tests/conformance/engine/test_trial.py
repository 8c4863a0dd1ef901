"""Trials notice every aspect of a wrong answer, and their scripts show it in a fresh process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from torch_conformance.conformance.engine.cell import Cell, Unsupported
from torch_conformance.conformance.engine.comparison import absolute, ulp
from torch_conformance.conformance.engine.materialise import to_host, to_torch
from torch_conformance.conformance.engine.trial import Deviation, Trial
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.conformance.run.replay import failing_runs
from torch_conformance.reference.model.dtypes import NAMES
from torch_conformance.reference.model.strided import Strided

MakeCell = Callable[..., Cell]


def deviation(judge: Callable[[], Any]) -> Deviation:
    with pytest.raises(Deviation) as caught:
        judge()
    return caught.value


def run_script(script: str) -> None:
    exec(compile(script, "script", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("name", NAMES)
def test_tensors_cross_bit_for_bit(name: str) -> None:
    storage = pool(name, "any", 3)[:30].copy()
    value = Strided(storage, (2, 3, 2), (1, 5, 2), 4)
    tensor = to_torch(value, torch.device("cpu"))
    assert (tensor.size(), tensor.stride(), tensor.storage_offset()) == ((2, 3, 2), (1, 5, 2), 4)
    assert to_host(tensor).tobytes() == value.values().tobytes()
    tensor.zero_()
    assert storage.tobytes() == pool(name, "any", 3)[:30].tobytes()


def wrong_answers(trial: Trial) -> list[tuple[str, Callable[[], None]]]:
    one = np.ones(3, dtype=np.float32)
    return [
        ("value", lambda: trial.expect("x + 1", one)),
        ("value", lambda: trial.expect("x + 1.0000002", one.astype(np.float64) * 2, ulp(0.5), dtype="float32")),
        ("value", lambda: trial.expect("x + 0.5", one, absolute(0.25))),
        ("value", lambda: trial.expect("x * float('nan')", one)),
        ("value", lambda: trial.expect("-(x - 1)", one * 0)),
        ("dtype", lambda: trial.expect("x.double()", one)),
        ("shape", lambda: trial.expect("x[:2]", one)),
        ("fact", lambda: trial.expect_true("x.stride() == (2,)", "the stride is 2")),
        ("equality", lambda: trial.expect_equal("x.dim()", 2)),
        ("equality", lambda: trial.expect_equal("x.dim()", 1.0)),
        ("equality", lambda: trial.expect_equal("-float(x[0]) * 0", 0.0)),
        ("error", lambda: trial.expect_error("x.add(1)", RuntimeError)),
        ("error", lambda: trial.expect_error("x.reshape(7)", TypeError)),
        ("exception", lambda: trial.expect("x.reshape(7)", one)),
        ("exception", lambda: trial.run("y = x.reshape(7)")),
    ]


@pytest.mark.parametrize("number", range(15))
def test_a_wrong_answer_is_a_deviation_with_a_script_that_shows_it(make_cell: MakeCell, number: int) -> None:
    trial = make_cell().trial(x=Strided(np.array([1, 9, 1, 9, 1], dtype=np.float32), (3,), (2,)), n=2)
    if number == 7:
        trial.run("x = x.contiguous()")
    aspect, judge = wrong_answers(trial)[number]
    discrepancy = deviation(judge).discrepancy
    assert discrepancy.aspect == aspect
    with pytest.raises(SystemExit, match=r"^deviation: "):
        run_script(discrepancy.script)
    lines = [line for line in discrepancy.script.splitlines() if line.startswith(("import", "from"))]
    assert lines == ["import numpy as np", "import torch"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [3, 200])
def test_scripts_accept_the_right_answer(make_cell: MakeCell, name: str, length: int) -> None:
    """The script of a wrong answer passes once the answer is right: it holds inputs and expectation in full."""
    storage = np.resize(pool(name, "any", 1), 2 * length)
    value = Strided(storage, (length,), (2,), 1)
    trial = make_cell(name).trial(x=value)
    wrong = value.values()
    wrong[-1] = 1 if wrong[-1] != 1 else 0
    discrepancy = deviation(lambda: trial.expect("x", wrong)).discrepancy
    assert discrepancy.mismatch is not None
    assert discrepancy.mismatch.first_index == (length - 1,)
    with pytest.raises(SystemExit, match=rf"elements differ, first at \[{length - 1}"):
        run_script(discrepancy.script)
    right = discrepancy.script.replace(
        "observed = x\n", "observed = x.clone(); observed[-1] = 1 if x[-1] != 1 else 0\n"
    )
    run_script(right)


def test_statements_stand_in_the_script_in_order(make_cell: MakeCell) -> None:
    trial = make_cell().trial(size=(2,), index=slice(None, 1), fill=float("nan"), kind=torch.int8)
    trial.run("a = torch.full(size, fill, device=device)")
    trial.run("b = a[index]")
    trial.expect_error("a.reshape(5)", RuntimeError)
    script = deviation(lambda: trial.expect_equal("b.numel()", 2)).discrepancy.script
    assert script.index("a = torch.full") < script.index("b = a[index]") < script.index("a.reshape(5)")
    assert 'fill = float("nan")' in script
    assert "index = slice(None, 1, None)" in script
    assert "kind = torch.int8" in script


def test_unsupported_only_where_the_clause_allows_it(make_cell: MakeCell) -> None:
    code = "torch.zeros(2, 2, dtype=torch.bool, device=device).inverse()"
    with pytest.raises(Unsupported, match="probe: "):
        make_cell(may_lack=True).trial().run("raise NotImplementedError('no kernel')")
    with pytest.raises(Deviation):
        make_cell(may_lack=True).trial().run(code.replace("inverse", "no_such_method"))
    with pytest.raises(Deviation):
        make_cell().trial().run("raise NotImplementedError('no kernel')")


def test_equality_knows_nan_and_types(make_cell: MakeCell) -> None:
    trial = make_cell().trial()
    trial.expect_equal("float('nan')", float("nan"))
    trial.expect_equal("(1, 2)", (1, 2))
    trial.expect_equal("True", value=True)
    deviation(lambda: trial.expect_equal("1", value=True))
    deviation(lambda: trial.expect_equal("[1, 2]", (1, 2)))


def test_a_script_that_does_not_fail_is_not_reproduced() -> None:
    assert failing_runs("x = 1\n", 2) == 0
    assert failing_runs("raise SystemExit('deviation: it shows')\n", 2) == 2


def test_fingerprints_tell_inputs_apart(make_cell: MakeCell) -> None:
    def fingerprint(**inputs: Any) -> str:
        cell = make_cell()
        cell.trial(**inputs)
        return cell.tally.fingerprint

    base = Strided(np.arange(4.0), (2, 2), (2, 1))
    assert fingerprint(x=base) == fingerprint(x=Strided(np.arange(4.0), (2, 2), (2, 1)))
    others = [
        {"x": Strided(np.arange(4.0), (2, 2), (1, 2))},
        {"x": Strided(np.array([0.0, 1, 2, 4]), (2, 2), (2, 1))},
        {"y": base},
        {"x": 1},
        {"x": [1]},
        {"x": "1"},
    ]
    prints = {fingerprint(x=base), *(fingerprint(**inputs) for inputs in others)}
    assert len(prints) == len(others) + 1


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        ("raise SystemExit('deviation: 3 of 5 elements differ')", 2),
        ("print('deviation: said, and then well')", 0),
        ("raise RuntimeError('deviation: CUDA out of memory')", 0),
        ("import nothing_of_this_name", 0),
        ("raise SystemExit(1)", 0),
        ("import os; os.abort()", 0),
        (
            "def deviation(what): raise SystemExit(f'deviation: {what}')\nif not __debug__: deviation('optimised')",
            False,
        ),
    ],
)
def test_only_its_own_deviation_reproduces(monkeypatch: pytest.MonkeyPatch, script: str, runs: int) -> None:
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    assert failing_runs(script, 2) == runs
