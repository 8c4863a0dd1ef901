"""Recipes reach the places where kernels go wrong, and are what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from torch_conformance.conformance.inputs.recipes import ALL_CLASSES, SIZE_CLASSES, Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import DOMAINS, POOL_SIZE, pool
from torch_conformance.reference.model.dtypes import NAMES, finfo, iinfo, is_floating, is_integral

GRAIN = 32_768


@pytest.mark.parametrize("name", ALL_CLASSES)
def test_every_structure_lies_inside_its_storage(name: str) -> None:
    for structure in SIZE_CLASSES[name]:
        tensor = Recipe(structure, 0, bytes(range(32))).tensor("float32")
        assert tensor.array.shape == structure.size
        assert (structure.layout == "expanded") == (0 in structure.stride and np.prod(structure.size) > 0)


def test_layouts_are_what_they_are_called() -> None:
    for structure in (each for found in SIZE_CLASSES.values() for each in found):
        tensor = Recipe(structure, 0, b"").tensor("int8")
        if structure.layout in ("contiguous", "offset", "odd-unit-strides"):
            assert tensor.is_contiguous()
        if structure.layout in ("sliced", "gapped", "expanded") and tensor.numel > 1 and 1 not in structure.size:
            assert not tensor.is_contiguous()


def test_sizes_cross_vector_widths_and_the_grain_with_remainders() -> None:
    tails = {int(np.prod(each.size)) for each in SIZE_CLASSES["tail"]}
    for width in (8, 16, 32, 64, 128):
        assert {width - 1, width + 1} <= tails
    assert all(int(np.prod(each.size)) > GRAIN for each in SIZE_CLASSES["grain"])
    assert {each.layout for each in SIZE_CLASSES["grain"]} >= {"contiguous", "transposed", "sliced", "expanded"}
    assert any(int(np.prod(each.size)) % 2 for each in SIZE_CLASSES["grain"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("domain", DOMAINS)
def test_pools_hold_their_edges(name: str, domain: str) -> None:
    values = pool(name, domain, 1)
    assert values.size == POOL_SIZE
    assert values.dtype.name == name
    if domain == "any" and is_floating(name):
        facts = finfo(name)
        seen = set(values.astype(np.float64).tolist())
        assert {facts.max, -facts.max, facts.tiny, facts.smallest_subnormal, float("inf"), -float("inf")} <= seen
        assert np.isnan(values).any()
        assert (np.signbit(values) & (values == 0)).any()
    if domain in ("any", "finite") and is_integral(name):
        assert {iinfo(name).min, iinfo(name).max} <= set(values.tolist())
    if domain != "any" and name != "bool" and not is_integral(name):
        assert np.isfinite(values).all()
    if domain == "positive" and name != "bool" and "complex" not in name:
        assert (values >= 0).all()


def test_the_simplest_value_comes_first() -> None:
    assert pool("float32", "any", 9)[0] == 0
    assert pool("float32", "positive", 9)[0] != 0
    assert not pool("bool", "any", 9)[0]


@given(sweep=sweeps(overlapping=False))
@settings(max_examples=50, database=None)
def test_written_tensors_never_overlap(sweep: Sweep) -> None:
    assert not any(recipe.overlaps for recipe in sweep)


@given(sweep=sweeps(), variant=st.integers(1, 3))
@settings(max_examples=30, database=None)
def test_a_recipe_is_a_function_of_what_was_drawn(sweep: Sweep, variant: int) -> None:
    for recipe in sweep:
        again = Recipe(recipe.structure, recipe.seed, recipe.codes)
        assert recipe.tensor("int64").array.tobytes() == again.tensor("int64").array.tobytes()
        other = recipe.tensor("int64", variant=variant)
        assert other.size == recipe.size


def test_failing_sweeps_shrink_to_one_small_tensor() -> None:
    smallest = find(
        sweeps(),
        lambda sweep: any(np.prod(recipe.size) > 4 for recipe in sweep),
        settings=settings(database=None, derandomize=True, max_examples=200),
    )
    (failing,) = smallest
    assert 4 < np.prod(failing.size) <= 24
    assert not failing.tensor("float32").array.any()


def test_failing_values_shrink_to_one_tensor() -> None:
    smallest = find(
        sweeps(classes=("small", "grain")),
        lambda sweep: any((recipe.array("int64") != 0).any() for recipe in sweep),
        settings=settings(database=None, derandomize=True, max_examples=500),
    )
    assert len(smallest) == 1
    assert np.count_nonzero(next(iter(smallest)).array("int64")) == 1


@given(sweep=sweeps(classes=("scalar", "small", "empty")))
@settings(max_examples=50, database=None)
def test_sweeps_begin_with_what_fails_most_often(sweep: Sweep) -> None:
    classes = [next(name for name, found in SIZE_CLASSES.items() if each.structure in found) for each in sweep]
    small = [place for place, name in enumerate(classes) if name == "small"]
    others = [place for place, name in enumerate(classes) if name in ("scalar", "empty")]
    assert not small or not others or max(small) < min(others)


def test_the_plainest_sweep_is_a_matrix_that_every_property_can_judge() -> None:
    (recipe,) = find(sweeps(), lambda _: True, settings=settings(database=None, derandomize=True))
    assert (recipe.size, recipe.structure.layout) == ((2, 3), "contiguous")
