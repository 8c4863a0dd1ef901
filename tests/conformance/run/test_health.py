"""What the machine did is told from what torch did, on errors that torch and NumPy really raise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Deviation
from torch_conformance.conformance.run.workers import failures
from torch_conformance.conformance.run.workers.health import machine_failure_in

MakeCell = Callable[..., Cell]


def error_of(action: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        action()
    return caught.value


def test_memory_that_runs_out_is_the_machines(make_cell: MakeCell) -> None:
    loss = machine_failure_in(make_cell(), error_of(lambda: np.empty(2**50)))
    assert loss is not None
    assert (loss.execution, loss.kind) == ("crashed", "out-of-memory")


def test_memory_that_no_machine_has_is_torchs(make_cell: MakeCell) -> None:
    """A size that was computed wrongly is a deviation, whatever the allocator calls it."""
    assert machine_failure_in(make_cell(), error_of(lambda: torch.empty(2**50))) is None


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_an_error_of_a_healthy_device_is_torchs(make_cell: MakeCell, device: str) -> None:
    cell = make_cell(device=device)
    assert machine_failure_in(cell, None) is None
    assert (
        machine_failure_in(cell, error_of(lambda: torch.ones(2, device=device) + torch.ones(3, device=device))) is None
    )
    trial = cell.trial(a=2)
    deviation = error_of(lambda: trial.run("torch.ones(a).view(3)"))
    assert isinstance(deviation, Deviation)
    assert machine_failure_in(cell, deviation) is None


@pytest.mark.parametrize(
    ("status", "trace", "execution", "said"),
    [
        (-9, "", "crashed", "killed by SIGKILL"),
        (-64, "", "crashed", "killed by SIGRTMAX"),
        (-99, "", "crashed", "killed by signal 99"),
        (None, "", "crashed", "ended and left no message"),
        (0, "", "crashed", "ended itself with exit code 0"),
        (1, "Timeout (0:00:06)!\nThread 0x1 (most recent call first):\n", "timed-out", "took longer than 6 s"),
        (None, "Fatal Python error: Aborted\n\nnonsense \x00\ufffd", "crashed", "the process died of: Aborted"),
        (-11, '  File "a.py", line x in f\n' * 5, "crashed", "killed by SIGSEGV (a segmentation fault)"),
    ],
)
def test_every_death_is_told_in_a_sentence(status: int | None, trace: str, execution: str, said: str) -> None:
    death = failures.explain(status, trace, 6)
    assert death.execution == execution
    assert said in death.sentence
    assert "\n" not in death.sentence


def test_the_thread_that_ran_the_cell_is_shown() -> None:
    pytest_frame = '  File "/x/_pytest/python.py", line 9 in pytest_pyfunc_call'
    threads = (
        'Timeout (0:00:06)!\nThread 0x1 (most recent call first):\n  File "/x/execnet.py", line 1 in read',
        f'Thread 0x2 (most recent call first):\n  File "<transcript: y = f(x)>", line 1 in <module>\n{pytest_frame}',
    )
    death = failures.explain(1, "\n\n".join(threads), 6)
    assert "in `y = f(x)`" in death.sentence
    assert death.trace == '  File "<transcript: y = f(x)>", line 1 in <module>'
