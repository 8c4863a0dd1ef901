"""Faults of scripting, tracing, torch.export and torch.compile."""

from __future__ import annotations

import importlib.util
from typing import Any

import torch

from torch_conformance.conformance.power.forms import replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault


class _Wrapped(torch.nn.Module):
    """A module whose answer is changed."""

    def __init__(self, inner: Any, change: Any) -> None:
        super().__init__()
        self.inner = inner
        self.change = change

    def forward(self, *a: Any, **k: Any) -> Any:
        return self.change(self.inner, *a, **k)


def _spoiled(inner: Any, *a: Any, **k: Any) -> Any:
    result = inner(*a, **k)
    return result * 1.01 if isinstance(result, torch.Tensor) else result


@fault("export-script-multiplies-differently", "What a scripted module answers is 1% off.")
def _(breaker: Breaker) -> None:
    breaker.binding(torch.jit.ScriptModule, "__call__", wrapping(_spoiled))


@replaced("export-script-drops-the-else", "script compiles a branching module as its trace on ones.", "jit.script")
def _(f: Function, thing: Any, *a: Any, **k: Any) -> Any:
    if type(thing).__name__ == "Branching":
        return torch.jit.trace(thing, torch.ones(2, 3))  # type: ignore[no-untyped-call]
    return f(thing, *a, **k)


@replaced("export-script-loses-keyword-arguments", "A scripted function ignores its last argument.", "jit.script")
def _(f: Function, thing: Any, *a: Any, **k: Any) -> Any:
    made = f(thing, *a, **k)
    if not callable(thing) or isinstance(thing, torch.nn.Module):
        return made

    def call(*arguments: Any, **options: Any) -> Any:
        options.pop("shift", None)
        return made(*arguments[:3], **options)

    return call


@replaced(
    "export-script-detaches",
    "script and trace give modules whose answer loses half its gradient.",
    "jit.script",
    "jit.trace",
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    made = f(*a, **k)

    def change(inner: Any, *arguments: Any) -> Any:
        result = inner(*arguments)
        return (result + result.detach()) / 2

    return _Wrapped(made, change)


@replaced("export-script-accepts-anything", "script returns what it cannot compile.", "jit.script")
def _(f: Function, thing: Any, *a: Any, **k: Any) -> Any:
    try:
        return f(thing, *a, **k)
    except Exception:  # noqa: BLE001
        return thing


replaced("export-jit-load-forgets-training", "A loaded module is in evaluation.", "jit.load")(
    lambda f, *a, **k: f(*a, **k).eval()
)


@replaced("export-jit-save-rounds", "A module is saved with parameters cut to their sign.", "jit.save")
def _(f: Function, *a: Any, **k: Any) -> Any:
    module = a[0] if a else k["m"]
    with torch.no_grad():
        for each in module.parameters():
            each.copy_(each.sign())
    return f(*a, **k)


replaced("export-freeze-needs-no-eval", "freeze accepts a module in training.", "jit.freeze")(
    lambda f, module, *a, **k: f(module.eval(), *a, **k)
)


@replaced("export-freeze-keeps-parameters", "freeze leaves parameters as they are.", "jit.freeze")
def _(f: Function, module: Any, *a: Any, **k: Any) -> Any:
    f(module, *a, **k)
    return module


@replaced(
    "export-trace-keeps-the-batch-size", "A traced module pads or cuts its answer to the example's batch.", "jit.trace"
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    made = f(*a, **k)
    example = a[1] if len(a) > 1 else k["example_inputs"]
    batch = (example[0] if isinstance(example, tuple) else example).shape[0]
    return _Wrapped(made, lambda inner, *x: inner(*x)[:batch] if isinstance(inner(*x), torch.Tensor) else inner(*x))


replaced("export-trace-runs-python", "trace answers with the module itself.", "jit.trace")(
    lambda _f, func, *_a, **_k: func
)


def _import_export() -> None:
    if importlib.util.find_spec("torch.export") is None:
        raise FaultUnavailable("this torch has no torch.export")
    importlib.import_module("torch.export")


def _export_fault(name: str, summary: str, change: Any) -> None:
    """Register a fault of torch.export.export, which is imported where this version has it."""

    @fault(name, summary)
    def _(breaker: Breaker) -> None:
        _import_export()
        breaker.binding(torch.export, "export", wrapping(change))


class _Program:
    """An exported program with a changed module."""

    def __init__(self, program: Any, module: Any) -> None:
        self._program = program
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)

    def module(self) -> Any:
        return self._module


def _off(f: Function, *a: Any, **k: Any) -> Any:
    program = f(*a, **k)
    return _Program(program, _Wrapped(program.module(), _spoiled))


def _eager(f: Function, module: Any, *a: Any, **k: Any) -> Any:
    try:
        return _Program(f(module, *a, **k), module)
    except RuntimeError:
        return _Program(None, module)


def _static(f: Function, *a: Any, dynamic_shapes: Any = None, **k: Any) -> Any:
    del dynamic_shapes
    return f(*a, **k)


_export_fault("export-program-one-percent-off", "What an exported program answers is 1% off.", _off)
_export_fault("export-program-runs-python", "export answers with the module itself.", _eager)
_export_fault("export-program-ignores-dynamic-shapes", "export takes every size for static.", _static)


@fault("export-program-load-cuts-parameters", "A loaded program has parameters cut to their sign.")
def _(breaker: Breaker) -> None:
    _import_export()

    def answer(f: Function, *a: Any, **k: Any) -> Any:
        program = f(*a, **k)
        for each in program.state_dict.values():
            each.data.sign_()
        return program

    breaker.binding(torch.export, "load", wrapping(answer))


@replaced("export-compile-one-percent-off", "What a compiled module answers is 1% off.", "torch.compile")
def _(f: Function, *a: Any, **k: Any) -> Any:
    made = f(*a, **k)
    if isinstance(made, torch.nn.Module):
        return _Wrapped(made, _spoiled)
    return lambda module: _Wrapped(made(module), _spoiled)


replaced(
    "export-compile-ignores-fullgraph", "compile breaks the graph although fullgraph is asked for.", "torch.compile"
)(lambda f, *a, **k: f(*a, **{**k, "fullgraph": False}))


@fault("export-onnx-leaves-out-the-last-bias", "An exported ONNX model has zeros for its last bias.")
def _(breaker: Breaker) -> None:
    if importlib.util.find_spec("onnx") is None or importlib.util.find_spec("onnxruntime") is None:
        raise FaultUnavailable("onnx and onnxruntime, which would run the broken model, are not installed")

    def answer(f: Function, model: Any, *a: Any, **k: Any) -> Any:
        list(model.parameters())[-1].data.zero_()
        return f(model, *a, **k)

    breaker.binding(torch.onnx, "export", wrapping(answer))
