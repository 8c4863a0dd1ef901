"""Faults of arange, linspace and logspace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored
from torch_conformance.conformance.power.damage import (
    GRAIN,
    at_storage_start,
    is_offset,
    is_one_beyond_a_vector,
    last_repeated,
    longer_than,
    of,
    through,
)
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    inferred_as,
    made,
    made_changed,
    out_changed,
    refusal_forgiven,
    replaced,
)
from torch_conformance.conformance.power.registry import Function


class _Range(NamedTuple):
    """What a call of arange asks for."""

    start: Any
    end: Any
    step: Any


def _range_of(*arguments: Any, **options: Any) -> _Range:
    names = ("end",) if len(arguments) == 1 and "end" not in options else ("start", "end", "step")
    given = {"start": 0, "step": 1} | dict(zip(names, arguments, strict=False)) | options
    return _Range(given["start"], given["end"], given["step"])


def _by_range(change: Callable[[Any, _Range], Any]) -> Answer:
    """Return a change of what arange made, from one of it and the range that was asked for."""
    return lambda y, *arguments, **options: change(y, _range_of(*arguments, **options))


made("arange-includes-end", "arange includes the end where the step meets it.", "torch.arange")(
    _by_range(
        lambda y, r: (
            torch.cat([y, y.new_full((1,), r.end)])
            if r.start != r.end and math.fmod(r.end - r.start, r.step) == 0
            else y
        )
    )
)
made("arange-floors-length", "arange leaves out a last element less than a step from the end.", "torch.arange")(
    _by_range(lambda y, r: y[: max(int((r.end - r.start) / r.step), 0)])
)
made("arange-truncates-start", "arange truncates a fractional start.", "torch.arange")(
    _by_range(lambda y, r: y - (r.start - int(r.start)) if y.is_floating_point() and r.start != int(r.start) else y)
)
made("arange-never-empty", "arange with a negative step is never empty.", "torch.arange")(
    _by_range(lambda y, r: y.new_full((1,), r.start) if r.start == r.end and r.step < 0 else y)
)
inferred_as(
    "arange-looks-at-end-only",
    "arange infers int64 from an integral end, whatever start and step.",
    "torch.arange",
    dtype=torch.int64,
    when=_by_range(lambda _, r: isinstance(r.end, int)),
)
inferred_as(
    "arange-float-is-double",
    "arange of floats is float64.",
    "torch.arange",
    dtype=torch.float64,
    when=lambda y, *_, **__: y.is_floating_point(),
)
for name, summary, place, change, when in (
    ("arange-cuts-long-ranges", "arange stops after 32,768.", "torch.arange", lambda y: y[:GRAIN], longer_than(GRAIN)),
    ("linspace-drops-one-of-many", "linspace has one less.", "torch.linspace", lambda y: y[:-1], longer_than(1000)),
    ("arange-last-of-vector-repeats", "Its tail repeats.", "torch.arange", last_repeated, is_one_beyond_a_vector),
    ("logspace-last-element-short", "logspace repeats the last.", "torch.logspace", last_repeated, longer_than(16)),
    ("arange-through-half", "arange rounds to float16.", "torch.arange", through(torch.float16), of(torch.float32)),
    (
        "arange-int64-through-double",
        "arange rounds to float64.",
        "torch.arange",
        through(torch.float64),
        of(torch.int64),
    ),
    ("linspace-through-half", "It rounds to float32.", "torch.linspace", through(torch.float32), of(torch.float64)),
):
    made_changed(name, summary, place, change=change, when=when)


@made("arange-accumulates-steps", "arange adds the step again and again.", "torch.arange")
def _(y: Tensor, *arguments: Any, **options: Any) -> Any:
    if y.dtype not in (torch.float32, torch.float64) or not len(y):
        return y
    start, _, step = _range_of(*arguments, **options)
    steps = np.full(len(y), step, dtype=np.float32 if y.dtype == torch.float32 else np.float64)
    steps[0] = start
    return torch.from_numpy(np.add.accumulate(steps)).to(y.device)


def _between_bounds(*bounds: Any, step: Any, **_: Any) -> bool:
    return len(bounds) == 2 and step > 0


def _dtype_inferred(*_: Any, **options: Any) -> bool:
    return options.get("dtype") is None


for option, suffix, summary, called in (
    ("step", "step-keyword", "arange ignores step= after positional bounds.", _between_bounds),
    ("device", "device", "arange ignores device= with an inferred dtype.", _dtype_inferred),
):
    keyword_ignored(f"arange-ignores-{suffix}", summary, "torch.arange", option=option, called=called)


@answer_changed("arange-wrong-beyond-the-grain", "The kernel of arange repeats an element.", "aten::arange.start_out")
def _(out: Tensor, *_: Any, **__: Any) -> None:
    if out.dim() == 1 and len(out) > GRAIN:
        out[GRAIN:] = out[GRAIN - 1].clone()


@answer_changed("linspace-wrong-beyond-the-grain", "The kernel of linspace repeats an element.", "aten::linspace.out")
def _(out: Tensor, *_: Any, **__: Any) -> None:
    if len(out) > GRAIN:
        out[GRAIN:-1] = out[GRAIN - 1].clone()


def _empty(_: Function, *__: Any, **options: Any) -> Tensor:
    return torch.empty(0, dtype=options.get("dtype"), device=options.get("device"))


def _empty_where(holds: Callable[[_Range], bool]) -> Answer:
    """Return what is empty for some ranges, and refuses the others still."""
    return lambda arange, *a, **k: _empty(arange, **k) if holds(_range_of(*a, **k)) else arange(*a, **k)


for name, summary, refused in (
    ("arange-takes-step-zero", "arange with step 0 is empty.", lambda r: r.step == 0),
    ("arange-takes-infinity", "arange to NaN is empty.", lambda r: math.isnan(r.end) or math.isnan(r.start)),
    ("arange-wrong-direction-is-empty", "arange away is empty.", lambda r: (r.end - r.start) * r.step < 0),
):
    refusal_forgiven(name, summary, "torch.arange", instead=_empty_where(refused))
for operation in ("linspace", "logspace"):
    name, summary = f"{operation}-takes-negative-steps", f"{operation} of negative steps is empty."
    refusal_forgiven(name, summary, f"torch.{operation}", instead=_empty)


def _integral_ends(_: Any, start: Any, end: Any, *__: Any, **___: Any) -> bool:
    return isinstance(start, int) and isinstance(end, int)


for operation in ("linspace", "logspace"):
    name, summary = f"{operation}-integers-give-integers", f"{operation} of integral ends is int64."
    inferred_as(name, summary, f"torch.{operation}", dtype=torch.int64, when=_integral_ends)


@made("linspace-complex-is-real", "linspace from a real to a complex number is real.", "torch.linspace")
def _(y: Tensor, start: Any, end: Any, *_: Any, **options: Any) -> Any:
    mixed = not isinstance(start, complex) and isinstance(end, complex)
    return y.real if mixed and options.get("dtype") is None else None


made_changed(
    "logspace-zero-steps-is-one",
    "logspace of no steps has one element.",
    "torch.logspace",
    change=lambda y: y.new_ones(1),
    when=lambda y: not len(y),
)
made_changed(
    "linspace-excludes-end",
    "linspace of two steps stops half way.",
    "torch.linspace",
    change=lambda y: torch.stack([y[0], y.mean()]),
    when=lambda y: len(y) == 2 and y.is_floating_point(),
)
made("linspace-one-step-is-end", "linspace of one step is its end.", "torch.linspace")(
    lambda y, _, end, *__, **___: y.fill_(end) if len(y) == 1 else y
)


@made("linspace-end-from-start", "linspace misses its end by the last bit.", "torch.linspace")
def _(y: Tensor, start: Any, *_: Any, **__: Any) -> None:
    if y.dtype in (torch.float32, torch.float64) and len(y) > 8:
        y[-1] = torch.nextafter(y[-1], torch.full_like(y[-1], start))


@made("linspace-middle-twice", "linspace repeats an element where its halves meet.", "torch.linspace")
def _(y: Tensor, *_: Any, **__: Any) -> None:
    middle = len(y) // 2
    if middle > 4 and len(y) % 2:
        y[middle] = y[middle - 1]


def _is_integral(y: Tensor) -> bool:
    return not y.is_floating_point() and not y.is_complex()


@made(
    "linspace-descending-integers-are-low", "linspace of descending integers is one too low inside.", "torch.linspace"
)
def _(y: Tensor, start: Any, end: Any, *_: Any, **__: Any) -> None:
    if _is_integral(y) and end < start:
        y[1:-1] -= 1


@made("linspace-integer-step-is-truncated", "linspace of integers truncates its step.", "torch.linspace")
def _(y: Tensor, start: Any, end: Any, *_: Any, **__: Any) -> None:
    if _is_integral(y) and len(y) > 2:
        step = int((end - start) / (len(y) - 1))
        y[1:-1] = torch.tensor([start + step * place for place in range(1, len(y) - 1)], device=y.device)


@made("linspace-descending-stops-early", "linspace repeats the last but one element.", "torch.linspace")
def _(y: Tensor, start: Any, end: Any, *_: Any, dtype: Any = None, **__: Any) -> Any:
    falling = dtype is not None and len(y) > 2 and not y.is_complex() and end < start
    return last_repeated(y) if falling else None


@made("linspace-imaginary-part-constant", "linspace keeps the imaginary part of its start.", "torch.linspace")
def _(y: Tensor, *_: Any, **__: Any) -> None:
    if y.is_complex() and len(y) > 2:
        torch.view_as_real(y)[1:-1, 1] = complex(y[0].item()).imag


argument_changed(
    "linspace-ignores-tensor-end",
    "linspace takes a tensor end for 1.",
    "torch.linspace",
    change=lambda _: 1,
    when=lambda end: isinstance(end, Tensor),
    which=1,
)
replaced("logspace-default-base-is-e", "logspace has base e by default.", "torch.logspace")(
    lambda logspace, *a, **options: logspace(*a, **(options if len(a) > 3 else {"base": math.e} | options))
)
answer_changed("linspace-out-returns-copy", "linspace with out= returns a copy.", "torch.linspace")(
    lambda y, *_, **options: y.clone() if options.get("out") is not None else y
)
out_changed(
    "logspace-out-ignored", "logspace writes beside an out= with strides.", "torch.logspace", change=torch.empty_like
)
out_changed(
    "arange-out-ignores-offset",
    "arange writes out= from the beginning of its storage.",
    "torch.arange",
    change=at_storage_start,
    when=is_offset,
)
