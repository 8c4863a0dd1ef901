"""The forms of faults of arguments: an option ignored or changed, arguments by name, defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch_conformance.conformance.power.damage import Change, Condition, always, always_called
from torch_conformance.conformance.power.forms import Answer, Named, replaced, wrapping
from torch_conformance.conformance.power.registry import Function, fault

_LEFT_OUT = object()


def replaced_by_name(name: str, summary: str, *places: str, order: str = "") -> Callable[[Answer], Answer]:
    """Register the decorated `answer(original, given)`, whose arguments are by name.

    Args:
        name: Of the fault.
        summary: Of the fault.
        places: Where.
        order: Names of positional arguments; empty for those of the signature, which a built-in function has not.
    """

    def make(answer: Answer) -> Callable[[Function], Function]:
        def with_original(original: Function) -> Function:
            names = order.split() or list(inspect.signature(original).parameters)
            return wrapping(lambda f, *a, **k: answer(f, dict(zip(names, a, strict=False)) | k))(original)

        return with_original

    def register(answer: Answer) -> Answer:
        fault(name, summary)(lambda breaker: breaker.replace(places, make(answer)))
        return answer

    return register


def arguments_changed(name: str, summary: str, *places: str, order: str = "") -> Callable[[Answer], Answer]:
    """Register the decorated `change(given)`, which changes the arguments by name, in place."""

    def register(change: Answer) -> Answer:
        def answer(original: Function, given: Named) -> Any:
            change(given)
            return original(**given)

        replaced_by_name(name, summary, *places, order=order)(answer)
        return change

    return register


def option_ignored(name: str, summary: str, *places: str, option: str, value: Any = _LEFT_OUT, order: str = "") -> None:
    """Register a fault under which an option is what it is by default, or always the given value."""

    def change(given: Named) -> None:
        given.pop(option, None)
        if value is not _LEFT_OUT:
            given[option] = value

    arguments_changed(name, summary, *places, order=order)(change)


def option_value_changed(name: str, summary: str, *places: str, option: str, change: Change, order: str = "") -> None:
    """Register a fault that takes `change` of an option for the option, where it is given."""

    def other(given: Named) -> None:
        if given.get(option) is not None:
            given[option] = change(given[option])

    arguments_changed(name, summary, *places, order=order)(other)


def default_changed(name: str, summary: str, *places: str, option: str, value: Any, order: str = "") -> None:
    """Register a fault that takes another value for an option that is not given."""
    arguments_changed(name, summary, *places, order=order)(lambda given: given.setdefault(option, value))


def option_changed(
    name: str, summary: str, *places: str, option: str, place: int | None = None, change: Change | None = None
) -> None:
    """Register a fault that takes `change` of an argument, told by name or at a place, or leaves it out."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        values = list(arguments)
        if option in options:
            value = options.pop(option)
            options |= {} if change is None else {option: change(value)}
        elif place is not None and len(values) > place:
            values[place:] = [] if change is None else [change(values[place]), *values[place + 1 :]]
        return original(*values, **options)

    replaced(name, summary, *places)(answer)


def named(operation: str, mutation: str) -> str:
    """Return the name of a fault that is made of an operation and a mutation."""
    return f"{operation}-{mutation}".strip("_").replace("_", "-")


def keyword_ignored(
    name: str, summary: str, *places: str, option: str, when: Condition = always, called: Answer = always_called
) -> None:
    """Register a fault that drops a keyword, where `when(first argument)` and `called(*arguments, **options)` hold."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        if option in options and when(arguments[0] if arguments else None) and called(*arguments, **options):
            del options[option]
        return original(*arguments, **options)

    replaced(name, summary, *places)(answer)


def argument_changed(
    name: str, summary: str, *places: str, change: Change, when: Condition = always, which: int = 0
) -> None:
    """Register a fault that takes `change` of the argument at place `which`, of any kind, where `when` holds for it."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        values = list(arguments)
        if len(values) > which and when(values[which]):
            values[which] = change(values[which])
        return original(*values, **options)

    replaced(name, summary, *places)(answer)


def arguments_set(
    name: str, summary: str, *places: str, when: Callable[[Named], Any] = always, order: str = ""
) -> Callable[[Answer], Answer]:
    """Register the decorated `values(given)`: the arguments by name that are others, where `when` holds for all."""

    def register(values: Answer) -> Answer:
        arguments_changed(name, summary, *places, order=order)(
            lambda given: given.update(values(given)) if when(given) else None
        )
        return values

    return register


def answered_by_name(
    name: str, summary: str, *places: str, when: Callable[[Named], Any] = always, order: str = ""
) -> Callable[[Answer], Answer]:
    """Register the decorated `answer(given)` of arguments by name as what is answered, where `when` holds."""

    def register(answer: Answer) -> Answer:
        replaced_by_name(name, summary, *places, order=order)(
            lambda original, given: answer(given) if when(given) else original(**given)
        )
        return answer

    return register
