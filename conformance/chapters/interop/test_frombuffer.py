"""What torch.frombuffer makes of the bytes of a buffer."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import LADDER
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.dtypes import bits
from torch_conformance.reference.model.strided import Strided

_BUFFERS = (
    "buffer = bytearray(raw)",
    "buffer = memoryview(bytearray(raw))",
    "buffer = array.array('B', bytes(raw))",
    "buffer = raw.copy()",
)


@clause("interop.frombuffer.reads-elements")
@example(sweep=LADDER)
@given(sweep=sweeps(("small", "tail")))
def test_frombuffer_reads_elements(cell: Cell, sweep: Sweep) -> None:
    width = bits(cell.dtype) // 8
    for recipe in sweep:
        values = recipe.array(cell.dtype).reshape(-1)
        count = values.size
        trial = cell.trial(raw=values.view(np.uint8), width=width, count=count, dtype=cell.torch_dtype)
        trial.run("import array")
        for making in _BUFFERS:
            trial.run(making)
            trial.expect("torch.frombuffer(buffer, dtype=dtype).to(device)", values)
            trial.expect("torch.frombuffer(buffer=buffer, dtype=dtype, count=-1, offset=0).to(device)", values)
            trial.expect("torch.frombuffer(buffer, dtype=dtype, count=count).to(device)", values)
            trial.expect("torch.frombuffer(buffer, dtype=dtype, count=1).to(device)", values[:1])
            trial.expect("torch.frombuffer(buffer, dtype=dtype, offset=(count - 1) * width).to(device)", values[-1:])
        if count > 2:
            trial.expect("torch.frombuffer(buffer, dtype=dtype, offset=width).to(device)", values[1:])
            trial.expect("torch.frombuffer(buffer, dtype=dtype, offset=width, count=-1).to(device)", values[1:])
            trial.expect(
                "torch.frombuffer(buffer, dtype=dtype, count=count - 2, offset=width).to(device)", values[1:-1]
            )


@clause("interop.frombuffer.shares-memory")
@example(sweep=LADDER)
@given(sweep=sweeps(("small", "tail"), overlapping=False))
def test_frombuffer_shares_memory(cell: Cell, sweep: Sweep) -> None:
    width = bits(cell.dtype) // 8
    for recipe in sweep:
        values = recipe.array(cell.dtype, "finite").reshape(-1)
        other = recipe.array(cell.dtype, "finite", variant=1).reshape(-1)
        wanted, tail = other.view(np.uint8), np.concatenate([values[:1], other[:-1]]).view(np.uint8)
        trial = cell.trial(
            raw=values.view(np.uint8), other=Strided.from_array(other), wanted=wanted, tail=tail,
            width=width, dtype=cell.torch_dtype,
        )  # fmt: skip
        trial.run("import array")
        for making in _BUFFERS:
            trial.run(making)
            trial.run("t = torch.frombuffer(buffer, dtype=dtype)")
            trial.run("t.copy_(other)")
            trial.expect_true("bytes(buffer) == bytes(wanted)", "the buffer holds what was written to the tensor")
            trial.run("memoryview(buffer)[:] = memoryview(raw)")
            trial.expect("t.to(device)", values)
            if values.size > 1:
                trial.run("u = torch.frombuffer(buffer, dtype=dtype, offset=width)")
                trial.run("u.copy_(other[:-1])")
                trial.expect_true("bytes(buffer) == bytes(tail)", "offset bytes are skipped, the rest is shared")
                trial.expect_true("u.data_ptr() == t.data_ptr() + width", "the tensor begins at the offset")


@clause("interop.frombuffer.refuses-misfit")
def test_frombuffer_refuses_misfit(cell: Cell) -> None:
    width = bits(cell.dtype) // 8
    for count in (1, 2, 5, 1000):
        trial = cell.trial(length=count * width, width=width, count=count, dtype=cell.torch_dtype)
        trial.run("buffer = bytearray(length)")
        for statement in (
            "torch.frombuffer(buffer, dtype=dtype, count=0)",
            "torch.frombuffer(buffer, dtype=dtype, count=count + 1)",
            "torch.frombuffer(buffer, dtype=dtype, count=count, offset=width)",
            "torch.frombuffer(buffer, dtype=dtype, count=count, offset=1)",
            "torch.frombuffer(buffer, dtype=dtype, offset=length)",
            "torch.frombuffer(buffer, dtype=dtype, offset=length + width)",
            "torch.frombuffer(buffer, dtype=dtype, offset=-1)",
            "torch.frombuffer(buffer, dtype=dtype, offset=-width)",
            "torch.frombuffer(bytearray(0), dtype=dtype)",
        ):
            trial.expect_error(statement, ValueError)
        if width > 1:
            trial.expect_error("torch.frombuffer(bytearray(length + 1), dtype=dtype)", ValueError)
            trial.expect_error("torch.frombuffer(buffer, dtype=dtype, offset=1)", ValueError)
            trial.expect_error("torch.frombuffer(bytearray(width - 1), dtype=dtype)", ValueError)
        trial.expect_error("torch.frombuffer(buffer)", TypeError)
        trial.expect("torch.frombuffer(buffer, dtype=dtype).to(device).bool()", np.zeros(count, bool))


@clause("interop.frombuffer.sets-grad-mode")
def test_frombuffer_sets_grad_mode(cell: Cell) -> None:
    for count in (1, 3, 1025):
        trial = cell.trial(length=count * bits(cell.dtype) // 8, dtype=cell.torch_dtype)
        trial.run("t = torch.frombuffer(bytearray(length), dtype=dtype, requires_grad=True)")
        trial.expect_equal("t.requires_grad", value=True)
        trial.expect_equal("t.is_leaf", value=True)
        trial.expect_equal("torch.frombuffer(bytearray(length), dtype=dtype).requires_grad", value=False)
        trial.expect_equal(
            "torch.frombuffer(bytearray(length), dtype=dtype, count=1, offset=0, requires_grad=False).requires_grad",
            value=False,
        )


@clause("interop.frombuffer.keeps-buffer-alive")
def test_frombuffer_keeps_buffer_alive(cell: Cell) -> None:
    for count in (1, 7, 40_000):
        values = np.arange(count, dtype=np.int32)
        trial = cell.trial(values=values)
        trial.run("import weakref")
        trial.run("buffer = np.array(values)")
        trial.run("owner = weakref.ref(buffer)")
        trial.run("t = torch.frombuffer(buffer, dtype=torch.int32)")
        trial.run("del buffer")
        trial.expect_true("owner() is not None", "the buffer lives as long as the tensor")
        trial.expect("t.to(device)", values)
        trial.run("del t")
        trial.expect_true("owner() is None", "the buffer goes when the last tensor goes")
