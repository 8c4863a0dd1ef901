import numpy as np

from torch_conformance.reference.training import sampling


def test_batches() -> None:
    assert sampling.batches([5, 3, 1], 2) == [[5, 3], [1]]
    assert sampling.batches([5, 3, 1], 2, drop_last=True) == [[5, 3]]
    assert sampling.batches([], 2) == []
    assert sampling.batches([4, 2], 2, drop_last=True) == [[4, 2]]


def test_split_lengths() -> None:
    assert sampling.split_lengths(9, [0.5, 0.5]) == [5, 4]
    # 2, 2, 5 and two left
    assert sampling.split_lengths(11, [0.25, 0.25, 0.5]) == [3, 3, 5]
    assert sampling.split_lengths(7, [0.125, 0.125, 0.25, 0.5]) == [1, 1, 2, 3]


def test_fair_and_unfair_frequencies() -> None:
    generator = np.random.default_rng(1)
    weights = np.array([1.0, 0.0, 3.0])
    counts = np.bincount(generator.choice(3, 4000, p=weights / 4), minlength=3)
    assert sampling.frequencies_are_fair(counts, weights, 1e-9)
    assert not sampling.frequencies_are_fair(np.array([1500, 0, 2500]), weights, 1e-9)
    assert not sampling.frequencies_are_fair(np.array([999, 1, 3000]), weights, 1e-9)


def test_positions() -> None:
    assert sampling.positions(np.array([[0, 1], [1, 0], [1, 0]])).tolist() == [[1, 2], [2, 1]]
