"""A trial: statements run on torch one by one, compared with the reference, remembered as a script."""

from __future__ import annotations

import dataclasses
import functools
from types import CodeType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from torch_conformance.conformance.devices.registry import synchronize
from torch_conformance.conformance.engine import transcript
from torch_conformance.conformance.engine.comparison import EXACT, Mismatch, Rule, compare, ulp_distance
from torch_conformance.conformance.engine.materialise import DTYPE_NAMES, to_host, to_torch
from torch_conformance.conformance.engine.tally import Tally
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import name_of
from torch_conformance.reference.model.strided import Strided
from torch_conformance.spec import Clause

Array = npt.NDArray[Any]
_SHOWN = 24


class Deviation(AssertionError):
    """Torch did not answer as the clause says."""

    def __init__(self, discrepancy: Discrepancy) -> None:
        """Carry a discrepancy, whose diagnosis is the message."""
        super().__init__(discrepancy.diagnosis)
        self.discrepancy = discrepancy


@dataclasses.dataclass(frozen=True)
class Discrepancy:
    """What a deviation consists of, in a form that reports can hold.

    Attributes:
        aspect: What differs: value, dtype, shape, fact, equality, error or exception.
        diagnosis: One line.
        statement: The line of torch code that was judged.
        expected: The expected answer as text.
        observed: The observed answer as text.
        mismatch: Where values differ, if values were compared.
        script: Stand-alone reproducer.
        inputs: The inputs, host side.
    """

    aspect: str
    diagnosis: str
    statement: str
    expected: str
    observed: str
    mismatch: Mismatch | None
    script: str
    inputs: dict[str, Any]


@functools.cache
def _compiled(text: str, mode: str) -> CodeType:
    return compile(text, f"<transcript: {text}>", mode)


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        if value.size > _SHOWN:
            return f"{value.ravel()[:_SHOWN].tolist()} ... ({value.size} elements, shape {value.shape})"
        return str(value.tolist())
    text = repr(value)
    return text if len(text) <= 400 else text[:400] + " ..."


class Judged(Protocol):
    """For what a trial is held: a cell."""

    clause: Clause
    device: str
    tally: Tally

    @property
    def torch_device(self) -> torch.device:
        """The device as torch has it."""

    def unsupported_if_not_implemented(self, error: Exception) -> None:
        """End the cell where the device lacks what was asked, and may."""


class Trial:
    """One transcript on one device."""

    def __init__(self, cell: Judged, inputs: dict[str, Any]) -> None:
        """Materialise the inputs on the cell's device."""
        self._cell = cell
        self._inputs = inputs
        self._lines: list[str] = []
        self._accepted: tuple[Array | Strided, str, Rule, bytes] | None = None
        self._device = device = cell.torch_device
        self.namespace: dict[str, Any] = {"torch": torch, "np": np, "device": device}
        for name, value in inputs.items():
            self.namespace[name] = self._materialised(value, device)
        cell.tally.note_inputs(inputs)

    def _materialised(self, value: Any, device: torch.device) -> Any:
        if isinstance(value, Strided):
            return to_torch(value, device)
        if isinstance(value, np.ndarray):
            return value.copy()
        if isinstance(value, list):
            return [self._materialised(item, device) for item in value]
        if isinstance(value, tuple) and any(isinstance(item, Strided) for item in value):
            return tuple(self._materialised(item, device) for item in value)
        return value

    def run(self, statement: str) -> None:
        """Run one line of torch code.

        Raises:
            Deviation: When it raises.
        """
        __tracebackhide__ = True
        try:
            exec(_compiled(statement, "exec"), self.namespace)  # noqa: S102
            synchronize(self._device)
        except Exception as error:  # noqa: BLE001
            self._refused(statement, error)
        self._lines.append(statement)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of torch code.

        Raises:
            Deviation: When it raises.
        """
        __tracebackhide__ = True
        try:
            answer = eval(_compiled(expression, "eval"), self.namespace)  # noqa: S307
            synchronize(self._device)
        except Exception as error:  # noqa: BLE001
            self._refused(expression, error)
        return answer

    def _refused(self, statement: str, error: Exception) -> None:
        __tracebackhide__ = True
        self._cell.unsupported_if_not_implemented(error)
        observed = f"{type(error).__name__}: {error}"
        self._fail(
            "exception",
            f"`{statement}` raised {observed.splitlines()[0][:200]}",
            statement,
            ("an answer", observed),
            transcript.unexpected_error(statement, type(error).__name__),
        )

    def expect(
        self, expression: str, expected: Array | Strided, rule: Rule = EXACT, *, dtype: str | None = None
    ) -> None:
        """Compare dtype, shape and every element of a tensor with the reference.

        Args:
            expression: Torch code that gives a tensor.
            expected: The reference's answer. Its dtype is the expected one, unless `dtype` says otherwise.
            rule: Accepted distance.
            dtype: The expected dtype where `expected` is held in a wider type.

        Raises:
            Deviation: When torch answers otherwise.
        """
        __tracebackhide__ = True
        answer = self.evaluate(expression)
        array = expected.array if isinstance(expected, Strided) else expected
        name = dtype or name_of(array.dtype)
        self._cell.tally.comparisons += 1
        if not isinstance(answer, torch.Tensor):
            self._differs("type", expression, (array, name, rule), "a tensor", type(answer).__name__)
        seen = DTYPE_NAMES.get(answer.dtype) or str(answer.dtype)
        if seen != name:
            self._differs("dtype", expression, (array, name, rule), name, seen)
        if answer.shape != array.shape:
            self._differs("shape", expression, (array, name, rule), str(array.shape), str(tuple(answer.shape)))
        kind = answer.device.type
        if kind != self._device.type:
            self._differs("device", expression, (array, name, rule), self._cell.device, str(answer.device))
        if kind == "meta":
            return
        observed = to_host(answer)
        if not rule.is_exact and self._accepted_before(expected, name, rule, observed):
            return
        mismatch = compare(observed, array, name, rule)
        if mismatch is not None:
            self._values_differ(expression, (array, name, rule), observed, mismatch)
        if rule.ulps and dtypes.is_floating(name):
            self._cell.tally.note_error(expression, observed, array, name, rule, ulp_distance)

    def _accepted_before(self, expected: Array | Strided, name: str, rule: Rule, observed: Array) -> bool:
        """Tell whether the last answer was accepted, under the same rule, and had the same bits.

        The spellings of one operation mostly give equal bits; judging a bound costs far more than comparing them.
        """
        bits = observed.tobytes()
        before = self._accepted
        if before and before[0] is expected and before[1] == name and before[2] is rule and before[3] == bits:
            return True
        # Whoever is not accepted ends the cell, so that nothing compares with it.
        self._accepted = (expected, name, rule, bits)
        return False

    def expect_true(self, expression: str, why: str) -> None:
        """Check a fact about strides, aliasing, identity or Python types; `why` says it in words."""
        __tracebackhide__ = True
        self._cell.tally.comparisons += 1
        if not self.evaluate(expression):
            diagnosis = f"`{expression}` is false, and should be true: {why}"
            self._fail("fact", diagnosis, expression, (why, "false"), transcript.truth(expression, why))

    def expect_equal(self, expression: str, value: Any) -> None:
        """Compare a Python value and its exact type; NaN equals NaN and -0.0 differs from 0.0."""
        __tracebackhide__ = True
        self._cell.tally.comparisons += 1
        answer = self.evaluate(expression)
        if (
            type(answer) is not type(value)
            or (answer != value and repr(answer) != repr(value))
            or (isinstance(value, float | complex) and repr(answer) != repr(value))
        ):
            wanted, seen = (
                f"{_short(value)} ({type(value).__name__})",
                f"{_short(answer)} ({type(answer).__name__})",
            )
            self._fail(
                "equality",
                f"`{expression}` is {seen}, expected {wanted}",
                expression,
                (wanted, seen),
                transcript.equality(expression, value),
            )

    def expect_error(self, statement: str, *errors: type[BaseException]) -> None:
        """Check that a statement raises one of the documented exception types."""
        __tracebackhide__ = True
        self._cell.tally.comparisons += 1
        names = [error.__name__ for error in errors]
        try:
            exec(_compiled(statement, "exec"), self.namespace)  # noqa: S102
            synchronize(self._device)
        except errors:
            self._lines.append("\n".join(transcript.refused(statement, names)))
            return
        except Exception as error:  # noqa: BLE001
            self._cell.unsupported_if_not_implemented(error)
            seen = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        else:
            seen = "no error"
        wanted = " or ".join(names)
        self._fail(
            "error",
            f"`{statement}` gave {seen}, where {wanted} is documented",
            statement,
            (wanted, seen),
            transcript.error(statement, names),
        )

    def _differs(
        self, aspect: str, expression: str, reference: tuple[Array, str, Rule], wanted: str, seen: str
    ) -> None:
        __tracebackhide__ = True
        self._fail(
            aspect,
            f"`{expression}` has {aspect} {seen}, expected {wanted}",
            expression,
            (wanted, seen),
            transcript.expectation(expression, *reference),
        )

    def _values_differ(
        self, expression: str, reference: tuple[Array, str, Rule], observed: Array, mismatch: Mismatch
    ) -> None:
        __tracebackhide__ = True
        array, _, rule = reference
        wanted, seen = array[mismatch.first_index], observed[mismatch.first_index]
        distance = "" if mismatch.ulp is None else f", {mismatch.ulp:.3g} ULP at worst"
        self._fail(
            "value",
            f"`{expression}`{list(mismatch.first_index)} is {seen!s}, expected {wanted!s} ({rule.describe()}); "
            f"{mismatch.mismatches} of {mismatch.elements} elements differ{distance}",
            expression,
            (_short(array), _short(observed)),
            transcript.expectation(expression, *reference),
            mismatch,
        )

    def _fail(
        self,
        aspect: str,
        diagnosis: str,
        statement: str,
        answers: tuple[str, str],
        judgement: list[str],
        mismatch: Mismatch | None = None,
    ) -> None:
        __tracebackhide__ = True
        clause = self._cell.clause
        head = transcript.preamble(clause.id, clause.statement, clause.url, self._cell.device, self._inputs)
        script = transcript.assemble(head, self._lines, judgement)
        raise Deviation(
            Discrepancy(aspect, diagnosis, statement, answers[0], answers[1], mismatch, script, self._inputs)
        )
