"""What new tensors are filled with, and in how many spellings."""

from __future__ import annotations

from typing import Any

from torch_conformance.conformance.inputs.recipes import Recipe
from torch_conformance.conformance.inputs.values import pool

# A result that was never written would often look right in fresh memory: leave other values where it will lie.
POISON = "junk = torch.full(size, other, dtype=dtype, device=device); del junk"
MANY = 5_000


def fill_value(recipe: Recipe, dtype: str) -> Any:
    """Return a Python number to fill with: any value of the dtype that a Python number can hold."""
    value = pool(dtype, "any", recipe.seed)[recipe.codes[0]].item()
    # Whether an argument beyond int64 is accepted as a number differs between torch versions.
    return min(value, 2**63 - 1) if dtype == "uint64" else value


def spellings_for(spellings: tuple[str, ...], recipe: Recipe) -> tuple[str, ...]:
    """Return all spellings for a small tensor, one of them for a large one."""
    elements = recipe.structure.length
    usable = tuple(each for each in spellings if recipe.size or "(*size" not in each)
    return usable if elements < MANY else (usable[recipe.seed % len(usable)],)
