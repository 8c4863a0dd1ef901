"""Faults of arange, linspace and logspace."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_ARANGE = (torch, "arange")
_LINSPACE = (torch, "linspace")
_LOGSPACE = (torch, "logspace")
_GRAIN = 32_768
_NAMES = {"arange": ("start", "end", "step"), "space": ("start", "end", "steps", "base")}


def _given(kind: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    names = _NAMES[kind]
    if kind == "arange" and len(arguments) == 1 and "end" not in options:
        names = ("end",)
    found = {"start": 0, "step": 1} if kind == "arange" else {}
    found |= dict(zip(names, arguments, strict=False))
    return found | {name: options[name] for name in _NAMES[kind] if name in options}


def _plain(result: torch.Tensor, options: dict[str, Any]) -> bool:
    """Whether a call made a new tensor with elements to change."""
    return options.get("out") is None and result.device.type != "meta"


def _arange_fault(name: str, summary: str) -> Callable[[Callable[..., Any]], Any]:
    """Register a change of a new arange: (result, start, end, step, whether a dtype was asked for)."""

    def register(change: Callable[..., Any]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            given = _given("arange", arguments, options)
            if not _plain(result, options):
                return result
            asked = options.get("dtype") is not None
            return change(result, given["start"], given["end"], given["step"], asked)

        return bound(name, summary, _ARANGE)(answer)

    return register


@_arange_fault("arange-includes-end", "arange includes the end where the step meets it.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, _: bool) -> Any:
    meets = start != end and math.fmod(end - start, step) == 0
    return torch.cat([result, result.new_full((1,), end)]) if meets else result


@_arange_fault("arange-floors-length", "arange leaves out a last element less than a step from the end.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, _: bool) -> Any:
    return result[: max(int((end - start) / step), 0)]


@_arange_fault("arange-cuts-long-ranges", "arange stops after 32,768 elements.")
def _(result: torch.Tensor, *_: Any) -> Any:
    return result[:_GRAIN]


@_arange_fault("arange-looks-at-end-only", "arange infers int64 from an integral end, whatever start and step.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, asked: bool) -> Any:  # noqa: ARG001
    return result.long() if isinstance(end, int) and not asked else result


@_arange_fault("arange-float-is-double", "arange of floats is float64.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, asked: bool) -> Any:  # noqa: ARG001
    return result.double() if result.is_floating_point() and not asked else result


@_arange_fault("arange-last-of-vector-repeats", "arange repeats an element after the last whole vector.")
def _(result: torch.Tensor, *_: Any) -> Any:
    if len(result) > 8 and len(result) % 8 == 1:
        result[-1] = result[-2]
    return result


@_arange_fault("arange-truncates-start", "arange truncates a fractional start.")
def _(result: torch.Tensor, start: Any, *_: Any) -> Any:
    return result - (start - int(start)) if result.is_floating_point() and start != int(start) else result


@_arange_fault("arange-accumulates-steps", "arange adds the step again and again.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, _: bool) -> Any:  # noqa: ARG001
    if result.dtype not in (torch.float32, torch.float64) or not len(result):
        return result
    kind = np.float32 if result.dtype == torch.float32 else np.float64
    steps = np.full(len(result), step, dtype=kind)
    steps[0] = start
    return torch.from_numpy(np.add.accumulate(steps)).to(result.device)


@_arange_fault("arange-through-half", "arange computes float32 in float16.")
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.half().float() if result.dtype == torch.float32 else result


@_arange_fault("arange-int64-through-double", "arange computes int64 in float64.")
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.double().long() if result.dtype == torch.int64 else result


@_arange_fault("arange-never-empty", "arange with a negative step holds its start even where it equals the end.")
def _(result: torch.Tensor, start: Any, end: Any, step: Any, _: bool) -> Any:
    return result.new_full((1,), start) if start == end and step < 0 else result


@bound("arange-ignores-step-keyword", "arange ignores step= after positional bounds.", _ARANGE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and options.get("step", 0) > 0:
        del options["step"]
    return original(*arguments, **options)


@bound("arange-ignores-device", "arange ignores device= with an inferred dtype.", _ARANGE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("dtype") is None:
        options.pop("device", None)
    return original(*arguments, **options)


@fault("arange-wrong-beyond-the-grain", "The kernel of arange repeats an element beyond 32,768.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(start: Any, end: Any, step: Any, *, out: torch.Tensor) -> torch.Tensor:
            original(start, end, step, out=out)
            if out.dim() == 1:
                out[_GRAIN:] = out[min(_GRAIN, len(out)) - 1] if len(out) > _GRAIN else 0
            return out

        return kernel

    breaker.kernel("aten::arange.start_out", make)


def _tolerant(name: str, summary: str, place: tuple[Any, str], empty: Callable[[dict[str, Any]], bool]) -> None:
    """Register a fault that answers with an empty tensor where `empty` holds for the arguments of a refused call."""

    @bound(name, summary, place)
    def _(original: Function, *arguments: Any, **options: Any) -> Any:
        try:
            return original(*arguments, **options)
        except (RuntimeError, ValueError):
            kind = "arange" if place == _ARANGE else "space"
            if empty(_given(kind, arguments, options)):
                return torch.empty(0, dtype=options.get("dtype"), device=options.get("device"))
            raise


_tolerant("arange-takes-step-zero", "arange with step 0 is empty.", _ARANGE, lambda given: given["step"] == 0)
_tolerant(
    "arange-wrong-direction-is-empty",
    "arange away from its end is empty.",
    _ARANGE,
    lambda given: (given["end"] - given["start"]) * given["step"] < 0,
)
_tolerant(
    "arange-takes-infinity",
    "arange to NaN is empty.",
    _ARANGE,
    lambda given: math.isnan(given["end"]) or math.isnan(given["start"]),
)
_tolerant("linspace-takes-negative-steps", "linspace of negative steps is empty.", _LINSPACE, lambda _: True)
_tolerant("logspace-takes-negative-steps", "logspace of negative steps is empty.", _LOGSPACE, lambda _: True)


@bound("arange-out-ignores-offset", "arange writes out= from the beginning of its storage.", _ARANGE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    out = options.get("out")
    if out is not None and out.storage_offset():
        original(*arguments, **(options | {"out": torch.as_strided(out, out.shape, out.stride(), 0)}))
        return out
    return original(*arguments, **options)


def _space_fault(name: str, summary: str, place: tuple[Any, str] = _LINSPACE) -> Callable[[Callable[..., Any]], Any]:
    """Register a change of a new linspace or logspace: (result, arguments by name)."""

    def register(change: Callable[..., Any]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            given = _given("space", arguments, options) | {"asked": options.get("dtype") is not None}
            return change(result, given) if _plain(result, options) else result

        return bound(name, summary, place)(answer)

    return register


@_space_fault("linspace-drops-one-of-many", "linspace of more than 1,000 steps has one less.")
def _(result: torch.Tensor, _: Any) -> Any:
    return result[:-1] if len(result) > 1000 else result


@_space_fault("logspace-zero-steps-is-one", "logspace of no steps has one element.", _LOGSPACE)
def _(result: torch.Tensor, _: Any) -> Any:
    return result if len(result) else result.new_ones(1)


@_space_fault("linspace-end-from-start", "linspace misses its end by the last bit.")
def _(result: torch.Tensor, given: Any) -> Any:
    if result.dtype in (torch.float32, torch.float64) and len(result) > 8:
        result[-1] = torch.nextafter(result[-1], torch.full_like(result[-1], given["start"]))
    return result


@_space_fault("linspace-excludes-end", "linspace of two steps stops half way.")
def _(result: torch.Tensor, _: Any) -> Any:
    if len(result) == 2 and result.is_floating_point():
        result[1] = (result[0] + result[1]) / 2
    return result


@_space_fault("linspace-one-step-is-end", "linspace of one step is its end.")
def _(result: torch.Tensor, given: Any) -> Any:
    return result.fill_(given["end"]) if len(result) == 1 else result


@_space_fault("linspace-integers-give-integers", "linspace of integral ends is int64.")
def _(result: torch.Tensor, given: Any) -> Any:
    whole = isinstance(given["start"], int) and isinstance(given["end"], int)
    return result.long() if whole and not given["asked"] else result


@_space_fault("logspace-integers-give-integers", "logspace of integral ends is int64.", _LOGSPACE)
def _(result: torch.Tensor, given: Any) -> Any:
    whole = isinstance(given["start"], int) and isinstance(given["end"], int)
    return result.long() if whole and not given["asked"] else result


@_space_fault("linspace-complex-is-real", "linspace from a real to a complex number is real.")
def _(result: torch.Tensor, given: Any) -> Any:
    mixed = not isinstance(given["start"], complex) and isinstance(given["end"], complex)
    return result.real if mixed and not given["asked"] else result


@_space_fault("linspace-middle-twice", "linspace repeats an element where its halves meet.")
def _(result: torch.Tensor, _: Any) -> Any:
    middle = len(result) // 2
    if middle > 4 and len(result) % 2:
        result[middle] = result[middle - 1]
    return result


@fault("linspace-wrong-beyond-the-grain", "The kernel of linspace repeats an element beyond 32,768.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(start: Any, end: Any, steps: int, *, out: torch.Tensor) -> torch.Tensor:
            original(start, end, steps, out=out)
            if steps > _GRAIN:
                out[_GRAIN:-1] = out[_GRAIN - 1]
            return out

        return kernel

    breaker.kernel("aten::linspace.out", make)


@_space_fault("linspace-descending-integers-are-low", "linspace of descending integers is one too low inside.")
def _(result: torch.Tensor, given: Any) -> Any:
    if not result.is_floating_point() and not result.is_complex() and given["end"] < given["start"]:
        result[1:-1] -= 1
    return result


@_space_fault("linspace-through-half", "linspace computes float64 in float32.")
def _(result: torch.Tensor, _: Any) -> Any:
    return result.float().double() if result.dtype == torch.float64 else result


@_space_fault("linspace-descending-stops-early", "linspace repeats the last but one element when it descends.")
def _(result: torch.Tensor, given: Any) -> Any:
    if given["asked"] and len(result) > 2 and not result.is_complex() and given["end"] < given["start"]:
        result[-1] = result[-2]
    return result


@_space_fault("linspace-imaginary-part-constant", "linspace keeps the imaginary part of its start.")
def _(result: torch.Tensor, _: Any) -> Any:
    if result.is_complex() and len(result) > 2:
        torch.view_as_real(result)[1:-1, 1] = complex(result[0].item()).imag
    return result


@_space_fault("linspace-integer-step-is-truncated", "linspace of integers truncates its step.")
def _(result: torch.Tensor, given: Any) -> Any:
    steps = len(result)
    if result.is_floating_point() or result.is_complex() or steps < 3:
        return result
    step = int((given["end"] - given["start"]) / (steps - 1))
    result[1:-1] = torch.tensor([given["start"] + step * i for i in range(1, steps - 1)], device=result.device)
    return result


@bound("linspace-ignores-tensor-end", "linspace takes a tensor end for 1.", _LINSPACE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    changed = [1 if index and isinstance(each, torch.Tensor) else each for index, each in enumerate(arguments)]
    return original(*changed, **options)


@bound("linspace-out-returns-copy", "linspace with out= returns a copy.", _LINSPACE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result.clone() if options.get("out") is not None else result


@bound("logspace-ignores-base", "logspace ignores base given as a keyword.", _LOGSPACE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    options.pop("base", None)
    return original(*arguments, **options)


@bound("logspace-default-base-is-e", "logspace without base takes that of the natural logarithm.", _LOGSPACE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) < 4:
        options.setdefault("base", math.e)
    return original(*arguments, **options)


@_space_fault("logspace-last-element-short", "logspace of many elements repeats the last but one.", _LOGSPACE)
def _(result: torch.Tensor, _: Any) -> Any:
    if len(result) > 16:
        result[-1] = result[-2]
    return result


@bound("logspace-out-ignored", "logspace leaves an out= that is not contiguous as it was.", _LOGSPACE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    out = options.get("out")
    if out is not None and out.numel() and not out.is_contiguous():
        original(*arguments, **(options | {"out": torch.empty_like(out)}))
        return out
    return original(*arguments, **options)
