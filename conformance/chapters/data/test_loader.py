"""What DataLoader yields: order, batches, collation, options that contradict each other, worker processes."""

from __future__ import annotations

import os

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.training import sampling

_STREAM = """class Stream(torch.utils.data.IterableDataset):
    def __init__(self, count):
        super().__init__()
        self.count = count
    def __iter__(self):
        return iter(range(self.count))"""


@clause("data.loader.goes-in-order-in-batches")
def test_order(cell: Cell) -> None:
    for count in (0, 1, 6, 7, 17):
        x = np.arange(count * 2, dtype=np.float32).reshape(count, 2)
        y = np.arange(count) - 3
        for size in (1, 2, 7, 20):
            for drop in (False, True):
                trial = cell.trial(x=Strided.from_array(x), y=Strided.from_array(y), size=size, drop=drop)
                trial.run("dataset = torch.utils.data.TensorDataset(x, y)")
                trial.run("loader = torch.utils.data.DataLoader(dataset, batch_size=size, drop_last=drop)")
                expected = sampling.batches(range(count), size, drop_last=drop)
                trial.expect_equal("len(loader)", len(expected))
                trial.run("epochs = [list(loader), list(loader)]")
                trial.expect_equal("[len(each) for each in epochs]", [len(expected)] * 2)
                trial.run("batches = epochs[1]")
                for place, indices in enumerate(expected):
                    trial.expect(f"batches[{place}][0]", x[indices])
                    trial.expect(f"batches[{place}][1]", y[indices])
    trial = cell.trial()
    trial.run("loader = torch.utils.data.DataLoader([3, 1, 2])")
    trial.expect_equal("[each.tolist() for each in loader]", [[3], [1], [2]])


@clause("data.loader.shuffles-every-epoch")
def test_shuffle(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("data = torch.utils.data.TensorDataset(torch.arange(53, device=device))")
    trial.run("""def epochs(generator=None, **options):
    loader = torch.utils.data.DataLoader(data, shuffle=True, generator=generator, **options)
    return [[each[0].tolist() for each in loader] for _ in range(3)]
def flat(epoch):
    return [index for batch in epoch for index in batch]""")
    trial.run("seeded = epochs(torch.Generator().manual_seed(seed), batch_size=8)")
    trial.expect_true(
        "all(sorted(flat(each)) == list(range(53)) for each in seeded)", "every sample comes once an epoch"
    )
    trial.expect_true("[len(each) for each in seeded[0]] == [8] * 6 + [5]", "batches are full but for the last")
    # Two orders of 53 agree by chance once in 53! times.
    trial.expect_true("seeded[0] != seeded[1] != seeded[2] != seeded[0]", "every epoch has an order of its own")
    trial.expect_true("flat(seeded[0]) != list(range(53))", "the order is not the dataset's")
    trial.expect_true(
        "epochs(torch.Generator().manual_seed(seed), batch_size=8) == seeded", "the generator decides the order"
    )
    trial.expect_true(
        "[flat(each) for each in epochs(torch.Generator().manual_seed(seed), batch_size=5)]"
        " == [flat(each) for each in seeded]",
        "the size of batches has no part in the order",
    )
    trial.run("torch.manual_seed(seed); one = epochs(batch_size=8); torch.manual_seed(seed)")
    trial.expect_true(
        "epochs(batch_size=8) == one and epochs(batch_size=8) != one", "torch.manual_seed decides the order too"
    )
    trial.run("short = epochs(batch_size=8, drop_last=True)")
    trial.expect_true("all(len(set(flat(each))) == 48 for each in short)", "drop_last leaves out the rest, no more")


@clause("data.loader.follows-its-sampler")
def test_sampler(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32) * 5
    order = [7, 2, 2, 11, 0]
    trial = cell.trial(x=Strided.from_array(x), order=order)
    trial.run("dataset = torch.utils.data.TensorDataset(x)")
    trial.run("loader = torch.utils.data.DataLoader(dataset, batch_size=2, sampler=order)")
    trial.run("batches = [each[0] for each in loader]")
    trial.expect_equal("len(loader)", 3)
    for place, indices in enumerate(sampling.batches(order, 2)):
        trial.expect(f"batches[{place}]", x[indices])
    trial.expect_equal("len(batches)", 3)
    groups = [[3], [4, 1, 9], [0, 0]]
    trial.namespace["groups"] = groups
    trial.run(f"groups = {groups}")
    trial.run("loader = torch.utils.data.DataLoader(dataset, batch_sampler=groups)")
    trial.run("batches = [each[0] for each in loader]")
    trial.expect_equal("len(batches)", 3)
    trial.expect_equal("len(loader)", 3)
    for place, indices in enumerate(groups):
        trial.expect(f"batches[{place}]", x[indices])


_CONTRADICTIONS = (
    "data, sampler=[0], shuffle=True",
    "data, batch_sampler=[[0]], batch_size=2",
    "data, batch_sampler=[[0]], shuffle=True",
    "data, batch_sampler=[[0]], sampler=[0]",
    "data, batch_sampler=[[0]], drop_last=True",
    "data, batch_size=None, drop_last=True",
    "data, batch_size=0",
    "data, batch_size=-2",
    "data, num_workers=-1",
    "data, timeout=-1",
    "data, prefetch_factor=2",
    "data, persistent_workers=True",
    "stream, shuffle=True",
    "stream, sampler=[0]",
    "stream, batch_sampler=[[0]]",
)


@clause("data.loader.refuses-contradicting-options")
def test_contradictions(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_STREAM)
    trial.run("data, stream = [1, 2, 3], Stream(3)")
    for call in _CONTRADICTIONS:
        trial.expect_error(f"torch.utils.data.DataLoader({call})", ValueError)
    trial.run("loader = torch.utils.data.DataLoader(data, batch_size=2)")
    trial.expect_error("loader.batch_size = 3", ValueError)
    trial.expect_error("loader.dataset = [1]", ValueError)


@clause("data.loader.without-batch-size-yields-samples")
def test_unbatched(cell: Cell) -> None:
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    trial = cell.trial(x=Strided.from_array(x), arrays=[np.arange(2), np.arange(3.0)])
    trial.run("loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=None)")
    trial.run("items = list(loader)")
    trial.expect_equal("len(items)", 3)
    trial.expect_equal("len(loader)", 3)
    for place in range(3):
        trial.expect(f"items[{place}][0]", x[place])
    trial.run("whole = list(torch.utils.data.DataLoader(range(4), batch_size=None, sampler=[2, 0]))")
    trial.expect_equal("whole", [2, 0])
    trial.run("tensors = list(torch.utils.data.DataLoader(arrays, batch_size=None))")
    trial.run("a, b = (each.to(device) for each in tensors)")
    trial.expect("a", np.arange(2))
    trial.expect("b", np.arange(3.0))
    trial.run("double = list(torch.utils.data.DataLoader(range(4), batch_size=None, collate_fn=lambda item: item * 2))")
    trial.expect_equal("double", [0, 2, 4, 6])


@clause("data.loader.hands-lists-of-samples-to-collate-fn")
def test_collate_fn(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("seen = []")
    trial.run("""def collate(samples):
    seen.append(type(samples))
    return [sum(samples), len(samples)]""")
    trial.run("loader = torch.utils.data.DataLoader(range(1, 8), batch_size=3, collate_fn=collate)")
    trial.expect_equal("list(loader)", [[6, 3], [15, 3], [7, 1]])
    trial.expect_true("seen == [list] * 3", "samples of a batch come as a list")
    trial.run("named = torch.utils.data.DataLoader(range(3), 3, False, None, None, 0, lambda samples: samples)")
    trial.expect_equal("list(named)", [[0, 1, 2]])


@clause("data.loader.batches-an-iterable-dataset")
def test_iterable(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_STREAM)
    for size in (1, 2, 3, 8):
        for drop in (False, True):
            trial.run(f"loader = torch.utils.data.DataLoader(Stream(7), batch_size={size}, drop_last={drop})")
            expected = sampling.batches(range(7), size, drop_last=drop)
            for _ in range(2):
                trial.expect_equal("[each.tolist() for each in loader]", expected)
    trial.run("loader = torch.utils.data.DataLoader(Stream(3), batch_size=None)")
    trial.expect_equal("list(loader)", [0, 1, 2])
    trial.expect_error("len(loader)", TypeError)


def _forks(cell: Cell) -> None:
    """End the cell where worker processes cannot be forked."""
    if not hasattr(os, "fork"):
        cell.unsupported("probe: this platform cannot fork worker processes")


_WORKERS = "num_workers=2, multiprocessing_context='fork', timeout=120"


@clause("data.loader.workers-give-the-same-batches")
def test_workers(cell: Cell) -> None:
    _forks(cell)
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("data = torch.utils.data.TensorDataset(torch.arange(11) * 3, torch.arange(22.0).view(11, 2))")
    trial.run("""def epochs(**options):
    generator = torch.Generator().manual_seed(seed)
    loader = torch.utils.data.DataLoader(data, batch_size=2, shuffle=True, generator=generator, **options)
    return [[[part.tolist() for part in each] for each in loader] for _ in range(2)]""")
    trial.run(f"apart = epochs({_WORKERS}, persistent_workers=True, prefetch_factor=1)")
    trial.expect_true(
        "[sorted(k for each in epoch for k in each[0]) for epoch in apart] == [list(range(0, 33, 3))] * 2",
        "every sample comes once an epoch",
    )
    trial.expect_true("apart[0] != apart[1]", "every epoch has an order of its own")
    trial.run(f"loader = torch.utils.data.DataLoader(data, batch_size=3, drop_last=False, {_WORKERS})")
    trial.expect_equal("[each[0].tolist() for each in loader]", [[0, 3, 6], [9, 12, 15], [18, 21, 24], [27, 30]])


_PROBE = """class Probe(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        info = torch.utils.data.get_worker_info()
        return index, info.id, info.num_workers, info.seed, marks[0]"""


@clause("data.loader.tells-workers-who-they-are")
def test_worker_info(cell: Cell) -> None:
    _forks(cell)
    trial = cell.trial(seed=cell.seed % 2**31)
    trial.run("marks = [None]")
    trial.run(_PROBE)
    trial.run("def begin(number): marks[0] = number + 10")
    trial.run("generator = torch.Generator().manual_seed(seed)")
    trial.run(
        "loader = torch.utils.data.DataLoader(Probe(), batch_size=None, worker_init_fn=begin, generator=generator, "
        f"{_WORKERS})"
    )
    trial.run("rows = list(loader)")
    trial.expect_equal("[each[0] for each in rows]", [0, 1, 2, 3])
    trial.expect_equal("[each[1] for each in rows]", [0, 1, 0, 1])
    trial.expect_equal("[each[2] for each in rows]", [2, 2, 2, 2])
    trial.expect_equal("[each[4] for each in rows]", [10, 11, 10, 11])
    trial.expect_true("rows[1][3] - rows[0][3] == 1", "a worker's seed is the base seed plus its number")
    trial.expect_true("torch.utils.data.get_worker_info() is None", "the main process is no worker")
    trial.expect_equal("marks", [None])


@clause("data.loader.surfaces-errors-of-datasets")
def test_errors(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("""class Broken(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, index):
        if index == 2:
            raise LookupError('sample 2')
        return index""")
    trial.run("loader = iter(torch.utils.data.DataLoader(Broken(), batch_size=2))")
    trial.expect_equal("next(loader).tolist()", [0, 1])
    trial.expect_error("next(loader)", LookupError)
    trial.expect_error("next(loader)", StopIteration)
    _forks(cell)
    trial.run(f"loader = iter(torch.utils.data.DataLoader(Broken(), batch_size=2, {_WORKERS}))")
    trial.expect_equal("next(loader).tolist()", [0, 1])
    trial.expect_error("next(loader)", LookupError)
    # Gone through to its end, a loader has told its workers to stop; of another one each is waited for, 5 s.
    trial.expect_error("next(loader)", StopIteration)
