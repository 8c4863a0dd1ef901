"""Datasets, how they are joined and split, and the samplers that choose from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.training import sampling

_ERROR_RATE = 1e-12


def _numbers(count: int, width: int = 2) -> Strided:
    return Strided.from_array(np.arange(count * width, dtype=np.float32).reshape(count, width))


@clause("data.tensor-dataset.pairs-tensors")
def test_tensor_dataset(cell: Cell) -> None:
    for count in (0, 1, 5):
        x, y = _numbers(count), Strided.from_array(np.arange(count) * 3)
        trial = cell.trial(x=x, y=y)
        trial.run("dataset = torch.utils.data.TensorDataset(x, y)")
        trial.expect_equal("len(dataset)", count)
        trial.expect_true(
            "dataset.tensors[0] is x and dataset.tensors[1] is y", "the dataset holds the tensors themselves"
        )
        for index in range(-count, count):
            trial.run(f"item = dataset[{index}]")
            trial.expect_true("type(item) is tuple and len(item) == 2", "an item is a tuple with one part per tensor")
            trial.expect("item[0]", x.array[index])
            trial.expect("item[1]", np.asarray(y.array[index]))
        trial.expect_error(f"dataset[{count}]", IndexError)
        trial.run("single = torch.utils.data.TensorDataset(x)")
        trial.expect_true(
            "len(single) == len(x) and (not len(x) or len(single[0]) == 1)", "one tensor gives tuples of one"
        )


@clause("data.tensor-dataset.refuses-mismatched-sizes")
def test_tensor_dataset_mismatch(cell: Cell) -> None:
    trial = cell.trial(x=_numbers(4), y=_numbers(3), z=_numbers(5))
    for call in ("x, y", "y, x", "x, x, y", "x, z"):
        trial.expect_error(f"torch.utils.data.TensorDataset({call})", AssertionError, ValueError)
    trial.expect_equal("len(torch.utils.data.TensorDataset(x, x[:, 0]))", 4)


@clause("data.concat-dataset.lays-datasets-end-to-end")
def test_concat(cell: Cell) -> None:
    x = _numbers(7, 1)
    trial = cell.trial(x=x)
    trial.run("parts = [torch.utils.data.TensorDataset(each) for each in (x[:3], x[3:4], x[:0], x[4:])]")
    trial.run("joined = torch.utils.data.ConcatDataset(parts)")
    trial.run("added = parts[0] + parts[1] + parts[3]")
    for name in ("joined", "added"):
        trial.expect_equal(f"len({name})", 7)
        for index in range(-7, 7):
            trial.expect(f"{name}[{index}][0]", x.array[index])
        trial.expect_error(f"{name}[7]", IndexError)
        trial.expect_error(f"{name}[-8]", ValueError, IndexError)
    trial.expect_true("joined.cumulative_sizes == [3, 4, 4, 7]", "cumulative_sizes are the sums of the sizes")
    trial.expect_error("torch.utils.data.ConcatDataset([])", AssertionError, ValueError)


@clause("data.subset.takes-the-items-at-its-indices")
def test_subset(cell: Cell) -> None:
    x = _numbers(6)
    trial = cell.trial(x=x)
    trial.run("dataset = torch.utils.data.TensorDataset(x)")
    for indices in ([4, 0, 2], [5], [], [1, 1, 3]):
        trial.run(f"subset = torch.utils.data.Subset(dataset, {indices})")
        trial.expect_equal("len(subset)", len(indices))
        for place, index in enumerate(indices):
            trial.expect(f"subset[{place}][0]", x.array[index])
        trial.expect_equal("len(list(torch.utils.data.DataLoader(subset, batch_size=2)))", (len(indices) + 1) // 2)
    trial.run("inner = torch.utils.data.Subset(torch.utils.data.Subset(dataset, [5, 3, 1]), [2, 0])")
    trial.expect("torch.stack([inner[0][0], inner[1][0]])", x.array[[1, 5]])


@clause("data.random-split.parts-the-dataset")
def test_split(cell: Cell) -> None:
    splits: tuple[tuple[int, list[Any]], ...] = (
        *((10, [3, 7]), (5, [5]), (6, [1, 0, 5]), (9, [0.5, 0.5]), (11, [0.25, 0.25, 0.5])),
        *((7, [0.125, 0.125, 0.25, 0.5]), (4, [0.5, 0.25, 0.25])),
    )
    for count, lengths in splits:
        wanted = lengths if isinstance(lengths[0], int) else sampling.split_lengths(count, lengths)
        trial = cell.trial(count=count, lengths=lengths, seed=cell.seed % 2**31)
        trial.run("import warnings; warnings.simplefilter('ignore')")
        trial.run("generator = torch.Generator().manual_seed(seed)")
        trial.run("parts = torch.utils.data.random_split(range(count), lengths, generator=generator)")
        trial.expect_equal("[len(each) for each in parts]", list(wanted))
        trial.expect_true(
            "sorted(each[k] for each in parts for k in range(len(each))) == list(range(count))",
            "every item lies in one part, once",
        )
    trial = cell.trial()
    for refused in ("[3, 6]", "[5, 6]", "[0.5, 0.25]", "[0.75, 0.5]"):
        trial.expect_error(f"torch.utils.data.random_split(range(10), {refused})", ValueError)


@clause("data.random-split.follows-the-generator")
def test_split_generator(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("""def split(seed=None, count=60):
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    options = {} if generator is None else {'generator': generator}
    first, second = torch.utils.data.random_split(range(count), [count // 2, count - count // 2], **options)
    return [first[k] for k in range(len(first))] + [second[k] for k in range(len(second))]""")
    trial.expect_true("split(seed) == split(seed)", "the same seed gives the same split")
    # Equal by chance once in 60! times.
    trial.expect_true("split(seed) != split(seed + 1)", "another seed gives another split")
    trial.expect_true("split(seed) != list(range(60))", "items are in random order")
    trial.run("torch.manual_seed(seed); one = split(); torch.manual_seed(seed); two = split()")
    trial.expect_true("one == two and split() != one", "without a generator, the default one is used and goes on")
    trial.run("state = torch.get_rng_state(); split(seed)")
    trial.expect_true("torch.equal(state, torch.get_rng_state())", "a generator leaves the default one alone")


_STREAM = """class Stream(torch.utils.data.IterableDataset):
    def __init__(self, *items):
        super().__init__()
        self.items = items
    def __iter__(self):
        return iter(self.items)
    def __len__(self):
        return len(self.items)"""


@clause("data.chain-dataset.chains-streams")
def test_chain(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_STREAM)
    trial.run("chains = [torch.utils.data.ChainDataset([Stream(3, 1), Stream(), Stream(2)]), Stream(3, 1) + Stream(2)]")
    for place in range(2):
        trial.expect_equal(f"list(chains[{place}])", [3, 1, 2])
        trial.expect_equal(f"list(chains[{place}])", [3, 1, 2])
        trial.expect_equal(f"len(chains[{place}])", 3)
        trial.expect_true(f"isinstance(chains[{place}], torch.utils.data.ChainDataset)", "a sum of streams is a chain")


@clause("data.sequential-sampler.goes-in-order")
def test_sequential(cell: Cell) -> None:
    for count in (0, 1, 6):
        trial = cell.trial(count=count)
        trial.run("sampler = torch.utils.data.SequentialSampler(range(count))")
        for _ in range(2):
            trial.expect_equal("list(sampler)", list(range(count)))
        trial.expect_equal("len(sampler)", count)


@clause("data.random-sampler.permutes-uniformly")
def test_random_sampler(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("sampler = torch.utils.data.RandomSampler(range(50), generator=torch.Generator().manual_seed(seed))")
    trial.run("one, two = list(sampler), list(sampler)")
    trial.expect_equal("len(sampler)", 50)
    trial.expect_true("sorted(one) == sorted(two) == list(range(50))", "each pass gives every index once")
    trial.expect_true("one != two and one != list(range(50))", "each pass has an order of its own")
    trial.run("again = torch.utils.data.RandomSampler(range(50), generator=torch.Generator().manual_seed(seed))")
    trial.expect_true("list(again) == one and list(again) == two", "the generator decides the order")
    trial.run("torch.manual_seed(seed); plain = torch.utils.data.RandomSampler(range(50)); three = list(plain)")
    trial.run("torch.manual_seed(seed)")
    trial.expect_true(
        "list(plain) == three and list(plain) != three",
        "without a generator of its own the default generator decides the order",
    )
    rounds = cell.profile.samples // 40
    trial.run("sampler = torch.utils.data.RandomSampler(range(4), generator=torch.Generator().manual_seed(seed))")
    trial.run(f"orders = np.array([list(sampler) for _ in range({rounds})])")
    counts = sampling.positions(trial.namespace["orders"])
    fair = all(sampling.frequencies_are_fair(row, np.ones(4), _ERROR_RATE) for row in counts)
    trial.namespace["fair"] = fair
    trial.expect_true("fair", f"each of four indices comes at each place as often as chance allows: {counts.tolist()}")


@clause("data.random-sampler.draws-with-replacement")
def test_replacement(cell: Cell) -> None:
    count = cell.profile.samples // 8
    trial = cell.trial(seed=cell.seed % 2**31, count=count)
    trial.run("generator = torch.Generator().manual_seed(seed)")
    trial.run("sampler = torch.utils.data.RandomSampler(range(7), True, count, generator=generator)")
    trial.run("drawn = np.array(list(sampler))")
    trial.expect_equal("len(sampler)", count)
    trial.expect_equal("drawn.shape", (count,))
    trial.expect_true("drawn.min() >= 0 and drawn.max() < 7", "indices lie in the dataset")
    counts = np.bincount(trial.namespace["drawn"], minlength=7)
    trial.namespace["fair"] = sampling.frequencies_are_fair(counts, np.ones(7), _ERROR_RATE)
    trial.expect_true("fair", f"each index is drawn as often as chance allows: {counts.tolist()}")
    trial.run("few = [list(torch.utils.data.RandomSampler(range(50), replacement=True)) for _ in range(4)]")
    # Fifty draws are all different with probability 50! / 50**50, below 1e-20.
    trial.expect_true("all(len(each) == 50 and len(set(each)) < 50 for each in few)", "an index may come twice")
    trial.run("short = list(torch.utils.data.RandomSampler(range(50), num_samples=20))")
    trial.expect_true("len(short) == 20 == len(set(short))", "without replacement, no index comes twice")
    trial.run("long = list(torch.utils.data.RandomSampler(range(5), num_samples=12))")
    trial.expect_true("sorted(long[:5]) == sorted(long[5:10]) == [0, 1, 2, 3, 4]", "a longer pass permutes again")
    trial.expect_equal("len(long)", 12)
    for options in ("num_samples=0", "num_samples=-1"):
        trial.expect_error(f"torch.utils.data.RandomSampler(range(5), {options})", ValueError)
    trial.expect_error("torch.utils.data.RandomSampler(range(5), replacement=1)", TypeError, ValueError)


@clause("data.subset-random-sampler.permutes-its-indices")
def test_subset_random(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**31, indices=list(range(5, 65)))
    trial.run("sampler = torch.utils.data.SubsetRandomSampler(indices, torch.Generator().manual_seed(seed))")
    trial.run("one, two = list(sampler), list(sampler)")
    trial.expect_equal("len(sampler)", 60)
    trial.expect_true("sorted(one) == sorted(two) == indices", "each pass gives every index once")
    trial.expect_true("one != two and one != indices", "each pass has an order of its own")
    trial.run("again = torch.utils.data.SubsetRandomSampler(indices, generator=torch.Generator().manual_seed(seed))")
    trial.expect_true("list(again) == one", "the generator decides the order")


@clause("data.weighted-random-sampler.follows-its-weights")
def test_weighted(cell: Cell) -> None:
    count = cell.profile.samples // 8
    weights = [1.0, 0.0, 4.0, 2.5, 0.5]
    trial = cell.trial(seed=cell.seed % 2**31, count=count, weights=weights)
    trial.run("generator = torch.Generator().manual_seed(seed)")
    trial.run("sampler = torch.utils.data.WeightedRandomSampler(weights, count, generator=generator)")
    trial.run("drawn = np.array(list(sampler))")
    trial.expect_equal("len(sampler)", count)
    trial.expect_equal("drawn.shape", (count,))
    counts = np.bincount(trial.namespace["drawn"], minlength=5)
    trial.namespace["fair"] = sampling.frequencies_are_fair(counts, np.array(weights), _ERROR_RATE)
    trial.expect_true("fair", f"each index is drawn as often as its weight and chance allow: {counts.tolist()}")
    trial.run("again = torch.utils.data.WeightedRandomSampler(weights, 40, generator=generator.manual_seed(seed))")
    trial.run("one, generator = list(again), generator.manual_seed(seed)")
    trial.expect_true("list(again) == one and list(again) != one", "the generator decides, and goes on")


@clause("data.weighted-random-sampler.draws-without-replacement")
def test_weighted_once(cell: Cell) -> None:
    rounds = cell.profile.samples // 40
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("generator = torch.Generator().manual_seed(seed)")
    trial.run("sampler = torch.utils.data.WeightedRandomSampler([1.0, 2.0, 0.0, 5.0], 3, False, generator)")
    trial.run(f"rows = np.array([list(sampler) for _ in range({rounds})])")
    trial.expect_true("(np.sort(rows, axis=1) == [0, 1, 3]).all()", "each index of a weight comes once")
    counts = np.bincount(trial.namespace["rows"][:, 0], minlength=4)
    trial.namespace["fair"] = sampling.frequencies_are_fair(counts, np.array([1.0, 2.0, 0.0, 5.0]), _ERROR_RATE)
    trial.expect_true("fair", f"the first is drawn as its weight says: {counts.tolist()}")
    for call in ("[1.0], 0", "[1.0], -1", "[1.0], 1.5", "[1.0], True", "[1.0], 1, 1"):
        trial.expect_error(f"torch.utils.data.WeightedRandomSampler({call})", ValueError)


@clause("data.batch-sampler.groups-indices")
def test_batch_sampler(cell: Cell) -> None:
    for count in (0, 1, 6, 7):
        order = list(range(count))[::-1]
        for size in (1, 2, 3, 7, 9):
            for drop in (False, True):
                trial = cell.trial(order=order, size=size, drop=drop)
                trial.run("sampler = torch.utils.data.BatchSampler(order, batch_size=size, drop_last=drop)")
                expected = sampling.batches(order, size, drop_last=drop)
                trial.expect_equal("list(sampler)", expected)
                trial.expect_equal("len(sampler)", len(expected))
    trial = cell.trial()
    for call in ("0, False", "-1, False", "True, False", "1.5, False", "2, 1", "2, None"):
        trial.expect_error(f"torch.utils.data.BatchSampler([1, 2], {call})", ValueError)
