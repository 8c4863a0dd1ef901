"""Elementwise operators as rows: spellings, dtypes, domains, and how the result's dtype follows."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from torch_conformance.spec.loader import load
from torch_conformance.spec.model import SpecificationError
from torch_conformance.spec.toml_file import TomlFile, TomlTable

INTEGERS = ("kept", "default-float", "bool", "refused")
RESULTS = ("same", "bool")
DOMAINS = ("any", "number", "finite", "moderate", "positive", "unit", "small", "divisor", "small-divisor", "shift")
PAIRS = ("free", "tied", "apart", "off-jumps")
_TEXTS = ("name", "family", "dtypes", "integers", "result", "domain")
_LISTS = ("spellings", "inplace", "out")
_REQUIRED = (*_TEXTS, "operands", "signed_zero", *_LISTS)
_OPTIONAL = ("reflected", "limit", "second", "second_limit", "disputed", "gradient")
_GRADIENT = ("a", "b", "at", "pairs", "inplace", "twice", "twice_not_at")

Ends = tuple[float, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Gradient:
    """Where and how the derivatives of an operator are judged.

    Attributes:
        a: Between which ends the first operand lies; derivatives are moderate there, in 16 bits too.
        b: Between which ends the second operand lies.
        at: Values planted in the first operand: kinks that are documented, points where derivatives vanish.
        pairs: How two operands are drawn: free, half of them tied, apart (never equal, in any dtype), or off-jumps (no
            quotient is whole).
        inplace: Whether the method in place has a derivative; torch says itself where not (NotImplementedError).
        twice: Whether the second derivative is judged.
        twice_not_at: Values at which it is not, since the first derivative is one by continuity alone.
    """

    a: Ends = (-4.0, 4.0)
    b: Ends = (-4.0, 4.0)
    at: tuple[float, ...] = ()
    pairs: str = "free"
    inplace: bool = True
    twice: bool = True
    twice_not_at: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Operator:
    """An elementwise operator of torch.

    Its bound stands in accuracy.toml, its value and derivative in `reference.ops`, each under its name.

    Attributes:
        name: Its name in the namespace torch.
        family: What it is judged beside.
        operands: 1 (named a) or 2 (named a and b).
        dtypes: The set of dtypes in which its values are judged.
        integers: What becomes of integer operands: kept, default-float, bool, or refused.
        result: "same" as the promoted operands, or "bool".
        domain: Which values it is judged on; a domain of the value pools, or of operands that belong together.
        signed_zero: Whether the sign of a zero result is judged: not where it comes of terms that cancel.
        spellings: Every expression that gives the result.
        inplace: Every expression that writes it to a.
        out: Expressions that write it to out.
        reflected: Spellings that are for a number as the other operand: torch 2.0 takes a tensor there for one, so that
            derivatives are not judged by them.
        limit: Largest arguments up to which kernels state an error: in float32 and narrower dtypes, in float64.
        second: The domain of the second operand where it is another.
        second_limit: Its largest magnitude among hard values.
        disputed: Dtypes in which some supported torch gets values wrong: only clauses on values judge them there.
        gradient: Where and how derivatives are judged.
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
    reflected: tuple[str, ...] = ()
    limit: Ends | None = None
    second: str | None = None
    second_limit: float | None = None
    disputed: str | None = None
    gradient: Gradient = Gradient()

    @property
    def derived_spellings(self) -> tuple[str, ...]:
        """The spellings by which derivatives are judged."""
        return tuple(each for each in self.spellings if each not in self.reflected)


def _check(row: TomlTable, sets: tuple[str, ...]) -> None:
    row.keys(_REQUIRED, _OPTIONAL)
    row.text(*_TEXTS, "second", "disputed")
    row.choice("integers", INTEGERS)
    row.choice("result", RESULTS)
    for key in ("domain", "second"):
        row.choice(key, DOMAINS)
    for key in ("dtypes", "disputed"):
        row.dtypes(key, sets)
    row.numbers("second_limit")
    row.switches("signed_zero")
    if row.data.get("operands", 1) not in (1, 2):
        row.expect("operands", "1 or 2")
    for key in (*_LISTS, "reflected"):
        value = row.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            row.expect(key, "a list of expressions")
    if row.data.get("spellings") == []:
        row.expect("spellings", "at least one expression")
    if "limit" in row.data and not _are_ends(row.data["limit"]):
        row.expect("limit", "two numbers in order, for float32 and for float64")
    _check_gradient(row)


def _check_gradient(row: TomlTable) -> None:
    data = row.data.get("gradient", {})
    if not isinstance(data, dict):
        row.expect("gradient", "a table { ... }")
        return
    table = TomlTable(row.file, row.line, data, f"{row.prefix}gradient: ", within="gradient")
    table.keys((), _GRADIENT)
    for key in ("a", "b"):
        if key in data and not _are_ends(data[key]):
            table.expect(key, "two numbers in order")
    for key in ("at", "twice_not_at"):
        if not isinstance(data.get(key, []), list) or not all(map(_is_number, data.get(key, []))):
            table.expect(key, "a list of numbers")
    table.text("pairs")
    table.choice("pairs", PAIRS)
    table.switches("inplace", "twice")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_ends(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _rows(file: TomlFile, sets: tuple[str, ...]) -> Iterator[Operator]:
    file.check_top("operator")
    places: dict[str, int] = {}
    for table in file.tables("operator"):
        row = dataclasses.replace(table, prefix=f"operator {table.data.get('name', '?')}: ")
        before = len(file.problems)
        _check(row, sets)
        if len(file.problems) > before:
            continue
        fields = {key: _frozen(value) for key, value in row.data.items()}
        gradient = {key: _frozen(value) for key, value in fields.pop("gradient", {}).items()}
        first = places.setdefault(fields["name"], row.line)
        if first != row.line:
            row.refuse("name", f"name = {fields['name']!r} is taken by {file.path}:{first}; keep one")
        yield Operator(**fields, gradient=Gradient(**gradient))


def read_operators(path: Path) -> Mapping[str, Operator]:
    """Return the operators of a file by name.

    Raises:
        SpecificationError: Naming every row with missing, unknown or bad fields, or a name that is taken.
    """
    file = TomlFile(path)
    rows = {row.name: row for row in _rows(file, tuple(load().dtype_sets))} if file.readable else {}
    if file.problems:
        raise SpecificationError(*file.problems)
    return MappingProxyType(rows)


@functools.cache
def operators() -> Mapping[str, Operator]:
    """Return the shipped operators by name.

    Raises:
        SpecificationError: For a row with missing, unknown or bad fields, or a name that is taken.
    """
    return read_operators(Path(__file__).parent / "tables" / "operators.toml")
