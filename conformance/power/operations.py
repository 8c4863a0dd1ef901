"""Faults of an operation, named by it and by the mutation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch_conformance.conformance.power.forms import Answer, Named, both, refusal_forgiven, replaced
from torch_conformance.conformance.power.registry import Function


def picked(function: Answer) -> Callable[[Named], Any]:
    """Return a function of all that is given, which hands over what a function names; None for what is not given."""
    parameters = inspect.signature(function).parameters.items()
    defaults = {name: None if each.default is each.empty else each.default for name, each in parameters}
    return lambda given: function(**{name: given.get(name, default) for name, default in defaults.items()})


class Operation:
    """An operation: what its faults are named after, where it stands, and what its arguments are called.

    A fault is named by operation and mutation, and told in the same words unless others are given. The functions of
    a row take what they name: arguments, `original`, and `result`, which is computed for those that name it.
    """

    def __init__(self, name: str, *places: str, order: str = "x/input dim") -> None:
        """Take the order of positional arguments; keywords that mean the same follow a slash, as in "x/input dim"."""
        names = [each.split("/") for each in order.split()]
        self._name, self._places = name, places or both(name)
        self._order = [first for first, *_ in names]
        self._called = {other: first for first, *others in names for other in others}

    def _told(self, mutation: str, said: str) -> tuple[str, ...]:
        sentence = f"{self._name} {said or mutation}".strip()
        name = re.sub("[^a-z0-9]+", "-", f"{self._name} {mutation}".lower()).strip("-")
        return name, f"{sentence if self._name else sentence[0].upper() + sentence[1:]}.", *self._places

    def _given(self, arguments: Sequence[Any], options: Mapping[str, Any]) -> Named:
        named = {self._called.get(keyword, keyword): value for keyword, value in options.items()}
        return dict(zip(self._order, arguments, strict=False)) | named

    def replaced(self, mutation: str, said: str = "") -> Callable[[Answer], Answer]:
        """Register the decorated `answer(original, *arguments, **options)`."""
        return replaced(*self._told(mutation, said))

    def given(self, mutation: str, said: str = "", **changes: Answer) -> None:
        """Register a fault that takes other values for some arguments, as in `dim=lambda x, dim: dim % x.dim()`."""
        changing = {name: picked(change) for name, change in changes.items()}

        @self.replaced(mutation, said)
        def _(original: Function, *arguments: Any, **options: Any) -> Any:
            given = self._given(arguments, options)
            given |= {name: change(given) for name, change in changing.items() if name in given}
            values = [given[name] for name in self._order[: len(arguments)]]
            named = {keyword: given[self._called.get(keyword, keyword)] for keyword in options}
            return original(*values, *arguments[len(values) :], **named)

    def answers(self, mutation: str, said: str = "") -> Callable[[Answer], None]:
        """Register the decorated function as what is answered, such as `lambda result, x: result[: len(x)]`."""

        def register(by: Answer) -> None:
            function, needs_result = picked(by), "result" in inspect.signature(by).parameters

            @self.replaced(mutation, said)
            def _(original: Function, *arguments: Any, **options: Any) -> Any:
                made = {"result": original(*arguments, **options)} if needs_result else {}
                return function(self._given(arguments, options) | made | {"original": original})

        return register

    def forgives(self, mutation: str, said: str = "") -> Callable[[Answer], None]:
        """Register the decorated function as what is answered where the operation refuses."""

        def register(by: Answer) -> None:
            told, function = self._told(mutation, said), picked(by)
            refusal_forgiven(*told, instead=lambda f, *a, **k: function(self._given(a, k) | {"original": f}))

        return register

    def refuses(self, mutation: str, when: Answer, error: type[Exception] = RuntimeError) -> None:
        """Register a fault that refuses what is allowed."""
        function = picked(when)

        @self.replaced(mutation)
        def _(original: Function, *arguments: Any, **options: Any) -> Any:
            if function(self._given(arguments, options)):
                raise error(f"{self._name} {mutation}")
            return original(*arguments, **options)
