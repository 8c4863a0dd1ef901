"""Scripted, traced, exported and compiled models answer as eager ones do, and refuse what they document to refuse."""

from __future__ import annotations

import importlib.util
import inspect
import shutil
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from torch_conformance.conformance.chapters.export.models import answer, begin, define, gradients, whole
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

BY_NAME = ("first.weight", "first.bias", "second.weight", "second.bias")


def _judge_others(trial: Trial, name: str, start: list[Array], others: list[Array]) -> None:
    """Judge a made model on other inputs: of other sizes, one sample and none among them, or of other signs."""
    __tracebackhide__ = True
    for place, other in enumerate(others):
        trial.expect(f"made(others[{place}])", answer(name, start, other), UNSIGNED_ZERO)


def _judge_gradients(trial: Trial, start: list[Array], x: Array) -> None:
    __tracebackhide__ = True
    trial.run("x.requires_grad_(); model.zero_grad(); made(x).sum().backward()")
    for name, value in zip((*(f"model.{each}" for each in BY_NAME), "x"), gradients(start, x), strict=True):
        trial.expect(f"{name}.grad", value, UNSIGNED_ZERO)


@clause("export.script.gives-the-eager-values")
def test_script(cell: Cell) -> None:
    generator = cell.generator()
    for name in ("Small", "Convolutional"):
        trial, start, x, others = begin(cell, generator, name)
        trial.run("made = torch.jit.script(model)")
        trial.expect_true("isinstance(made, torch.jit.ScriptModule)", "a scripted module is a ScriptModule")
        for _ in range(3):  # the executor optimises after its first runs
            trial.expect("made(x)", answer(name, start, x), UNSIGNED_ZERO)
        _judge_others(trial, name, start, others)
        trial.expect_true("list(made.state_dict()) == list(model.state_dict())", "parameters keep their names")


@clause("export.script.keeps-control-flow")
def test_script_flow(cell: Cell) -> None:
    generator = cell.generator()
    trial, start, x, others = begin(cell, generator, "Branching")
    trial.run("made = torch.jit.script(model)")
    for _ in range(2):
        trial.expect("made(x)", answer("Branching", start, x), UNSIGNED_ZERO)
        _judge_others(trial, "Branching", start, others)
    trial = define(cell, x=Strided.from_array(np.array([1, 2, 4], np.float32)))
    trial.run("f, g = torch.jit.script(double_until), torch.jit.script(odd_only)")
    for limit, count in ((5.0, 0), (8.0, 1), (100.0, 4)):
        trial.expect(f"f(x, {limit})[0]", np.array([1, 2, 4], np.float32) * 2**count)
        trial.expect_equal(f"f(x, limit={limit})[1]", count)
    trial.expect("g(x)", np.array([2], np.float32))
    trial.expect("g(torch.cat([x, x]))", np.array([2, 3, 20], np.float32))


@clause("export.script.takes-typed-arguments")
def test_script_arguments(cell: Cell) -> None:
    x = np.array([[1, -2], [3, 5]], np.float32)
    trial = define(cell, x=Strided.from_array(x))
    trial.run("weigh_s, pick_s = torch.jit.script(weigh), torch.jit.script(pick)")
    for call, expected in (
        ("weigh_s(x, [2, 3])", 5 * x + 2),
        ("weigh_s(x, [])", 0 * x + 1),
        ("weigh_s(x, [1], 0.5)", x * 0.5 + 1),
        ("weigh_s(x, weights=[1, 1, 1], scale=2.0, shift=-4)", 6 * x + 2),
        ("weigh_s(x, [4], None, 3)", 4 * x + 3),
        ("pick_s(x, {'a': 2, 'b': 3}, ('a', 'b'))", 6 * x),
        ("pick_s(x, {'a': 2}, ('c', 'a'))", 2 * x - 2),
    ):
        trial.expect(call, expected.astype(np.float32), UNSIGNED_ZERO)
        trial.expect(call.replace("_s(", "("), expected.astype(np.float32), UNSIGNED_ZERO)
    trial.expect_error("weigh_s(x, 'no list')", RuntimeError)
    trial.expect_error("weigh_s(x)", RuntimeError)
    trial.expect_error("weigh_s(1, [2], unknown=3)", RuntimeError)


@clause("export.script.gives-the-eager-gradients")
def test_script_gradients(cell: Cell) -> None:
    generator = cell.generator()
    for make in ("torch.jit.script(model)", "torch.jit.trace(model, x)"):
        for _ in range(2):
            trial, start, x, _ = begin(cell, generator, "Small")
            trial.run(f"made = {make}")
            for _ in range(2):
                _judge_gradients(trial, start, x)
                trial.run("x = x.detach()")


@clause("export.script.refuses-what-it-cannot-compile")
def test_script_refuses(cell: Cell) -> None:
    trial = define(cell)
    trial.run("from torch.jit.frontend import NotSupportedError")
    not_supported: Any = torch.jit.frontend.NotSupportedError
    for name in ("yields", "tries", "keywords", "sets_global"):
        trial.expect_error(f"torch.jit.script({name})", not_supported)
    for name in ("two_types", "sometimes_defined"):
        trial.expect_error(f"torch.jit.script({name})", RuntimeError)


@clause("export.script.survives-saving-and-loading")
def test_script_save(cell: Cell) -> None:
    generator = cell.generator()
    for name in ("Small", "Convolutional", "Branching"):
        for make in ("torch.jit.script(model)", "torch.jit.trace(model, x)"):
            trial, start, x, _ = begin(cell, generator, name)
            trial.run("import io")
            trial.run(f"source = {make}")
            trial.run("buffer = io.BytesIO()")
            trial.run("torch.jit.save(source, buffer)" if "script" in make else "torch.jit.save(m=source, f=buffer)")
            trial.run("buffer.seek(0)")
            trial.run("made = torch.jit.load(buffer, map_location=device)")
            trial.expect("made(x)", answer(name, start, x), UNSIGNED_ZERO)
            for place, value in enumerate(start):
                trial.expect(f"list(made.parameters())[{place}].detach()", value)
            trial.expect_true(
                "list(made.state_dict()) == list(model.state_dict())", "parameters keep their names and order"
            )
            trial.expect_true("made.training and not made.eval().training", "the mode is kept and can be changed")


@clause("export.freeze.answers-as-before-and-needs-eval")
def test_freeze(cell: Cell) -> None:
    generator = cell.generator()
    for name in ("Small", "Convolutional"):
        trial, start, x, others = begin(cell, generator, name)
        trial.expect_error("torch.jit.freeze(torch.jit.script(model))", RuntimeError)
        trial.run("made = torch.jit.freeze(torch.jit.script(model.eval()))")
        trial.expect("made(x)", answer(name, start, x), UNSIGNED_ZERO)
        trial.expect_true("not list(made.parameters())", "parameters become constants")
        _judge_others(trial, name, start, others)


@clause("export.trace.gives-the-eager-values")
def test_trace(cell: Cell) -> None:
    generator = cell.generator()
    calls = (
        "torch.jit.trace(model, x)",
        "torch.jit.trace(model, (x,))",
        "torch.jit.trace(func=model, example_inputs=x)",
    )
    for turn, call in enumerate(calls):
        name = ("Small", "Convolutional")[turn % 2]
        trial, start, x, others = begin(cell, generator, name)
        trial.run(f"made = {call}")
        for _ in range(3):
            trial.expect("made(x)", answer(name, start, x), UNSIGNED_ZERO)
        _judge_others(trial, name, start, others)
    trial = define(cell, x=Strided.from_array(np.array([1, 2, 4], np.float32)))
    trial.run("made = torch.jit.trace(lambda a, b: (a * 2 + b, a - b), (x, x + 1))")
    trial.expect("made(x, x)[0]", np.array([3, 6, 12], np.float32))
    trial.expect("made(x + 1, x)[1]", np.ones(3, np.float32))


@clause("export.trace.keeps-the-branch-that-it-saw")
def test_trace_branch(cell: Cell) -> None:
    generator = cell.generator()
    for seen, unseen in ((0, 2), (3, 1)):
        trial, start, _, others = begin(cell, generator, "Branching")
        trial.run(f"seen, unseen = others[{seen}], others[{unseen}]")
        trial.run("made = torch.jit.trace(model, seen)")
        hidden = others[unseen] @ start[0].T + start[1]
        kept = hidden if seen == 0 else -2 * hidden
        trial.expect("made(seen)", answer("Branching", start, others[seen]), UNSIGNED_ZERO)
        trial.expect("made(unseen)", kept.astype(np.float32), UNSIGNED_ZERO)
        trial.expect("model(unseen)", answer("Branching", start, others[unseen]), UNSIGNED_ZERO)


@clause("export.trace.refuses-what-is-no-tensor")
def test_trace_refuses(cell: Cell) -> None:
    trial = define(cell, x=Strided.from_array(np.ones(3, np.float32)))
    trial.expect_error("torch.jit.trace(lambda x: 3, x)", RuntimeError)
    trial.expect_error("torch.jit.trace(lambda x: 'a', x)", RuntimeError)


@clause("export.program.gives-the-eager-values")
def test_program(cell: Cell) -> None:
    generator = cell.generator()
    for turn, name in enumerate(("Small", "Convolutional")):
        trial, start, x, others = begin(cell, generator, name)
        trial.run("import torch.export")
        trial.run(
            "program = torch.export.export(model, (x,))"
            if turn
            else "program = torch.export.export(model, args=(x,), kwargs={})"
        )
        trial.run("made = program.module()")
        trial.expect("made(x)", answer(name, start, x), UNSIGNED_ZERO)
        trial.expect("made(others[0])", answer(name, start, others[0]), UNSIGNED_ZERO)
        # PyTorch does not document the type: an assertion in the program, or its guard.
        trial.expect_error("made(torch.cat([x, x]))", RuntimeError, AssertionError)
        trial.expect_equal("sorted(program.state_dict)", sorted(_names(name)))


def _names(name: str) -> tuple[str, ...]:
    return BY_NAME if name == "Small" else ("conv.weight", "conv.bias", "head.weight", "head.bias")


@clause("export.program.takes-sizes-declared-dynamic")
def test_program_dynamic(cell: Cell) -> None:
    batches = (2, 3, 4, 17, 64)
    generator = cell.generator()
    wanted = [whole(generator, batch, 3) for batch in batches]
    trial, start, *_ = begin(cell, generator, "Small", inputs=[Strided.from_array(each) for each in wanted])
    trial.run("import torch.export")
    trial.run("shapes = {'x': {0: torch.export.Dim('n', min=2, max=64)}}")
    trial.run("made = torch.export.export(model, (x,), dynamic_shapes=shapes).module()")
    for place, x in enumerate(wanted):
        trial.expect(f"made(inputs[{place}])", answer("Small", start, x), UNSIGNED_ZERO)
    trial.expect_error("made(torch.ones(65, 3, device=device))", RuntimeError, AssertionError)
    trial.expect_error("made(torch.ones(4, 4, device=device))", RuntimeError, AssertionError)


@clause("export.program.refuses-branches-on-data")
def test_program_refuses(cell: Cell) -> None:
    trial, *_ = begin(cell, cell.generator(), "Branching")
    trial.run("import torch.export")
    trial.expect_error("torch.export.export(model, (x,))", RuntimeError)


@clause("export.program.survives-saving-and-loading")
def test_program_save(cell: Cell) -> None:
    trial, start, x, _ = begin(cell, cell.generator(), "Small")
    trial.run("import io, torch.export")
    trial.run("buffer = io.BytesIO()")
    trial.run("torch.export.save(torch.export.export(model, (x,)), buffer)")
    trial.run("buffer.seek(0)")
    trial.run("made = torch.export.load(buffer).module()")
    trial.expect("made(x)", answer("Small", start, x), UNSIGNED_ZERO)


def _needs_compile(cell: Cell, trial: Trial) -> None:
    """End the cell where this interpreter is none that torch.compile supports."""
    try:
        exec("torch.compile(lambda x: x, backend='eager')", trial.namespace)  # noqa: S102
    except RuntimeError as error:
        if "not" in str(error) and "supported" in str(error):
            cell.unsupported(f"probe: torch.compile: {error}")


def _backends(cell: Cell) -> tuple[str, ...]:
    """Return the backends to judge: one in smoke; the default, whose first compilation takes half a minute, in deep."""
    if cell.profile.name == "smoke":
        return ("eager",)
    compilers = any(map(shutil.which, ("c++", "g++", "clang++", "cl")))
    able = compilers if cell.device == "cpu" else importlib.util.find_spec("triton") is not None
    return ("eager", "aot_eager", "inductor") if cell.profile.exhaustive and able else ("eager", "aot_eager")


@clause("export.compile.gives-the-eager-values-and-gradients")
def test_compile(cell: Cell) -> None:
    generator = cell.generator()
    for turn, backend in enumerate(_backends(cell)):
        trial, start, x, others = begin(cell, generator, "Small", backend=backend)
        _needs_compile(cell, trial)
        made = ("torch.compile(model, backend=backend, fullgraph=True)", "torch.compile(backend=backend)(model)")
        trial.run(f"made = {made[turn % 2]}")
        trial.expect("made(x)", answer("Small", start, x), UNSIGNED_ZERO)
        _judge_gradients(trial, start, x)
        if not turn:
            _judge_others(trial, "Small", start, others)


@clause("export.compile.breaks-the-graph-where-data-decides")
def test_compile_breaks(cell: Cell) -> None:
    trial, start, _, others = begin(cell, cell.generator(), "Branching")
    _needs_compile(cell, trial)
    trial.run("made = torch.compile(model, backend='eager')")
    _judge_others(trial, "Branching", start, others)
    # A model of its own: what was compiled before for the same code is used again.
    trial, *_ = begin(cell, cell.generator(), "Branching")
    trial.run("made = torch.compile(model, backend='eager', fullgraph=True)")
    trial.expect_error("made(x)", RuntimeError)


@clause("export.onnx.runs-as-the-eager-model")
def test_onnx(cell: Cell) -> None:
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            cell.unsupported(f"probe: {package} is not installed")
    generator = cell.generator()
    for name in ("Small", "Convolutional"):
        trial, start, x, _ = begin(cell, generator, name)
        trial.run("import io, onnxruntime")
        trial.run("buffer = io.BytesIO()")
        options = ", dynamo=False" if "dynamo" in inspect.signature(torch.onnx.export).parameters else ""
        trial.run(f"torch.onnx.export(model.cpu(), (x.cpu(),), buffer, input_names=['x'], opset_version=17{options})")
        trial.run("session = onnxruntime.InferenceSession(buffer.getvalue(), providers=['CPUExecutionProvider'])")
        trial.run("y = torch.from_numpy(session.run(None, {'x': x.cpu().numpy()})[0]).to(device)")
        trial.expect("y", answer(name, start, x), UNSIGNED_ZERO)
