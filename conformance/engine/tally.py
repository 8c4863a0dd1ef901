"""What running a cell costs and finds: trials, comparisons, the digest of its inputs, the worst distances."""

from __future__ import annotations

import dataclasses
import hashlib
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.comparison import Rule
from torch_conformance.reference.model.strided import Strided


@dataclasses.dataclass
class Worst:
    """The largest distance met for an operation, and where."""

    ulp: float
    bound: float
    at: str


@dataclasses.dataclass
class Tally:
    """What a cell's run consisted of."""

    trials: int = 0
    comparisons: int = 0
    failed: bool = False
    worst: dict[str, Worst] = dataclasses.field(default_factory=dict)
    pictures: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    _digest: Any = dataclasses.field(default_factory=lambda: hashlib.blake2b(digest_size=8))

    @property
    def fingerprint(self) -> str:
        """Digest of every input so far, in order; equal fingerprints mean equal inputs."""
        return str(self._digest.hexdigest())

    def note_inputs(self, inputs: dict[str, Any]) -> None:
        """Count a trial and add its inputs to the fingerprint."""
        self.trials += 1
        for name, value in inputs.items():
            self._digest.update(name.encode())
            self._note(value)

    def _note(self, value: Any) -> None:
        if isinstance(value, Strided):
            self._digest.update(repr((value.size, value.stride, value.offset)).encode())
            self._note(value.storage)
        elif isinstance(value, np.ndarray):
            data = np.ascontiguousarray(value).view(np.uint8).data if value.ndim else value.tobytes()
            self._digest.update(zlib.crc32(data).to_bytes(4, "little"))
        elif isinstance(value, list | tuple):
            self._digest.update(f"{type(value).__name__}{len(value)}".encode())
            for item in value:
                self._note(item)
        else:
            self._digest.update(repr(value).encode())

    def note_error(
        self,
        operation: str,
        observed: npt.NDArray[Any],
        expected: npt.NDArray[Any],
        dtype: str,
        rule: Rule,
        distance: Callable[..., npt.NDArray[Any]],
    ) -> None:
        """Keep the worst accepted distance per operation."""
        if observed.size == 0:
            return
        ulps = distance(observed, expected, dtype)
        ulps = np.where(np.isfinite(ulps), ulps, 0)
        worst = int(np.argmax(ulps))
        value = float(ulps.flat[worst])
        if operation not in self.worst or value > self.worst[operation].ulp:
            at = f"element {worst}: expected {expected.flat[worst]!s}, observed {observed.flat[worst]!s}"
            self.worst[operation] = Worst(value, rule.ulps, at)
