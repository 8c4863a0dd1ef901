"""Says what must hold: chapters of clauses, dtypes, accuracy bounds, and their loader."""

from torch_conformance.spec.loader import load
from torch_conformance.spec.model import (
    BASES,
    KINDS,
    LEVELS,
    NO_DTYPES,
    Bound,
    Chapter,
    Clause,
    DType,
    Specification,
    SpecificationError,
)

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
    "load",
]
