"""Convolutions and their transposes, as modules and functions, with gradients of input, weight and bias."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.layers import convolution_cases
from torch_conformance.conformance.chapters.nn.layers.convolution_cases import Convolution, Operands
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.conformance.judging.layers import (
    Form,
    arranged,
    constant,
    function,
    judge_gradients,
    judge_values,
    module,
    nearly_whole,
    plainly,
    selected,
    whole,
    within,
)
from torch_conformance.reference.numerics.roundoff import gamma, unit_roundoff

Array = npt.NDArray[Any]
Forward = Callable[[Convolution, Operands], Array]
Backward = Callable[[Convolution, Operands, Array], list[Array]]


def _plain_forms(dims: int) -> tuple[Form, ...]:
    f = f"torch.nn.functional.conv{dims}d"
    m = f"torch.nn.Conv{dims}d"
    made = "device=device, dtype=x.dtype"
    return (
        function(f"y = {f}(x, w, b, stride, padding, dilation, groups)"),
        module(f"m = {m}(channels, outs, k, stride, padding, dilation, groups, bias, {made})"),
        function(f"y = {f}(input=x, weight=w, bias=b, **options)"),
        module(f"m = {m}(in_channels=channels, out_channels=outs, kernel_size=k, bias=bias, {made}, **options)"),
        function(f"y = torch.conv{dims}d(x, w, b, **options)"),
        function(f"y = torch.conv{dims}d(x, w, b, stride, padding, dilation, groups)"),
    )


def _transposed_forms(dims: int) -> tuple[Form, ...]:
    f = f"torch.nn.functional.conv_transpose{dims}d"
    m = f"torch.nn.ConvTranspose{dims}d"
    made = "device=device, dtype=x.dtype"
    return (
        function(f"y = {f}(x, w, b, stride, padding, output_padding, groups, dilation)"),
        module(f"m = {m}(channels, outs, k, stride, padding, output_padding, groups, bias, dilation, {made})"),
        function(f"y = {f}(input=x, weight=w, bias=b, **options)"),
        module(f"m = {m}(in_channels=channels, out_channels=outs, kernel_size=k, bias=bias, {made}, **options)"),
        function(f"y = torch.conv_transpose{dims}d(x, w, b, **options)"),
    )


PLAIN = {dims: _plain_forms(dims) for dims in (1, 2, 3)}
TRANSPOSED = {dims: _transposed_forms(dims) for dims in (1, 2, 3)}


def _inputs(case: Convolution, given: Operands, dtype: str, turn: int, *, transposed: bool = False) -> dict[str, Any]:
    x = given.x if case.batch else given.x[0]
    layout = turn // 2
    if transposed and (given.w.shape[1] == 1 or not case.batch):
        # torch has wrong gradients where a weight of one channel has it innermost, and without a batch (torch 2.0)
        # where the channels of the weight and of the result's gradient are.
        layout = plainly(layout, given.w.shape)
    found: dict[str, Any] = {
        "x": arranged(x, dtype, turn),
        "w": arranged(given.w, dtype, layout),
        "b": None if given.b is None else arranged(given.b, dtype, turn),
        "k": case.kernel if len(set(case.kernel)) > 1 else case.kernel[0],
        "options": case.options(transposed=transposed),
        "channels": case.channels,
        "outs": case.outs,
        "bias": case.bias,
    }
    return found | case.options(transposed=transposed)


def _unbatched(case: Convolution, array: Array) -> Array:
    return array if case.batch else array[0]


def _judge_values(cell: Cell, case: Convolution, forms: tuple[Form, ...], turn: int, value: Forward) -> None:
    """Judge three forms of a case, others in turn."""
    __tracebackhide__ = True
    transposed = value is convolution_cases.transposed_forward
    given = convolution_cases.operands(case, cell.generator(), transposed=transposed)
    y, size = (_unbatched(case, value(case, each)) for each in (given, given.magnitudes()))
    answer = nearly_whole(y, size, cell)
    inputs = _inputs(case, given, cell.dtype, turn, transposed=transposed)
    judge_values(cell, inputs, _in_turn(forms, turn), answer)


def _in_turn(forms: tuple[Form, ...], turn: int) -> tuple[Form, ...]:
    """Return a module, a function and one form more."""
    others = forms[2:]
    return (*forms[:2], others[turn % len(others)]) if others else forms


def _judge_gradients(
    cell: Cell, case: Convolution, forms: tuple[Form, ...], turn: int, value: Forward, gradients: Backward
) -> None:
    __tracebackhide__ = True
    transposed = value is convolution_cases.transposed_forward
    generator = cell.generator()
    given = convolution_cases.operands(case, generator, transposed=transposed)
    size = value(case, given).shape
    g = np.ones(size) if turn % 4 == 3 else whole(generator, size, 1)
    inputs = _inputs(case, given, cell.dtype, turn, transposed=transposed)
    outer = size if case.batch else size[1:]
    inputs["g"] = constant(outer, cell.dtype) if turn % 4 == 3 else arranged(_unbatched(case, g), cell.dtype, turn + 1)
    exact = gradients(case, given, g)
    magnitudes = gradients(case, given.magnitudes(), np.abs(g))
    exact[0], magnitudes[0] = _unbatched(case, exact[0]), _unbatched(case, magnitudes[0])
    answers = [nearly_whole(each, size, cell) for each, size in zip(exact, magnitudes, strict=True)]
    judge_gradients(cell, inputs, _in_turn(forms, turn), answers)
    if turn % 3 == 0:
        # Without some of the gradients, the others stay what they are.
        names, kept = (("w b", answers[1:]), ("x", answers[:1]))[turn % 2]
        leaves = f"[t for t in ({', '.join(names.split())},) if t is not None]"
        judge_gradients(cell, inputs, [Form(forms[0].lines, leaves)], kept, leaves=names)


@clause("nn.conv[123]*.adds-weighted-windows")
def test_convolution_values(cell: Cell) -> None:
    dims = int(cell.clause.subject[4])
    for turn, case in selected(cell, convolution_cases.table(dims)):
        _judge_values(cell, case, PLAIN[dims], turn, convolution_cases.forward)


@clause("nn.conv[123]*.has-gradients-of-input-weight-and-bias")
def test_convolution_gradients(cell: Cell) -> None:
    dims = int(cell.clause.subject[4])
    for turn, case in selected(cell, convolution_cases.table(dims)):
        _judge_gradients(cell, case, PLAIN[dims], turn, convolution_cases.forward, convolution_cases.backward)


@clause("nn.conv-transpose*.spreads-weighted-kernels")
def test_transposed_values(cell: Cell) -> None:
    dims = int(cell.clause.subject[14])
    for turn, case in selected(cell, convolution_cases.transposed_table(dims)):
        _judge_values(cell, case, TRANSPOSED[dims], turn, convolution_cases.transposed_forward)


@clause("nn.conv-transpose*.has-gradients-of-input-weight-and-bias")
def test_transposed_gradients(cell: Cell) -> None:
    dims = int(cell.clause.subject[14])
    value, gradients = convolution_cases.transposed_forward, convolution_cases.transposed_backward
    for turn, case in selected(cell, convolution_cases.transposed_table(dims)):
        _judge_gradients(cell, case, TRANSPOSED[dims], turn, value, gradients)


@clause("nn.conv-transpose.takes-an-output-size")
def test_output_size(cell: Cell) -> None:
    for dims, turn in itertools.product((1, 2, 3), range(3)):
        kernel, stride = (2, 3, 2)[:dims], (2, 3, 2)[:dims]
        extra = tuple((turn + dim) % move for dim, move in enumerate(stride))
        case = Convolution(kernel, stride, turn % 2, 1, 1, 2, 3, bias=True, batch=2, output_padding=extra)
        given = convolution_cases.operands(case, cell.generator(), transposed=True)
        y = convolution_cases.transposed_forward(case, given)
        inputs = _inputs(case, given, cell.dtype, turn, transposed=True) | {"size": y.shape[2:], "whole": y.shape}
        made = f"m = torch.nn.ConvTranspose{dims}d(channels, outs, k, stride, padding, device=device, dtype=x.dtype)"
        load = module(made).lines[1]
        forms = (
            Form((made, load, "y = m(x, output_size=size)")),
            Form((made, load, "y = m(x, whole)")),
            Form((made, load, "y = m(x, list(size))")),
        )
        answer = nearly_whole(y, convolution_cases.transposed_forward(case, given.magnitudes()), cell)
        trial = judge_values(cell, inputs, forms, answer)
        trial.run("low, high = [n - max(stride) for n in size], [n + max(stride) for n in size]")
        trial.expect_error("m(x, low)", ValueError)
        trial.expect_error("m(x, output_size=high)", ValueError)


def _moded(dims: int) -> tuple[Form, ...]:
    m = f"torch.nn.Conv{dims}d"
    made = "device=device, dtype=x.dtype"
    return (
        module(f"m = {m}(channels, outs, k, stride, padding, dilation, groups, bias, mode, {made})"),
        module(f"m = {m}(channels, outs, k, bias=bias, padding_mode=mode, {made}, **options)"),
    )


@clause("nn.conv[123]*.pads-in-its-padding-mode")
def test_padding_modes(cell: Cell) -> None:
    dims = int(cell.clause.subject[4])
    forms = _moded(dims)
    plain = [case for case in convolution_cases.table(dims) if case.padding and case.stride in (1, 2)]
    modes = itertools.cycle(("reflect", "replicate", "circular", "zeros"))
    cases = [dataclasses.replace(case, mode=next(modes)) for case in plain]
    # torch 2.0 wraps around batches alone.
    cases = [dataclasses.replace(case, batch=case.batch or 1) if case.mode == "circular" else case for case in cases]
    for turn, case in selected(cell, cases):
        generator = cell.generator()
        given = convolution_cases.operands(case, generator)
        y = convolution_cases.forward(case, given)
        g = whole(generator, y.shape, 1)
        inputs = _inputs(case, given, cell.dtype, turn) | {
            "mode": case.mode,
            "g": arranged(_unbatched(case, g), cell.dtype),
        }
        bound = convolution_cases.forward(case, given.magnitudes())
        answer = nearly_whole(_unbatched(case, y), _unbatched(case, bound), cell)
        judge_values(cell, inputs, forms, answer)
        exact = convolution_cases.backward(case, given, g)
        sizes = convolution_cases.backward(case, given.magnitudes(), np.abs(g))
        exact[0], sizes[0] = _unbatched(case, exact[0]), _unbatched(case, sizes[0])
        answers = [nearly_whole(each, size, cell) for each, size in zip(exact, sizes, strict=True)]
        judge_gradients(cell, inputs, forms, answers)


@clause("nn.conv[123]*.pads-to-the-same-extents-or-not-at-all")
def test_same_and_valid(cell: Cell) -> None:
    dims = int(cell.clause.subject[4])
    plain = [case for case in convolution_cases.table(dims) if case.stride == 1]
    kernels = {1: ((3,), (2,), (4,)), 2: ((3, 1), (2, 3), (4, 2)), 3: ((3, 1, 2), (1, 2, 3), (2, 2, 2))}[dims]
    found = itertools.product(("same", "valid"), plain[::3])
    paddings = [
        dataclasses.replace(case, padding=padding, kernel=kernels[number % 3])
        for number, (padding, case) in enumerate(found)
    ]
    for turn, case in selected(cell, [case for case in paddings if _fits(case)]):
        if case.padding == "same":
            shape = convolution_cases.forward(case, convolution_cases.operands(case, cell.generator())).shape
            assert shape[2:] == case.extents
        _judge_values(cell, case, PLAIN[dims], turn, convolution_cases.forward)
        _judge_gradients(cell, case, PLAIN[dims][:2], turn, convolution_cases.forward, convolution_cases.backward)


def _fits(case: Convolution) -> bool:
    _, dilation = case.steps
    return all(n > step * (k - 1) for n, k, step in zip(case.extents, case.kernel, dilation, strict=True))


@clause("nn.conv.keeps-the-precision-of-its-dtype")
def test_precision(cell: Cell) -> None:
    generator = cell.generator()
    long = np.longdouble if cell.dtype == "float64" else np.float64
    for dims, turn in itertools.product((1, 2, 3), range(cell.profile.examples // 2 + 1)):
        table = convolution_cases.table(dims)
        case = table[int(generator.integers(len(table)))]
        whole_ones = convolution_cases.operands(case, generator)
        # Every bit of the significand counts.
        parts = {
            name: None if part is None else generator.standard_normal(part.shape).astype(cell.dtype)
            for name, part in (("x", whole_ones.x), ("w", whole_ones.w), ("b", whole_ones.b))
        }
        given = Operands(*(None if part is None else part.astype(long) for part in parts.values()))  # type: ignore[arg-type]
        y = convolution_cases.forward(case, given)
        terms = given.w[0].size + 1
        count = roundings(cell, "nn.conv", terms=terms)
        bound = 2 * gamma(count, unit_roundoff(cell.dtype)) * convolution_cases.forward(case, given.magnitudes())
        answer = within(_unbatched(case, y), _unbatched(case, bound))
        judge_values(cell, _inputs(case, given, cell.dtype, turn), _EXACTLY[dims], answer)


_ALLOWED = "with torch.backends.cudnn.flags(allow_tf32=False): "
_EXACTLY = {dims: (function(_ALLOWED + PLAIN[dims][0].lines[0]),) for dims in (1, 2, 3)}
