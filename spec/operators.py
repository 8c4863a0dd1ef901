"""Elementwise operators as rows: spellings, dtypes, and how the result's dtype follows."""

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

INTEGERS = ("kept", "default-float", "bool", "refused")
RESULTS = ("same", "bool")


@dataclasses.dataclass(frozen=True, slots=True)
class Operator:
    """An elementwise operator of torch.

    Attributes:
        name: Its name in the namespace torch.
        family: What it is judged beside.
        operands: 1 (named a) or 2 (named a and b).
        dtypes: The set of dtypes in which its values are judged.
        integers: What becomes of integer operands: kept, default-float, bool, or refused.
        result: "same" as the promoted operands, or "bool".
        domain: Which values it is judged on; a domain of the value pools, or of operands that belong together.
        signed_zero: Whether the sign of a zero result is judged.
        spellings: Every expression that gives the result.
        inplace: Every expression that writes it to a.
        out: Expressions that write it to out.
    """

    name: str
    family: str
    operands: int
    dtypes: str
    integers: str
    result: str
    domain: str
    signed_zero: bool
    spellings: tuple[str, ...]
    inplace: tuple[str, ...]
    out: tuple[str, ...]


@functools.cache
def operators() -> Mapping[str, Operator]:
    """Return the shipped operators by name.

    Raises:
        SpecificationError: For a row with missing, unknown or bad fields, or a name that is taken.
    """
    path = Path(__file__).parent / "tables" / "operators.toml"
    rows: dict[str, Operator] = {}
    problems: list[str] = []
    for number, table in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["operator"], 1):
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in table.items()
        }
        try:
            row = Operator(**fields)
        except TypeError as error:
            problems.append(f"{path}: operator {number}: {error}")
            continue
        if row.name in rows:
            problems.append(f"{path}: operator {number}: {row.name} is taken")
        if row.integers not in INTEGERS or row.result not in RESULTS or row.operands not in (1, 2):
            problems.append(f"{path}: operator {row.name}: bad integers, result or operands")
        rows[row.name] = row
    if problems:
        raise SpecificationError(*problems)
    return MappingProxyType(rows)
