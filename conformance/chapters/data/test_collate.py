"""How samples become a batch, kind by kind."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import structures
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided

_CALLS = (
    "torch.utils.data.default_collate(samples)",
    "next(iter(torch.utils.data.DataLoader(samples, batch_size=len(samples))))",
)


@clause("data.collate.stacks-tensors")
def test_tensors(cell: Cell) -> None:
    generator = cell.generator()
    target = dtypes.numpy_dtype(cell.dtype)
    for size in ((), (3,), (2, 3), (0,), (2, 0), (1, 2, 2)):
        layouts = [each for each in structures(size) if each.layout != "expanded"]
        samples = []
        for place in range(3):
            layout = layouts[place % len(layouts)]
            storage = generator.integers(0, 2 if cell.dtype == "bool" else 100, layout.length).astype(target)
            samples.append(Strided(storage, layout.size, layout.stride, layout.offset))
        expected = np.stack([each.array for each in samples])
        for call in _CALLS:
            trial = cell.trial(samples=samples)
            trial.run(f"batch = {call}")
            trial.expect("batch", expected)
            trial.expect_true("not batch.numel() or batch.data_ptr() != samples[0].data_ptr()", "a batch is a copy")
        if size:
            trial.expect_error(
                "torch.utils.data.default_collate([samples[0], samples[1][:0]])"
                if size[0]
                else "torch.utils.data.default_collate([samples[0], samples[1].new_zeros(5)])",
                RuntimeError,
            )


@clause("data.collate.makes-tensors-of-numbers")
def test_numbers(cell: Cell) -> None:
    cases = (
        ([1, 2, -3], np.array([1, 2, -3])),
        ([2**62, -(2**63)], np.array([2**62, -(2**63)])),
        ([0.1, -2.5], np.array([0.1, -2.5])),
        ([1e300], np.array([1e300])),
        ([True, False], np.array([True, False])),
    )
    for samples, expected in cases:
        trial = cell.trial(samples=samples)
        for call in _CALLS:
            trial.expect(f"({call}).to(device)", expected)


@clause("data.collate.keeps-strings")
def test_strings(cell: Cell) -> None:
    for samples in (["a", "bc", ""], [b"x", b"yz"]):
        trial = cell.trial(samples=samples)
        for call in _CALLS:
            trial.expect_equal(f"list({call})", samples)


@clause("data.collate.makes-tensors-of-numpy-arrays")
def test_numpy(cell: Cell) -> None:
    generator = cell.generator()
    target = dtypes.numpy_dtype(cell.dtype)
    for size in ((3,), (2, 3), (2, 0)):
        samples = [generator.integers(0, 2 if cell.dtype == "bool" else 100, size).astype(target) for _ in range(3)]
        trial = cell.trial(samples=samples)
        for call in _CALLS:
            trial.expect(f"({call}).to(device)", np.stack(samples))
        trial.expect_error(
            "torch.utils.data.default_collate([samples[0], samples[1][:1, ...].ravel()[:1]])", RuntimeError
        )
    # torch.tensor takes no NumPy scalar of uint64, and some versions none of bool.
    if cell.dtype in ("uint64", "bool"):
        return
    trial = cell.trial(samples=[target.type(1), target.type(0)])
    for call in _CALLS:
        trial.expect(f"({call}).to(device)", np.array([1, 0], dtype=target))


@clause("data.collate.keeps-structure")
def test_structure(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("import collections; Point = collections.namedtuple('Point', ['x', 'y'])")
    trial.run("""def sample(k):
    at = torch.tensor([k, k + 1], device=device)
    return {'at': at, 'name': str(k), 'pair': (k, k / 2), 'point': Point(k, [k * 2, at * 3]),
            'list': [k, {'deep': k}]}""")
    trial.run("samples = [sample(k) for k in range(3)]")
    at = np.arange(3)[:, None] + [0, 1]
    for call in _CALLS:
        trial.run(f"batch = {call}")
        trial.expect_true("list(batch) == ['at', 'name', 'pair', 'point', 'list']", "keys stay, in their order")
        trial.expect("batch['at']", at)
        trial.expect_equal("list(batch['name'])", ["0", "1", "2"])
        trial.expect_true("len(batch['pair']) == 2 and len(batch['list']) == 2", "parts are as many as in a sample")
        trial.expect("batch['pair'][0].to(device)", np.arange(3))
        trial.expect("batch['pair'][1].to(device)", np.arange(3) / 2)
        trial.expect_true("type(batch['point']) is Point", "a named tuple stays one")
        trial.expect("batch['point'].x.to(device)", np.arange(3))
        trial.expect("batch['point'].y[0].to(device)", np.arange(3) * 2)
        trial.expect("batch['point'].y[1]", at * 3)
        trial.expect("batch['list'][1]['deep'].to(device)", np.arange(3))


@clause("data.collate.refuses-what-does-not-fit")
def test_refused(cell: Cell) -> None:
    trial = cell.trial()
    trial.expect_error("torch.utils.data.default_collate([[1, 2], [3]])", RuntimeError)
    trial.expect_error("torch.utils.data.default_collate([(1,), (3, 4)])", RuntimeError)
    trial.expect_error("torch.utils.data.default_collate([{'a': 1}, {'b': 2}])", KeyError)
    trial.expect_error("torch.utils.data.default_collate([object(), object()])", TypeError)
    trial.expect_error("torch.utils.data.default_collate([None, None])", TypeError)
    trial.expect_error("torch.utils.data.default_collate([np.array(['a']), np.array(['b'])])", TypeError)
    trial.expect_error("torch.utils.data.default_collate([torch.zeros(2), torch.zeros(3)])", RuntimeError)
