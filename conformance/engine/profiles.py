"""Profiles: how many cases a cell gets. Every profile runs every clause."""

from __future__ import annotations

import dataclasses
import random

from hypothesis import HealthCheck, Phase, settings


@dataclasses.dataclass(frozen=True)
class Profile:
    """How much a run tries.

    Attributes:
        name: What `--profile` takes.
        examples: Drawn examples per property; each carries a whole sweep of size classes.
        samples: Size of a statistical sample.
        exhaustive: Whether tables too large for every run are gone through in full.
        dtypes: Those of which a clause is judged on one; empty for all dtypes. A clause with none of these keeps its
            first.
        trials: Transcripts after which a cell has seen enough; 0 for no limit.
        cheap: Recorded seconds of a cell (costs.json) below which it has no such limit.
        seconds: What a cell may take before it counts as hanging: many times what the slowest takes.
    """

    name: str
    examples: int
    samples: int
    exhaustive: bool
    dtypes: tuple[str, ...] = ()
    trials: int = 0
    cheap: float = 0.0
    seconds: float = 300.0

    def for_cost(self, seconds: float) -> Profile:
        """Return the profile for a cell of this recorded cost."""
        return dataclasses.replace(self, trials=0) if seconds < self.cheap else self


# One of each category and width class: what a job's start has time for.
_REPRESENTATIVE = ("bool", "uint8", "int64", "bfloat16", "float32", "complex64")

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            examples=2,
            samples=20_000,
            exhaustive=False,
            dtypes=_REPRESENTATIVE,
            trials=4,
            cheap=0.01,
            seconds=120,
        ),
        Profile("standard", examples=6, samples=100_000, exhaustive=False),
        Profile("deep", examples=60, samples=1_000_000, exhaustive=True, seconds=3600),
    )
}


def load_hypothesis_settings(profile: Profile, *, shrink: bool = True) -> None:
    """Make every property draw this profile's number of examples, the same ones for the same seed."""
    phases = (Phase.explicit, Phase.generate, Phase.shrink)
    settings.register_profile(
        profile.name,
        max_examples=profile.examples,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=False,
        report_multiple_bugs=False,
        phases=phases if shrink else phases[:2],
        suppress_health_check=tuple(HealthCheck),
    )
    settings.load_profile(profile.name)


def draw_seed() -> int:
    """Return a seed for `--seed random`."""
    return random.SystemRandom().randrange(2**32)
