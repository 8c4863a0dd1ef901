"""How near the answers of floating operations came to their bounds, and what these are."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from torch_conformance.reports.page.gathering import Gathered
from torch_conformance.reports.records.model import WorstError
from torch_conformance.spec import Bound, Specification

# A rounded result is off by half a unit; a bound this near to that says "correctly rounded" and leaves no room.
_CORRECTLY_ROUNDED = 0.6
# A variable of a transcript, or an element of one, which says nothing away from it.
_VARIABLE = re.compile(r"\w+(\[\d+\])?")


@dataclasses.dataclass(frozen=True)
class Distance:
    """The largest accepted distance of an operation, on a device and a dtype of an install.

    Attributes:
        operation: As the clause's property spells it.
        install: Label of the install.
        device: Device.
        dtype: Dtype.
        ulp: Units in the last place; None where that is not finite.
        bound: The bound in the same units.
        input: Where it was met.
        clause: The clause that judged it.
    """

    operation: str
    install: str
    device: str
    dtype: str
    ulp: float | None
    bound: float
    input: str
    clause: str

    @property
    def label(self) -> str:
        """What to call it: the operation, with its clause where the operation is no more than a variable."""
        return f"{self.clause}: {self.operation}" if _VARIABLE.fullmatch(self.operation) else self.operation

    @property
    def share(self) -> float | None:
        """The part of the bound that is used; None where an absolute bound accepted more than the bound in ULP."""
        if self.ulp is None or self.bound <= 0 or self.ulp > self.bound:
            return None
        return self.ulp / self.bound

    @property
    def correctly_rounded(self) -> bool:
        """Whether the bound leaves room for the last rounding only."""
        return self.bound <= _CORRECTLY_ROUNDED

    @property
    def order(self) -> tuple[bool, bool, float]:
        """Sorts the smallest head-room first, after bounds that leave none, and last those without a share."""
        return self.share is None, self.correctly_rounded, -(self.share or 0.0)


def distances(installs: Sequence[Gathered]) -> list[Distance]:
    """Return the largest distance of every operation, dtype, device and install, the smallest head-room first."""
    found: dict[tuple[str, str, str, str], Distance] = {}
    for install in installs:
        for cell in install.cells.values():
            for worst in cell.worst:
                place = (worst.operation, install.label, cell.device, cell.dtype)
                distance = Distance(*place, worst.ulp, worst.bound, worst.input, cell.clause)
                if place not in found or _larger(worst, found[place]):
                    found[place] = distance
    return sorted(found.values(), key=lambda each: each.order)


def _larger(worst: WorstError, known: Distance) -> bool:
    """Whether an error is nearer to its bound than the known one; what only an absolute bound accepts yields."""
    share = Distance("", "", "", "", worst.ulp, worst.bound, "", "").share
    return share is not None and (known.share is None or share > known.share)


@dataclasses.dataclass(frozen=True)
class BoundRow:
    """A bound of the specification as the page shows it.

    Attributes:
        operations: Those that share it.
        dtypes: The set of dtypes.
        device: The type of device; empty for all others.
        bound: In words; u is half the distance from 1 to the next value, n a count of terms, c a condition number.
        basis: documented, derived or measured.
        argument: Why.
    """

    operations: tuple[str, ...]
    dtypes: str
    device: str
    bound: str
    basis: str
    argument: str


def bound_rows(specification: Specification) -> list[BoundRow]:
    """Return every bound of the specification, those that say the same of several operations as one row."""
    grouped: dict[tuple[str, str, str, str, str], list[str]] = {}
    for each in specification.bounds:
        grouped.setdefault(_said(each), []).append(each.operation)
    return [BoundRow(tuple(operations), *said) for said, operations in grouped.items()]


def _said(bound: Bound) -> tuple[str, str, str, str, str]:
    return bound.dtypes, bound.device or "", bound.describe(), bound.basis, bound.argument
