"""Put a deviation into the fields of a failure record."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Discrepancy
from torch_conformance.reference.model.dtypes import name_of
from torch_conformance.reference.model.strided import Strided

_SHOWN_ELEMENTS = 64
_SHOWN_BYTES = 512


def input_fields(name: str, value: Any) -> dict[str, Any]:
    """Return an input as values, layout and bits."""
    if isinstance(value, Strided):
        shown = value.array.ravel()[:_SHOWN_ELEMENTS].tolist()
        more = "" if value.numel <= _SHOWN_ELEMENTS else f" ... ({value.numel} elements)"
        return {
            "name": name,
            "text": f"{shown}{more}",
            "dtype": name_of(value.storage.dtype),
            "size": list(value.size),
            "stride": list(value.stride),
            "offset": value.offset,
            "bits": _bits(value.storage),
        }
    if isinstance(value, np.ndarray):
        return {
            "name": name,
            "text": str(value.ravel()[:_SHOWN_ELEMENTS].tolist()),
            "dtype": value.dtype.name,
            "size": list(value.shape),
            "stride": [step // value.itemsize for step in value.strides],
            "offset": 0,
            "bits": _bits(value),
        }
    text = repr(value)
    return {
        "name": name,
        "text": text[:400],
        "dtype": type(value).__name__,
        "size": [],
        "stride": [],
        "offset": 0,
        "bits": "",
    }


def _bits(array: np.ndarray[Any, Any]) -> str:
    data = array.tobytes()
    return data[:_SHOWN_BYTES].hex() + (f" ... ({len(data)} bytes)" if len(data) > _SHOWN_BYTES else "")


def signature(cell: Cell, aspect: str, statement: str) -> str:
    """Return a short grouping key that does not depend on the drawn input: subject, aspect and torch call."""
    called = re.sub(r"\s+", " ", statement)[:80]
    return f"{cell.clause.chapter}.{cell.clause.subject}: {aspect} of {called}"


def failure_fields(cell: Cell, discrepancy: Discrepancy | None, error: BaseException) -> dict[str, Any]:
    """Return the fields of a failure record, without the test, the traceback and the replay."""
    place = {"clause": cell.clause.id, "device": cell.device, "dtype": cell.dtype}
    if discrepancy is None:
        message = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return {
            **place,
            "signature": f"{cell.clause.chapter}.{cell.clause.subject}: {type(error).__name__}",
            "diagnosis": f"the property ended with {message}",
            "inputs": [],
            "statement": "",
            "expected": "",
            "observed": message,
            "first_index": None,
            "mismatches": 0,
            "elements": 0,
            "ulp": None,
            "script": "",
            "reproduced": "not replayed",
        }
    mismatch = discrepancy.mismatch
    return {
        **place,
        "signature": signature(cell, discrepancy.aspect, discrepancy.statement),
        "diagnosis": discrepancy.diagnosis,
        "inputs": [input_fields(name, value) for name, value in discrepancy.inputs.items()],
        "statement": discrepancy.statement,
        "expected": discrepancy.expected,
        "observed": discrepancy.observed,
        "first_index": list(mismatch.first_index) if mismatch else None,
        "mismatches": mismatch.mismatches if mismatch else 0,
        "elements": mismatch.elements if mismatch else 0,
        "ulp": mismatch.ulp if mismatch else None,
        "script": discrepancy.script,
        "reproduced": "not replayed",
    }
