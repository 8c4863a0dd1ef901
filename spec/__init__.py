"""Says what must hold: chapters of clauses, dtypes, accuracy bounds, and their loader."""

from torch_conformance.spec.accuracy import Bound
from torch_conformance.spec.loader import load
from torch_conformance.spec.model import (
    BASES,
    KINDS,
    LEVELS,
    NO_DTYPES,
    Chapter,
    Clause,
    DType,
    Specification,
    SpecificationError,
)
from torch_conformance.spec.waivers import Waiver, load_waivers

__all__ = [
    "BASES",
    "KINDS",
    "LEVELS",
    "NO_DTYPES",
    "Bound",
    "Chapter",
    "Clause",
    "DType",
    "Specification",
    "SpecificationError",
    "Waiver",
    "load",
    "load_waivers",
]
