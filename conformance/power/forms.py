"""The forms of faults: what is replaced, for which calls, and by what.

A place is where a fault is installed, by name: `torch.sum`, `Tensor.sum`, `F.relu` (torch.nn.functional),
`nn.Linear.forward`, `optim.SGD.step`, or a kernel at the dispatcher, `aten::add.Tensor`, for the devices that are
judged. Every form takes the fault's name, its sentence and its places, in this order; the decorators take the code
that answers instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import Change, Condition, always, always_called, is_strided
from torch_conformance.conformance.power.registry import Function, fault

Answer = Callable[..., Any]
Named = dict[str, Any]
REFUSALS = (IndexError, RuntimeError, ValueError)


def functions(*names: str) -> tuple[str, ...]:
    """Return the places of functions of torch."""
    return tuple(f"torch.{name}" for name in names)


def methods(*names: str) -> tuple[str, ...]:
    """Return the places of methods of tensors."""
    return tuple(f"Tensor.{name}" for name in names)


def both(*names: str) -> tuple[str, ...]:
    """Return the places of functions of torch and of the methods of the same names."""
    return functions(*names) + methods(*names)


def kernels(*operators: str) -> tuple[str, ...]:
    """Return the places of kernels, named with their overload."""
    return tuple(f"aten::{operator}" for operator in operators)


def wrapping(answer: Answer) -> Callable[[Function], Function]:
    """Return what a breaker takes, for `answer(original, *arguments, **options)`."""

    def make(original: Function) -> Function:
        def broken(*arguments: Any, **options: Any) -> Any:
            return answer(original, *arguments, **options)

        return broken

    return make


def replaced(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `answer(original, *arguments, **options)` as what every place answers."""

    def register(answer: Answer) -> Answer:
        fault(name, summary)(lambda breaker: breaker.replace(places, wrapping(answer)))
        return answer

    return register


def tensor_of(arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return the first tensor that a call is given, alone or in a sequence; None where there is none."""
    for value in (*arguments, *options.values()):
        if isinstance(value, Tensor):
            return value
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return value[0]
    return None


def holds(when: Condition, arguments: Sequence[Any], options: Mapping[str, Any]) -> bool:
    """Whether a condition holds for the first tensor of a call."""
    x = tensor_of(arguments, options)
    return x is not None and when(x) if when is not always else True


def input_changed(
    name: str, summary: str, *places: str, change: Change, when: Condition = always, which: int = 0
) -> None:
    """Register a fault that computes with another operand: `change` of the one at place `which`."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        values = list(arguments)
        if not values and which == 0 and "input" in options:
            values = [options.pop("input")]
        if len(values) > which and isinstance(values[which], Tensor) and when(values[which]):
            values[which] = change(values[which])
        return original(*values, **options)

    replaced(name, summary, *places)(answer)


def result_changed(name: str, summary: str, *places: str, change: Change, when: Condition = always) -> None:
    """Register a fault that answers `change` of each result, where `when` holds for the first input."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        applies = holds(when, arguments, options)
        result = original(*arguments, **options)
        if not applies:
            return result
        several = isinstance(result, tuple | list)
        return type(result)(tuple(change(each) for each in result)) if several else change(result)

    replaced(name, summary, *places)(answer)


def answer_changed(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `change(result, *arguments, **options)`; where it returns None the result stays."""

    def register(change: Answer) -> Answer:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            other = change(result, *arguments, **options)
            return result if other is None else other

        replaced(name, summary, *places)(answer)
        return change

    return register


def refusal_forgiven(
    name: str, summary: str, *places: str, instead: Answer, errors: tuple[type[Exception], ...] = REFUSALS
) -> None:
    """Register a fault that answers `instead(original, ...)` where the places refuse."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        try:
            return original(*arguments, **options)
        except errors:
            return instead(original, *arguments, **options)

    replaced(name, summary, *places)(answer)


def attribute_changed(
    name: str,
    summary: str,
    place: str,
    *,
    get: Callable[[Any, Any], Any] | None = None,
    put: Callable[[Any, Any], Any] | None = None,
) -> None:
    """Register a fault of an attribute: `get(object, value)` is what is read, `put(object, value)` what is stored."""

    def make(original: Any) -> property:
        def read(self: Any) -> Any:
            value = original.__get__(self, type(self))
            return value if get is None else get(self, value)

        def write(self: Any, value: Any) -> None:
            original.__set__(self, value if put is None else put(self, value))

        return property(read, write, getattr(original, "__delete__", None))

    fault(name, summary)(lambda breaker: breaker.replace((place,), make))


def static(answer: Answer) -> Callable[[Function], Any]:
    """Return what a breaker takes for a static method, for `answer(original, *arguments, **options)`."""
    return lambda original: staticmethod(wrapping(answer)(original))


def installed(name: str, summary: str, place: str, make: Callable[[Any], Any]) -> None:
    """Register a fault that puts `make(original)` in place of what is there: a class, a static method, a property."""
    fault(name, summary)(lambda breaker: breaker.replace((place,), make))


def nothing(*_: Any, **__: Any) -> None:
    """Answer None and do nothing: what some places do under a fault."""


# Names under which operands are told that all have a place.
_OPERANDS = frozenset({"input", "other", "mat1", "mat2", "mat", "vec", "vec1", "vec2", "batch1", "batch2", "x", "y"})
# Kernels of these overloads are given bare numbers where their schema says tensors, and do not take them back.
_OF_TENSORS = (".Tensor", ".out")


def answered(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `answer(original, ...)` as `replaced` does; it gets operands told by name by place."""
    # Kernels are given bare numbers where their schema says tensors, and do not take them back.
    boxed = places[0].startswith("aten::") and places[0].endswith((".Tensor", ".out"))

    def register(answer: Answer) -> Answer:
        def by_place(original: Function, *arguments: Any, **options: Any) -> Any:
            told = [options.pop(each) for each in tuple(options) if each in _OPERANDS]
            values = (*arguments, *told)
            if boxed:
                values = tuple(each if isinstance(each, Tensor) else torch.tensor(each) for each in values)
            return answer(original, *values, **options)

        replaced(name, summary, *places)(by_place)
        return answer

    return register


def out_answered(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `answer(original, out, ...)` for calls with `out`."""

    def register(answer: Answer) -> Answer:
        def with_out(original: Function, *arguments: Any, out: Any = None, **options: Any) -> Any:
            return original(*arguments, **options) if out is None else answer(original, out, *arguments, **options)

        answered(name, summary, *places)(with_out)
        return answer

    return register


def write_lost(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register a fault of what writes `out` or its first operand: the last stays where the decorated `when` holds."""

    def register(when: Answer) -> Answer:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            written = options.get("out", arguments[0]).data
            if not written.numel() or not when(*arguments):
                return original(*arguments, **options)
            before, last = written.clone(), (-1,) * written.dim()
            result = original(*arguments, **options)
            written[last] = before[last]
            return result

        answered(name, summary, *places)(answer)
        return when

    return register


def made(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `change(tensor, *arguments, **options)` of what a call makes with data and no `out=`."""

    def register(change: Answer) -> Answer:
        def answer(result: Any, *arguments: Any, **options: Any) -> Any:
            new = options.get("out") is None and result.device.type != "meta"
            return change(result, *arguments, **options) if new else None

        answer_changed(name, summary, *places)(answer)
        return change

    return register


def made_changed(name: str, summary: str, *places: str, change: Change, when: Condition = always) -> None:
    """Register a fault that answers `change` of the tensor that a call makes, where `when` holds for this tensor."""
    made(name, summary, *places)(lambda result, *_, **__: change(result) if when(result) else None)


def inferred_as(name: str, summary: str, *places: str, dtype: Any, when: Answer = always_called) -> None:
    """Register a fault of the dtype, None for the default one, where none is asked for and `when(made, ...)` holds."""

    def change(result: Any, *arguments: Any, **options: Any) -> Any:
        applies = options.get("dtype") is None and when(result, *arguments, **options)
        return result.to(dtype or torch.get_default_dtype()) if applies else None

    made(name, summary, *places)(change)


def out_changed(name: str, summary: str, *places: str, change: Change, when: Condition = is_strided) -> None:
    """Register a fault that writes to `change` of an `out=` for which `when` holds, and returns the `out=` itself."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        out = options.get("out")
        if out is None or not when(out):
            return original(*arguments, **options)
        original(*arguments, **(options | {"out": change(out)}))
        return out

    replaced(name, summary, *places)(answer)


def afterwards(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `write(result, *arguments, **options)`, which is called after the places."""

    def register(write: Answer) -> Answer:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            write(result, *arguments, **options)
            return result

        answered(name, summary, *places)(answer)
        return write

    return register


def object_changed(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `change(self)` as what follows a method, without gradients; the answer stays."""

    def register(change: Answer) -> Answer:
        def answer(original: Function, self: Any, *arguments: Any, **options: Any) -> Any:
            result = original(self, *arguments, **options)
            with torch.no_grad():
                change(self)
            return result

        replaced(name, summary, *places)(answer)
        return change

    return register


def attributes_held(name: str, summary: str, *places: str, when: Condition = always) -> Callable[[Answer], Answer]:
    """Register the decorated `values(self)`: attributes that are others while a method runs, where `when` holds."""

    def register(values: Answer) -> Answer:
        def answer(original: Function, self: Any, *arguments: Any, **options: Any) -> Any:
            others = values(self) if when(self) else {}
            kept = {attribute: getattr(self, attribute) for attribute in others}
            try:
                for attribute, value in others.items():
                    setattr(self, attribute, value)
                return original(self, *arguments, **options)
            finally:
                for attribute, value in kept.items():
                    setattr(self, attribute, value)

        replaced(name, summary, *places)(answer)
        return values

    return register
