"""A cell: one clause on one device with one dtype; what a property is given."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt
import pytest
import torch
from _pytest.outcomes import Skipped

from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.engine.profiles import Profile
from torch_conformance.conformance.engine.tally import Tally
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.spec import Clause

NO_DTYPE = "-"
T = TypeVar("T")


class Unsupported(Skipped):
    """The device does not implement what the clause asks, and the clause allows that."""


class Enough(Skipped):
    """The cell has judged as many cases as the profile has time for, and all were as documented."""


@dataclasses.dataclass
class Cell:
    """What a property is given: where it runs, and how it asks.

    Attributes:
        clause: The clause that is judged.
        device: A torch device string.
        dtype: A dtype name, or "-" for a clause without a dtype axis.
        profile: The run's profile.
        seed: The cell's own seed, derived from the run's seed, the clause, the device-free cell and nothing else.
        may_lack: Whether "not implemented" is an allowed answer here.
        tally: What happened so far.
    """

    clause: Clause
    device: str
    dtype: str
    profile: Profile
    seed: int
    may_lack: bool = False
    tally: Tally = dataclasses.field(default_factory=Tally)

    @property
    def torch_device(self) -> torch.device:
        """The device as torch has it."""
        return torch.device(self.device)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch has it."""
        return TORCH_DTYPES[self.dtype]

    @property
    def holds_data(self) -> bool:
        """Whether tensors on the device have elements to look at; False on `meta`."""
        return not self.device.startswith("meta")

    def generator(self) -> np.random.Generator:
        """Return a NumPy generator that depends on the cell's seed alone."""
        return np.random.default_rng(self.seed)

    def in_turn(self, options: Sequence[T], turn: int, count: int) -> Sequence[T]:
        """Return so many of a cyclic list, other ones at each turn and in each cell; all in an exhaustive profile.

        An error costs milliseconds in older versions of torch: operators and dtypes share the ways to be refused.
        """
        if self.profile.exhaustive or count >= len(options):
            return options
        start = (turn * count + self.seed) % len(options)
        return [*options, *options][start : start + count]

    def trial(self, **inputs: Any) -> Trial:
        """Begin a transcript whose variables are `inputs`.

        Raises:
            Enough: When the profile has no time for another, something was compared, and nothing has failed:
                Hypothesis tries again what failed.
        """
        limit = self.profile.trials
        if limit and self.tally.trials >= limit and self.tally.comparisons and not self.tally.failed:
            raise Enough(f"{limit} cases judged")
        return Trial(self, inputs)

    def picture(
        self,
        title: str,
        labels: tuple[str, str],
        series: Sequence[tuple[str, str, npt.ArrayLike, npt.ArrayLike]],
        *,
        logarithmic: bool = False,
    ) -> None:
        """Put a picture into the report.

        Args:
            title: What it shows.
            labels: Of the axes, across and up.
            series: Name, role (observed, expected or data), places across, and values.
            logarithmic: Whether values span magnitudes.
        """
        drawn = [
            {
                "name": name,
                "role": role,
                "x": np.asarray(across, dtype=np.float64).tolist(),
                "y": [each if np.isfinite(each) else None for each in np.asarray(up, dtype=np.float64).tolist()],
            }
            for name, role, across, up in series
        ]
        place = {"clause": self.clause.id, "device": self.device, "dtype": self.dtype}
        axes = {"x_label": labels[0], "y_label": labels[1], "logarithmic": logarithmic}
        self.tally.pictures.append({**place, "title": title, **axes, "series": drawn})

    def unsupported(self, reason: str) -> NoReturn:
        """End the cell: the device does not implement what the clause asks."""
        raise Unsupported(reason)

    def unsupported_if_not_implemented(self, error: Exception) -> None:
        """End the cell as unsupported when the clause allows it and the error is torch's "not implemented"."""
        lacks = isinstance(error, NotImplementedError) or "not implemented for" in str(error)
        if self.may_lack and lacks:
            self.unsupported(f"probe: {type(error).__name__}: {str(error).splitlines()[0][:200]}")


def cell_of(item: pytest.Item) -> Cell | None:
    """Return the cell that an item runs, if it runs one."""
    callspec = getattr(item, "callspec", None)
    cell = callspec.params.get("cell") if callspec else None
    return cell if isinstance(cell, Cell) else None


def cell_seed(run_seed: int, clause: str, dtype: str) -> int:
    """Return the seed of a cell: the same on every device, so that all devices judge equal inputs."""
    text = f"{run_seed}/{clause}/{dtype}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
