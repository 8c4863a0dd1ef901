"""How far results may lie from the infinitely precise ones: one row per operation, set of dtypes and device."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from torch_conformance.spec.toml_file import TomlFile, TomlTable, near

BASES = ("documented", "derived", "measured")
COUNTED_FROM = ("exact", "rounded")
_REQUIRED = ("operation", "dtypes", "basis", "argument")
_NUMBERS = ("eps", "tiny", "roundings", "per_term", "per_condition", "per_conditioned_term", "relative", "floor")
_OPTIONAL = ("device", "ulp", "counted_from", "through", "formula", *_NUMBERS, "clauses")
# Whoever counts from the correctly rounded result leaves out that rounding: half a unit in the last place.
_LAST_ROUNDING = 0.5

Sets = Mapping[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True, slots=True)
class Bound:
    """How far an operation's result may lie from the infinitely precise one, for a set of dtypes.

    With u half the distance from 1 to the next value, a row says one of three things: units in the last place (`ulp`,
    or `through` a wider dtype), a number of roundings (times u, times the magnitude that `formula` gives), or a formula
    alone, where the reference works the bound out beside each value.

    Attributes:
        operation: What the bound is for.
        dtypes: A set of dtypes.
        basis: documented, derived or measured.
        argument: Why.
        device: The type of device that it is for; None where no row for the device says otherwise.
        ulp: Units in the last place as they are documented; 0 for "exact" in the file.
        counted_from: What the documentation counts from: the exact result, or the correctly rounded one.
        through: The dtype in which the result is computed, within that dtype's bound, and then rounded once.
        eps: Accepted beside, in distances from 1 to the next value.
        tiny: Accepted beside, in smallest normal numbers.
        formula: What magnitude the roundings are relative to, or how the bound is worked out.
        roundings: How many.
        per_term: And for each term of a sum.
        per_condition: And for each unit of the condition number.
        per_conditioned_term: And for each term, times the condition number.
        relative: Accepted beside, relative to the same magnitude.
        floor: Accepted beside, an absolute number.
        clauses: Patterns of the clauses that use it, where the subject of these is not the operation.
    """

    operation: str
    dtypes: str
    basis: str
    argument: str
    device: str | None = None
    ulp: float | None = None
    counted_from: str = "exact"
    through: str | None = None
    eps: float = 0.0
    tiny: float = 0.0
    formula: str | None = None
    roundings: float = 0.0
    per_term: float = 0.0
    per_condition: float = 0.0
    per_conditioned_term: float = 0.0
    relative: float = 0.0
    floor: float = 0.0
    clauses: tuple[str, ...] = ()

    @property
    def ulp_from_exact(self) -> float | None:
        """Units in the last place from the infinitely precise result."""
        if self.ulp is None or self.counted_from == "exact":
            return self.ulp
        return self.ulp + _LAST_ROUNDING

    def count(self, terms: float = 0.0, condition: float = 0.0) -> float:
        """Return the number of roundings of a result with so many terms and such a condition number."""
        conditioned = (self.per_condition + self.per_conditioned_term * terms) * condition
        return self.roundings + self.per_term * terms + conditioned

    def serves(self, clause: str) -> bool:
        """Whether a clause, by its id, is judged by this bound."""
        if self.clauses:
            return any(fnmatch.fnmatchcase(clause, pattern) for pattern in self.clauses)
        return clause.split(".")[1] in (self.operation, self.operation.replace("_", "-"))

    def describe(self) -> str:
        """Return the bound in words."""
        parts = [self._in_ulp(), self._in_roundings(), *self._beside()]
        return " + ".join(part for part in parts if part) or str(self.formula)

    def _in_ulp(self) -> str:
        if self.through is not None:
            return f"1/2 ULP + the bound of {self.through}"
        if self.ulp is None:
            return ""
        if self.ulp == 0 and self.counted_from == "exact":
            return "exact"
        beside = " + 1/2" if self.counted_from == "rounded" else ""
        return f"{self.ulp:g}{beside} ULP"

    def _in_roundings(self) -> str:
        factors = (
            (self.roundings, ""),
            (self.per_term, " n"),
            (self.per_condition, " c"),
            (self.per_conditioned_term, " n c"),
        )
        terms = [f"{factor:g}{name}" for factor, name in factors if factor]
        if not terms:
            return ""
        count = terms[0] if len(terms) == 1 else f"({' + '.join(terms)})"
        return f"{count} u {self.formula}"

    def _beside(self) -> Iterator[str]:
        if self.eps:
            yield f"{self.eps:g} eps"
        if self.tiny:
            yield f"{self.tiny:g} smallest normals"
        if self.relative:
            yield f"{self.relative:g} of that"
        if self.floor:
            yield f"{self.floor:g}"


def find(bounds: tuple[Bound, ...], sets: Sets, operation: str, dtype: str, device: str) -> Bound | None:
    """Return the bound of an operation for a dtype: the one for the device's type, else the one for any."""
    kind = device.partition(":")[0]
    found = [
        each
        for each in bounds
        if each.operation == operation and each.device in (None, kind) and dtype in sets[each.dtypes]
    ]
    return max(found, key=lambda each: each.device is not None, default=None)


def read(file: TomlFile, sets: Sets | None) -> Iterator[Bound]:
    """Yield the bounds of a file, a row for several operations as one each; refused rows are left out.

    Args:
        file: With tables [argument] and [formula] of texts, and [[bound]]s that name them.
        sets: The sets of dtypes; None where they could not be read.
    """
    file.check_top("argument", "formula", "bound")
    texts = {name: dict(_texts(file, name)) for name in ("argument", "formula")}
    places: dict[tuple[str, str, str | None], int] = {}
    throughs: list[tuple[TomlTable, Bound]] = []
    found: list[Bound] = []
    for table in file.tables("bound"):
        before = len(file.problems)
        _check(table, sets, texts)
        if len(file.problems) > before:
            continue
        for bound in _expanded(table, texts):
            _check_place(table, bound, sets, places)
            found.append(bound)
            throughs += [(table, bound)] if bound.through is not None else []
    for table, bound in throughs:
        _check_through(table, bound, tuple(found), sets)
    yield from found


def _texts(file: TomlFile, name: str) -> Iterator[tuple[str, str]]:
    table = TomlTable(file, file.place(name), file.data.get(name, {}), f"{name} ")
    if not isinstance(table.data, dict):
        file.refuse(table.line, f"{name} = {table.data!r}: expected a table [{name}] with one text per name")
        return
    table.text(*table.data)
    yield from ((key, text) for key, text in table.data.items() if isinstance(text, str))


def _check(table: TomlTable, sets: Sets | None, texts: Mapping[str, Mapping[str, str]]) -> None:
    table.keys(_REQUIRED, _OPTIONAL)
    table.text("dtypes", "basis", "argument", "device", "counted_from", "through", "formula")
    table.texts("operation", "clauses")
    table.choice("basis", BASES)
    table.choice("counted_from", COUNTED_FROM)
    table.numbers(*_NUMBERS)
    if sets is not None:
        table.dtypes("dtypes", tuple(sets))
        table.dtypes("through", tuple(sets))
    _check_ulp(table)
    for name in ("argument", "formula"):
        value = table.data.get(name)
        if isinstance(value, str) and value not in texts[name]:
            known = tuple(texts[name])
            table.refuse(name, f"{name} = {value!r}: no such text in [{name}]; add it there{near(value, known)}")
    says = [key for key in ("ulp", "through", "formula") if key in table.data]
    if len(says) != 1:
        many = " and ".join(says) or "none of them"
        table.file.refuse(table.line, f"a bound has one of ulp, through, formula, and this has {many}")
    counts = [key for key in _NUMBERS if key in table.data and key not in ("eps", "tiny", "floor")]
    if counts and "formula" not in table.data:
        table.refuse(counts[0], f"{counts[0]} = {table.data[counts[0]]!r}: roundings of what? add formula")
    if "counted_from" in table.data and "ulp" not in table.data:
        table.refuse("counted_from", f"counted_from = {table.data['counted_from']!r}: of no ulp; take it out")


def _check_ulp(table: TomlTable) -> None:
    ulp = table.data.get("ulp")
    ulp = 0 if ulp == "exact" else ulp
    if ulp is not None and (isinstance(ulp, bool) or not isinstance(ulp, int | float) or not 0 <= ulp < 2**24):
        table.expect("ulp", "'exact' or a finite number from 0")


def _expanded(table: TomlTable, texts: Mapping[str, Mapping[str, str]]) -> Iterator[Bound]:
    fields: dict[str, Any] = dict(table.data)
    named = fields.pop("operation")
    fields |= {key: float(fields[key]) for key in _NUMBERS if key in fields}
    if "ulp" in fields:
        fields["ulp"] = 0.0 if fields["ulp"] == "exact" else float(fields["ulp"])
    for key in ("argument", "formula"):
        if key in fields:
            fields[key] = texts[key][fields[key]]
    patterns = fields.pop("clauses", ())
    fields["clauses"] = (patterns,) if isinstance(patterns, str) else tuple(patterns)
    for operation in [named] if isinstance(named, str) else named:
        yield Bound(operation=operation, **fields)


def _check_place(
    table: TomlTable, bound: Bound, sets: Sets | None, places: dict[tuple[str, str, str | None], int]
) -> None:
    """Refuse a second bound for an operation, a dtype and a device."""
    for dtype in (bound.dtypes,) if sets is None else sets[bound.dtypes]:
        first = places.setdefault((bound.operation, dtype, bound.device), table.line)
        if first != table.line:
            what = f"operation = {bound.operation!r} with dtypes = {bound.dtypes!r}"
            table.refuse("operation", f"{what} is taken by {table.file.path}:{first}; keep one")
            return


def _check_through(table: TomlTable, bound: Bound, bounds: tuple[Bound, ...], sets: Sets | None) -> None:
    if sets is None or bound.through is None:
        return
    inner = find(bounds, sets, bound.operation, bound.through, bound.device or "")
    if inner is None or inner.ulp is None:
        what = f"through = {bound.through!r}: {bound.operation} has no bound in ulp"
        table.refuse("through", f"{what} for {bound.through}; add a row for that")
