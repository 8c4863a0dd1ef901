"""Calls of the layer table that leave options out, beside the same with the documented defaults written out."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.judging.layers import arranged
from torch_conformance.reference.model.strided import Strided
from torch_conformance.spec.layers import Layer, Probe, exists, layers

_STATEFUL = ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")


@dataclasses.dataclass(frozen=True)
class Pair:
    """A call without its options, and the same with their defaults; torch code."""

    plain: str
    full: str


def written(row: Layer, form: str, given: str, version: str) -> str:
    """Return the options of a form that a call leaves out, as they would be written after what it is given.

    Args:
        row: The layer.
        form: module, function or call.
        given: The arguments of the call.
        version: Of torch: newer options are left out.
    """
    call = _parsed(given)
    named = {keyword.arg for keyword in call.keywords}
    # The first arguments of a function are inputs; of a constructor they are its first options.
    options = row.options_of(form)[len(call.args) if form == "module" else 0 :]
    found = []
    by_name = bool(named)
    for option in options:
        if option.default is None or option.name in named or not exists(option.since, version):
            continue
        by_name = by_name or option.name in row.by_name_alone
        # The stride of a window is its extent, which every probe gives right after its inputs.
        value = _window(row, form, given) if option.default == "kernel_size" else option.default
        found.append(f"{option.name}={value}" if by_name else value)
    return ", ".join(found)


def _parsed(given: str) -> ast.Call:
    """Return a call with the arguments that are given."""
    call = ast.parse(f"f({given})", mode="eval").body
    assert isinstance(call, ast.Call)
    return call


def _window(row: Layer, form: str, given: str) -> str:
    """Return what a call gives for the extent of a window."""
    call = _parsed(given)
    required = [option.name for option in row.options_of(form) if option.default is None]
    return ast.unparse(call.args[len(call.args) - len(required) + required.index("kernel_size")])


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _probes(version: str) -> Iterator[tuple[Layer, Probe]]:
    return ((row, probe) for row in layers().values() if row.exists_in(version) for probe in row.probes)


def function_calls(version: str) -> Iterator[Pair]:
    """Yield calls of functions; what they write besides is part of the result."""
    for row, probe in _probes(version):
        if probe.function is not None:
            options = probe.written or written(row, "function", probe.function, version)
            both = (f"torch.nn.functional.{row.function}({_joined(probe.function, more)})" for more in ("", options))
            yield Pair(*(f"({call}, {probe.also})" if probe.also else call for call in both))


def is_network(row: Layer) -> bool:
    """Tell whether a layer has a state or attention: a network has a clause of its own."""
    return row.module.startswith(("Transformer", "Multihead")) or row.module in _STATEFUL


def modules(version: str, *, networks: bool) -> Iterator[tuple[Pair, str]]:
    """Yield constructors, and what the module is called with."""
    for row, probe in _probes(version):
        if probe.module is not None and is_network(row) == networks:
            options = probe.written or written(row, "module", probe.module, version)
            both = (f"torch.nn.{row.module}({_joined(probe.module, more)})" for more in ("", options))
            yield Pair(*both), probe.inputs


def module_calls(version: str) -> Iterator[tuple[str, Pair]]:
    """Yield the constructor of each module whose call has options, and the arguments of two calls."""
    for row, probe in _probes(version):
        if probe.module is not None and row.options_of("call"):
            options = probe.call or written(row, "call", probe.inputs, version)
            yield f"torch.nn.{row.module}({probe.module})", Pair(probe.inputs, _joined(probe.inputs, options))


def operands(generator: np.random.Generator, dtype: str) -> dict[str, Strided]:
    """Return the operands of the probes, of few-bit numbers.

    Args:
        generator: Where they are drawn from.
        dtype: Of the floating ones; the others are int64.
    """
    drawn: dict[str, npt.NDArray[np.float64]] = {
        name: generator.integers(-16, 16, size, endpoint=True) / 8 for name, size in _SIZES.items()
    }
    drawn["variance"] = np.abs(drawn["variance"]) + 0.5
    drawn["shares"] = np.abs(drawn["shares"]) / 2.125 + 0.03125
    drawn["spread"] = np.where(drawn["shares"] > 0.25, drawn["shares"], 0)
    weights = generator.integers(1, 9, (4, 5, 6))
    drawn["logs"] = np.log(weights / weights.sum(axis=-1, keepdims=True))
    floating = {name: arranged(values, dtype) for name, values in drawn.items()}
    whole = {"indices": generator.integers(0, 6, (3, 4))} | {name: np.array(values) for name, values in _WHOLE.items()}
    return floating | {name: arranged(values, "int64") for name, values in whole.items()}


_SIZES: dict[str, tuple[int, ...]] = {
    "x1": (2, 4, 7),
    "x2": (2, 4, 5, 6),
    "x3": (2, 4, 5, 4, 3),
    "w1": (4, 4, 3),
    "w2": (4, 4, 2, 3),
    "w3": (4, 4, 2, 3, 2),
    "mean": (4,),
    "variance": (4,),
    "table": (6, 3),
    "pairs": (5, 3),
    "other": (5, 3),
    "third": (5, 3),
    "shares": (5, 3),
    "query": (2, 3, 4),
    "key": (2, 5, 4),
    "value": (2, 5, 4),
}
_WHOLE = {
    "classes": [0, 2, 1, 1, 2],
    "ignoring": [0, -100, 1, 1, -100],
    "signs": [1, -1, 1, -1, -1],
    "labels": [[1, -1, 0]] * 3,
    "spelled": [[1, 3]] * 5,
}
