"""Random expression graphs: steps of torch code, and the same on the tape of the reference.

A drawn number picks a step and its operands among what was computed before, so that values are shared, broadcast,
viewed, indexed with repeats and written in place. A step that does not apply (shapes, size of values, a kink too close
to tell on which side rounding falls) is passed over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives
from torch_conformance.reference.ops import derivatives_reductions as reductions

Array = npt.NDArray[Any]
Apply = Callable[[Variable, Variable], Variable | None]

_MOST_ELEMENTS = 48
_LARGEST = 64.0


@dataclasses.dataclass(frozen=True)
class Step:
    """One step: torch code with {t}, the result, and {a} and {b}, its operands; and what it does on the tape."""

    code: str
    apply: Apply


def _broadcasts(apply: Apply) -> Apply:
    def attempt(a: Variable, b: Variable) -> Variable | None:
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return None
        return apply(a, b)

    return attempt


def _into(apply: Callable[[Variable, Variable], Variable]) -> Apply:
    """Apply where b broadcasts to the shape of a, as a write in place asks for."""

    def attempt(a: Variable, b: Variable) -> Variable | None:
        try:
            fits = np.broadcast_shapes(a.shape, b.shape) == a.shape
        except ValueError:
            return None
        return apply(a, b) if fits else None

    return attempt


def _ranked(least: int, apply: Callable[[Variable], Variable]) -> Apply:
    return lambda a, _: apply(a) if len(a.shape) >= least and 0 not in a.shape else None


def _placed(least: int, place: Callable[[Array], Array]) -> Apply:
    return _ranked(least, lambda a: tape.taken(a, place(tape.places_of(a.shape))))


def _clear(*operands: Variable) -> bool:
    """Whether all elements are farther from zero than rounding may move them."""
    return all(bool(np.all((x.data.bound == 0) | (np.abs(x.data.values) > 2 * x.data.bound))) for x in operands)


def _at_kink(name: str) -> Apply:
    return lambda a, _: derivatives.UNARY[name](a) if _clear(a) else None


def _larger(a: Variable, b: Variable) -> Variable | None:
    return derivatives.BINARY["maximum"](a, b) if _clear(a - b) else None


def _chosen(a: Variable, b: Variable) -> Variable | None:
    return tape.selected(a.data.values > 0, a, b) if _clear(a) else None


def _row_written(a: Variable) -> Variable:
    rows = tape.places_of(a.shape)
    return tape.written(a, rows[0], tape.taken(a, rows[-1]) * 3) + 1


def _view_written(a: Variable) -> Variable:
    places = tape.places_of(a.shape)[..., ::2]
    return tape.written(a, places, tape.taken(a, places) * 2 - 1)


def _cleared(a: Variable) -> Variable:
    places = tape.places_of(a.shape)[-1:]
    return tape.written(a, places, tape.constant(np.zeros(places.shape), a))


def _gram(a: Variable, _: Variable) -> Variable | None:
    return tape.matmul(a, tape.transposed(a)) if len(a.shape) == 2 else None


def _matmul(a: Variable, b: Variable) -> Variable | None:
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[1] != b.shape[0]:
        return None
    return tape.matmul(a, b)


def _stacked(a: Variable, b: Variable) -> Variable | None:
    return tape.joined([a, b], np.stack) if a.shape == b.shape else None


def _detached(a: Variable) -> Variable:
    return Variable(a.data)


WHOLE: tuple[Step, ...] = (
    Step("{t} = {a} + {b}", _broadcasts(tape.add)),
    Step("{t} = {a} - {b}", _broadcasts(lambda a, b: a - b)),
    Step("{t} = {a} * {b}", _broadcasts(tape.multiply)),
    Step("{t} = {a} * {a}", lambda a, _: tape.multiply(a, a)),
    Step("{t} = torch.sub({a}, {b}, alpha=2)", _broadcasts(lambda a, b: a - b * 2)),
    Step("{t} = 3 - {a}", lambda a, _: 3 - a),
    Step("{t} = {a}.sum(-1)", _ranked(1, lambda a: reductions.sum(a, -1))),
    Step("{t} = {a}.sum(0, keepdim=True)", _ranked(1, lambda a: reductions.sum(a, 0, keepdim=True))),
    Step("{t} = {a}.transpose(0, -1)", _placed(1, lambda p: p.swapaxes(0, -1))),
    Step("{t} = {a}.reshape(-1)", _placed(0, lambda p: p.reshape(-1))),
    Step("{t} = {a}[..., ::2]", _placed(1, lambda p: p[..., ::2])),
    Step("{t} = {a}[[0, 0, -1]]", _placed(1, lambda p: p[[0, 0, -1]])),
    Step("{t} = {a}[..., -1]", _placed(1, lambda p: p[..., -1])),
    Step("{t} = {a}.flip(0)", _placed(1, lambda p: p[::-1])),
    Step("{t} = {a}.expand((2, *{a}.shape))", _placed(0, lambda p: np.broadcast_to(p, (2, *p.shape)))),
    Step("{t} = {a}.unsqueeze(-1)", _placed(0, lambda p: p[..., None])),
    Step("{t} = {a}.roll(1, 0)", _placed(1, lambda p: np.roll(p, 1, 0))),
    Step("{t} = torch.cat(({a}, {a}[:1]))", _placed(1, lambda p: np.concatenate([p, p[:1]]))),
    Step("{t} = torch.stack(({a}, {b}))", _stacked),
    Step("{t} = torch.relu({a})", _at_kink("relu")),
    Step("{t} = {a}.abs()", _at_kink("abs")),
    Step("{t} = torch.maximum({a}, {b})", _broadcasts(_larger)),
    Step("{t} = torch.where({a} > 0, {a}, {b})", _broadcasts(_chosen)),
    Step("{t} = {a} @ {b}", _matmul),
    Step("{t} = {a} @ {a}.t()", _gram),
    Step("{t} = {a}.cumsum(-1)", _ranked(1, lambda a: reductions.cumsum(a, len(a.shape) - 1))),
    Step("{t} = {a}.clone(); {t}.mul_({b}); {t}.add_({b})", _into(lambda a, b: tape.multiply(a, b) + b)),
    Step("{t} = {a} + 0; {t} -= {b}; {t} *= 2", _into(lambda a, b: (a - b) * 2)),
    Step("{t} = {a}.clone(); {t}[0] = {t}[-1] * 3; {t} += 1", _ranked(1, _row_written)),
    Step("{t} = {a}.clone(); v = {t}[..., ::2]; v.mul_(2); v.sub_(1)", _ranked(1, _view_written)),
    Step("{t} = {a} * 1; {t}[-1:].zero_()", _ranked(1, _cleared)),
    Step("{t} = {a}.detach() * {b}", _broadcasts(lambda a, b: tape.multiply(_detached(a), b))),
)

SMOOTH: tuple[Step, ...] = (
    *WHOLE,
    Step("{t} = torch.sin({a})", lambda a, _: derivatives.UNARY["sin"](a)),
    Step("{t} = {a}.tanh()", lambda a, _: derivatives.UNARY["tanh"](a)),
    Step("{t} = torch.sigmoid({a})", lambda a, _: derivatives.UNARY["sigmoid"](a)),
    Step("{t} = ({a} / 32).exp()", lambda a, _: derivatives.UNARY["exp"](a / 32)),
    Step("{t} = {a} / ({b} * {b} + 1)", _broadcasts(lambda a, b: a / (tape.multiply(b, b) + 1))),
    Step("{t} = {a}.softmax(-1)", _ranked(1, lambda a: reductions.softmax(a, len(a.shape) - 1))),
    Step("{t} = {a}.mean(-1, keepdim=True)", _ranked(1, lambda a: reductions.mean(a, -1, keepdim=True))),
    Step("{t} = torch.logsumexp({a}, -1)", _ranked(1, lambda a: reductions.logsumexp(a, -1))),
    Step("{t} = ({a} * {a} + 1).sqrt()", lambda a, _: derivatives.UNARY["sqrt"](tape.multiply(a, a) + 1)),
    Step("{t} = torch.atan({a}); {t} = {t}.clone().mul_(2)", lambda a, _: derivatives.UNARY["atan"](a) * 2),
)


@dataclasses.dataclass(frozen=True)
class Graph:
    """A graph in code, and on the tape.

    Attributes:
        lines: Torch code in the leaves; each defines a variable.
        ends: Names and variables of results that nothing else uses.
    """

    lines: tuple[str, ...]
    ends: tuple[tuple[str, Variable], ...]


def _admissible(result: Variable | None) -> bool:
    if result is None or result.data.values.size > _MOST_ELEMENTS or len(result.shape) > 4:
        return False
    return bool(np.all(np.abs(result.data.values) <= _LARGEST))


def grow(leaves: dict[str, Variable], steps: Sequence[Step], codes: Sequence[int]) -> Graph:
    """Return the graph that drawn numbers describe."""
    values = dict(leaves)
    used: set[str] = set()
    lines: list[str] = []
    for code in codes:
        step = steps[code % len(steps)]
        names = list(values)
        # Late results are taken more often than early ones.
        first = names[-1 - (code // 64) % min(len(names), 4)]
        second = names[(code // 256) % len(names)]
        with np.errstate(all="ignore"):
            result = step.apply(values[first], values[second])
        if result is None or not _admissible(result):
            continue
        name = f"t{len(lines)}"
        lines.append(step.code.format(t=name, a=first, b=second))
        values[name] = result
        used |= {first, second} if "{b}" in step.code else {first}
    ends = tuple((name, value) for name, value in values.items() if name not in used and name not in leaves)
    return Graph(tuple(lines), ends)
