"""Methods of tensors that write their tensor, beside the rows of the operator table."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch_conformance.spec.model import SpecificationError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHAPES = ("any", "rows", "matrices", "matrix", "vector", "product", "batch")
VALUES = ("tiny", "any", "finite", "unit", "positive")
JUDGES = ("reference", "twin", "random")
EXPANDED = ("refused", "unspecified")


@dataclasses.dataclass(frozen=True, slots=True)
class Method:
    """A method of torch.Tensor that writes its tensor.

    Attributes:
        name: Its name, with the underscore.
        calls: Every expression that calls it on the tensor a; the other names are arguments.
        dtypes: The set of dtypes in which it is judged.
        shape: Which sizes the tensor may have.
        values: Which values its tensors hold.
        judge: Whether the reference, the method out of place, or nothing but bounds says what it must write.
        expanded: Whether it refuses a tensor whose elements share memory.
        low: Lower bound of a random result.
        high: Upper bound of a random result.
    """

    name: str
    calls: tuple[str, ...]
    dtypes: str
    shape: str
    values: str
    judge: str
    expanded: str
    low: float = float("-inf")
    high: float = float("inf")

    @property
    def twins(self) -> tuple[str, ...]:
        """The same calls of the method out of place."""
        return tuple(call.replace(f"{self.name}(", f"{self.name[:-1]}(") for call in self.calls)


@dataclasses.dataclass(frozen=True, slots=True)
class MethodTable:
    """The methods by name, and those left out with the reason."""

    methods: Mapping[str, Method]
    left_out: Mapping[str, str]


@functools.cache
def methods() -> MethodTable:
    """Return the shipped methods.

    Raises:
        SpecificationError: For an entry with missing, unknown or bad fields, or a name that is taken.
    """
    path = Path(__file__).parent / "tables" / "inplace.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    found: dict[str, Method] = {}
    problems: list[str] = []
    for number, table in enumerate(content["method"], 1):
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        try:
            method = Method(**fields)
        except TypeError as error:
            problems.append(f"{path}: method {number}: {error}")
            continue
        if method.name in found or method.name in content["left-out"]:
            problems.append(f"{path}: method {number}: {method.name} is taken")
        allowed = ((method.shape, SHAPES), (method.values, VALUES), (method.judge, JUDGES), (method.expanded, EXPANDED))
        problems += [
            f"{path}: method {method.name}: {value!r} is none of {', '.join(choices)}"
            for value, choices in allowed
            if value not in choices
        ]
        found[method.name] = method
    if problems:
        raise SpecificationError(*problems)
    return MethodTable(MappingProxyType(found), MappingProxyType(dict(content["left-out"])))
