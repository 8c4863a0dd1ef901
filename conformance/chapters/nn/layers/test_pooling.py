"""Pooling layers in one, two and three dimensions, as modules and functions, with gradients."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.layers import (
    Answer,
    Form,
    arranged,
    constant,
    function,
    judge_gradients,
    judge_values,
    plainly,
    selected,
    whole,
    within_bound,
)
from torch_conformance.reference.nn import pooling
from torch_conformance.reference.nn.convolution import spread
from torch_conformance.reference.nn.pooling import Windows
from torch_conformance.spec.layers import layers

Array = npt.NDArray[Any]
Option = int | tuple[int, ...] | None

_EXTENTS = {1: (8,), 2: (5, 6), 3: (3, 4, 5)}
_ROWS = {dims: layers()[f"max-pool{dims}d"] for dims in (1, 2, 3)}
_KERNELS: dict[int, tuple[Option, ...]] = {dims: row.values("kernel_size") for dims, row in _ROWS.items()}
_STRIDES: dict[int, tuple[Option, ...]] = {dims: row.values("stride") for dims, row in _ROWS.items()}
_DILATIONS: dict[int, tuple[Option, ...]] = {dims: row.values("dilation") for dims, row in _ROWS.items()}
_BATCHES = (2, None, 1)


@dataclasses.dataclass(frozen=True)
class Pool:
    """The options of one case, as they are given to torch."""

    dims: int
    kernel: Option
    stride: Option
    padding: Option
    dilation: Option
    ceil: bool
    batch: int | None

    @property
    def plan(self) -> Windows:
        """Which elements each window holds."""
        kernel = spread(self.kernel, self.dims)  # type: ignore[arg-type]
        stride = kernel if self.stride is None else spread(self.stride, self.dims)
        others = (spread(each, self.dims) for each in (self.padding, self.dilation))  # type: ignore[arg-type]
        return pooling.sliding(_EXTENTS[self.dims], kernel, stride, *others, ceil=self.ceil)

    @property
    def lead(self) -> tuple[int, ...]:
        """Batch, where there is one, and channels."""
        return (2,) if self.batch is None else (self.batch, 2)


def table(dims: int, *, dilations: tuple[Option, ...] = (1,)) -> list[Pool]:
    """Return every combination of the options, as far as each window fits."""
    options = itertools.product(_KERNELS[dims], _STRIDES[dims], (0, 1), dilations, (False, True))
    batches = itertools.cycle(_BATCHES)
    cases = [Pool(dims, k, move, p, d, ceil, next(batches)) for k, move, p, d, ceil in options]
    return [case for case in cases if case.plan.places.size and case.plan.held.any(axis=1).all()]


def _options(case: Pool, **others: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"kernel_size": case.kernel, "padding": case.padding, "ceil_mode": case.ceil}
    return found | ({} if case.stride is None else {"stride": case.stride}) | others


def _distinct(generator: np.random.Generator, size: tuple[int, ...], dims: int, *, negative: bool) -> Array:
    """Return whole numbers of which no two of one plane are equal."""
    lead, plane = size[:-dims], int(np.prod(size[-dims:]))
    rows = [generator.permutation(plane) - (plane + 3 if negative else plane // 2) for _ in range(int(np.prod(lead)))]
    return np.array(rows, dtype=np.float64).reshape(size)


def _max_forms(dims: int) -> tuple[Form, ...]:
    f, m = f"torch.nn.functional.max_pool{dims}d", f"torch.nn.MaxPool{dims}d"
    return (
        function(f"y = {f}(x, kernel_size, stride, padding, dilation, ceil_mode)", leaves="(x,)"),
        function(f"y = {m}(kernel_size, stride, padding, dilation, False, ceil_mode)(x)", leaves="(x,)"),
        function(f"y, i = {f}(x, **options, return_indices=True)", leaves="(x,)"),
        function(f"y, i = {m}(**options, return_indices=True)(x)", leaves="(x,)"),
        function(f"y = torch.max_pool{dims}d(x, **options)", leaves="(x,)"),
        function(f"y, i = {f}_with_indices(x, **options)", leaves="(x,)"),
    )


MAX = {dims: _max_forms(dims) for dims in (1, 2, 3)}


def _gradient(generator: np.random.Generator, size: tuple[int, ...], dtype: str, turn: int) -> tuple[Array, Any]:
    if turn % 4 == 3:
        return np.ones(size), constant(size, dtype)
    g = whole(generator, size, 3)
    return g, arranged(g, dtype, turn + 1)


def _max_inputs(cell: Cell, case: Pool, x: Array, turn: int) -> dict[str, Any]:
    options = _options(case, dilation=case.dilation)
    # max_pool3d refuses an image without a batch whose channels are innermost.
    layout = plainly(turn, x.shape) if case.batch is None else turn
    return {"x": arranged(x, cell.dtype, layout), "options": options, **options, "stride": case.stride}


@clause("nn.max-pool[123]*.takes-the-largest-of-each-window")
def test_max_pool_values(cell: Cell) -> None:
    dims = int(cell.clause.subject[8])
    for turn, case in selected(cell, table(dims, dilations=_DILATIONS[dims])):
        x = _distinct(cell.generator(), (*case.lead, *_EXTENTS[dims]), dims, negative=turn % 2 == 0)
        values, places = pooling.maximum(x, case.plan)
        inputs = _max_inputs(cell, case, x, turn)
        forms = (*MAX[dims][:2], MAX[dims][4])
        judge_values(cell, inputs, forms, Answer(values))
        for form in (MAX[dims][2 + turn % 2], MAX[dims][5]):
            trial = judge_values(cell, inputs, (form,), Answer(values))
            trial.expect("i", places)


@clause("nn.max-pool[123]*.has-its-gradient-at-the-largest")
def test_max_pool_gradients(cell: Cell) -> None:
    dims = int(cell.clause.subject[8])
    for turn, case in selected(cell, table(dims, dilations=_DILATIONS[dims])):
        generator = cell.generator()
        x = _distinct(generator, (*case.lead, *_EXTENTS[dims]), dims, negative=False)
        values, places = pooling.maximum(x, case.plan)
        layout = plainly(turn + 1, values.shape) - 1 if case.batch is None else turn
        g, tensor = _gradient(generator, values.shape, cell.dtype, layout)
        inputs = _max_inputs(cell, case, x, turn) | {"g": tensor}
        forms = (MAX[dims][turn % 2], MAX[dims][2 + turn % 4])
        answers = [Answer(pooling.placed(g, places, _EXTENTS[dims]))]
        judge_gradients(cell, inputs, forms, answers, leaves="x", value=Answer(values))


def _average_forms(dims: int) -> tuple[Form, ...]:
    f, m = f"torch.nn.functional.avg_pool{dims}d", f"torch.nn.AvgPool{dims}d"
    last = "" if dims == 1 else ", divisor_override"
    call = f"kernel_size, stride, padding, ceil_mode, count_include_pad{last}"
    return (
        function(f"y = {m}({call})(x)", leaves="(x,)"),
        function(f"y = {f}(x, **options)", leaves="(x,)"),
        function(f"y = {m}(**options)(x)", leaves="(x,)"),
        function(f"y = {f}(x, {call.replace('stride', 'stride or kernel_size')})", leaves="(x,)"),
    )


AVERAGE = {dims: _average_forms(dims) for dims in (1, 2, 3)}


def _averages(dims: int) -> list[tuple[Pool, bool, int | None]]:
    """Return cases with and without counting the padding, and with other divisors."""
    overrides = (None,) if dims == 1 else (None, 5, None, -2)
    found = []
    for number, (case, include) in enumerate(itertools.product(table(dims), (True, False))):
        found.append((case, include, overrides[number // 2 % len(overrides)]))
    return found


def _average_inputs(cell: Cell, case: Pool, x: Array, include: bool, override: int | None, turn: int) -> dict[str, Any]:  # noqa: FBT001
    options = _options(case, count_include_pad=include)
    if case.dims > 1:
        options["divisor_override"] = override
    return {"x": arranged(x, cell.dtype, turn), "options": options, **options, "stride": case.stride}


@clause("nn.avg-pool[123]*.averages-each-window")
def test_average_pool_values(cell: Cell) -> None:
    dims = int(cell.clause.subject[8])
    for turn, (case, include, override) in selected(cell, _averages(dims), scale=2):
        x = whole(cell.generator(), (*case.lead, *_EXTENTS[dims]), 5)
        divisor = pooling.divisors(case.plan, include_pad=include, override=override)
        values = pooling.average(x.astype(np.longdouble), case.plan, divisor)
        answer = within_bound(cell, "nn.average-pool", values, values)
        inputs = _average_inputs(cell, case, x, include, override, turn)
        judge_values(cell, inputs, AVERAGE[dims], answer)


@clause("nn.avg-pool[123]*.shares-its-gradient-equally")
def test_average_pool_gradients(cell: Cell) -> None:
    dims = int(cell.clause.subject[8])
    for turn, (case, include, override) in selected(cell, _averages(dims)):
        generator = cell.generator()
        plan = case.plan
        g, tensor = _gradient(generator, (*case.lead, *plan.outs), cell.dtype, turn)
        divisor = pooling.divisors(plan, include_pad=include, override=override)
        x = whole(generator, (*case.lead, *_EXTENTS[dims]), 5)
        inputs = _average_inputs(cell, case, x, include, override, turn) | {"g": tensor}
        answer = shared(cell, g, plan, divisor)
        judge_gradients(cell, inputs, (AVERAGE[dims][turn % 2], AVERAGE[dims][2 + turn % 2]), [answer], leaves="x")


def shared(cell: Cell, g: Array, plan: Windows, divisor: Array) -> Answer:
    """Return the gradient of an average: a few quotients, each rounded, added one by one."""
    exact = pooling.average_gradient(g.astype(np.longdouble), plan, divisor)
    size = pooling.average_gradient(np.abs(g).astype(np.longdouble), plan, np.abs(divisor))
    most = int(np.bincount(plan.places[plan.held]).max())
    return within_bound(cell, "nn.average-pool", exact, size, terms=most)


_OUTS: dict[int, tuple[Any, ...]] = {
    1: (1, 3, 5, (8,), 11),
    2: (1, (2, 3), (3, None), (None, 4), (7, 5), 6),
    3: (1, (2, 3, 2), (None, 2, 3), (3, None, None), (4, 2, 7)),
}


def _adaptive(dims: int, size: Any) -> Windows:
    extents = _EXTENTS[dims]
    outs = (size,) * dims if isinstance(size, int) else size
    return pooling.adaptive(extents, tuple(n if out is None else out for n, out in zip(extents, outs, strict=True)))


def _adaptive_cases(cell: Cell) -> list[tuple[int, int, Any, tuple[int, ...]]]:
    """Return turn, dimensions, output size and the input's leading extents."""
    found = [(dims, size) for dims in (1, 2, 3) for size in _OUTS[dims]]
    return [(turn, dims, size, ((2, 3), (2,), (1, 1))[turn % 3]) for turn, (dims, size) in selected(cell, found)]


def _adaptive_forms(kind: str, dims: int, turn: int) -> tuple[Form, ...]:
    f, m = f"torch.nn.functional.adaptive_{kind}_pool{dims}d", f"torch.nn.Adaptive{kind.title()}Pool{dims}d"
    spelled = (f"y = {f}(x, output_size)", f"y = {m}(output_size)(x)", f"y = {m}(output_size=output_size)(x)")
    if kind == "max":
        more = (f"y, i = {f}(x, output_size, return_indices=True)", f"y, i = {m}(output_size, True)(x)")
    else:
        more = (f"y = {f}(input=x, output_size=output_size)",) * 2
    return tuple(function(each, leaves="(x,)") for each in (spelled[0], spelled[1 + turn % 2], more[turn % 2]))


@clause("nn.adaptive-avg-pool.averages-windows-of-its-output-size")
def test_adaptive_average(cell: Cell) -> None:
    for turn, dims, size, lead in _adaptive_cases(cell):
        generator = cell.generator()
        plan = _adaptive(dims, size)
        x = whole(generator, (*lead, *_EXTENTS[dims]), 5)
        values = pooling.average(x.astype(np.longdouble), plan, plan.padded)
        g, tensor = _gradient(generator, values.shape, cell.dtype, turn)
        inputs = {"x": arranged(x, cell.dtype, turn), "output_size": size, "g": tensor}
        forms = _adaptive_forms("avg", dims, turn)
        # 1-d and 3-d kernels sum in the dtype itself; whole numbers of this size leave that exact.
        value = within_bound(cell, "nn.average-pool", values, values)
        judge_values(cell, inputs, forms, value)
        judge_gradients(cell, inputs, forms[:2], [shared(cell, g, plan, plan.padded)], leaves="x", value=value)


@clause("nn.adaptive-max-pool.takes-the-largest-of-windows-of-its-output-size")
def test_adaptive_max(cell: Cell) -> None:
    for turn, dims, size, lead in _adaptive_cases(cell):
        generator = cell.generator()
        plan = _adaptive(dims, size)
        x = _distinct(generator, (*lead, *_EXTENTS[dims]), dims, negative=turn % 2 == 0)
        values, places = pooling.maximum(x, plan)
        g, tensor = _gradient(generator, values.shape, cell.dtype, turn)
        inputs = {"x": arranged(x, cell.dtype, turn), "output_size": size, "g": tensor}
        forms = _adaptive_forms("max", dims, turn)
        trial = judge_values(cell, inputs, forms, Answer(values))
        trial.expect("i", places)
        answers = [Answer(pooling.placed(g, places, _EXTENTS[dims]))]
        judge_gradients(cell, inputs, forms, answers, leaves="x", value=Answer(values))


@clause("nn.lp-pool.takes-the-root-of-the-sum-of-powers")
def test_power_pool(cell: Cell) -> None:
    cases = [(case, power) for dims in (1, 2) for case in table(dims) for power in (1, 2, 3.0)]
    # Of windows that ceil_mode cuts short, torch multiplies the mean by the whole window's size.
    cases = [(case, power) for case, power in cases if not case.ceil and case.padding == 0]
    for turn, (case, power) in selected(cell, cases):
        generator = cell.generator()
        x = generator.integers(1, 5, (*case.lead, *_EXTENTS[case.dims])).astype(np.longdouble)
        values = pooling.power_mean(x, case.plan, power)
        g, tensor = _gradient(generator, values.shape, cell.dtype, turn)
        options = {key: value for key, value in _options(case).items() if key not in ("padding", "ceil_mode")}
        if case.dims == 1:
            # In one dimension a single number is documented.
            options = {key: value[0] if isinstance(value, tuple) else value for key, value in options.items()}
        inputs = {"x": arranged(x, cell.dtype, turn), "p": power, "options": options, "g": tensor}
        f, m = f"torch.nn.functional.lp_pool{case.dims}d", f"torch.nn.LPPool{case.dims}d"
        forms = [
            function(f"y = {f}(x, p, **options)", leaves="(x,)"),
            function(f"y = {m}(norm_type=p, **options)(x)", leaves="(x,)"),
            function(f"y = {m}(p, **options)(x)", leaves="(x,)"),
        ]
        judge_values(cell, inputs, forms, within_bound(cell, "nn.lp-pool.value", values, values))
        gradient = pooling.power_mean_gradient(x, g, case.plan, power)
        size = pooling.power_mean_gradient(x, np.abs(g), case.plan, power)
        slope = within_bound(cell, "nn.lp-pool.gradient", gradient, size)
        judge_gradients(cell, inputs, forms[:2], [slope], leaves="x")


@clause("nn.max-unpool.puts-values-back-at-their-places")
def test_unpool(cell: Cell) -> None:
    cases = [case for dims in (1, 2, 3) for case in table(dims) if case.stride is None and not case.ceil]
    for turn, case in selected(cell, cases):
        generator = cell.generator()
        extents = _EXTENTS[case.dims]
        x = _distinct(generator, (*case.lead, *extents), case.dims, negative=True)
        values, places = pooling.maximum(x, case.plan)
        g = whole(generator, x.shape, 3)
        options = {"kernel_size": case.kernel, "padding": case.padding}
        inputs = {
            "x": arranged(values, cell.dtype, turn),
            "i": arranged(places, "int64", turn + 1),
            "options": options,
            "size": extents if turn % 2 or case.batch is None else x.shape,
            "g": arranged(g, cell.dtype),
        }
        f, m = f"torch.nn.functional.max_unpool{case.dims}d", f"torch.nn.MaxUnpool{case.dims}d"
        forms = (
            function(f"y = {f}(x, i, output_size=size, **options)", leaves="(x,)"),
            function(f"y = {m}(**options)(x, i, output_size=size)", leaves="(x,)"),
        )
        answer = Answer(pooling.placed(values, places, extents))
        judge_values(cell, inputs, forms, answer)
        # The gradient is refused where places, or the gradient of the result, are not contiguous.
        inputs["i"] = arranged(places, "int64")
        flat = np.take_along_axis(g.reshape(*case.lead, -1), places.reshape(*case.lead, -1), -1)
        judge_gradients(cell, inputs, forms, [Answer(flat.reshape(values.shape))], leaves="x", value=answer)
