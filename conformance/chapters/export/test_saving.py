"""torch.save and torch.load: what comes back has the values, types, strides, sharing and structure that went in."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.strided import Strided

BUFFER = "buffer = io.BytesIO()"
SAVES = (
    "torch.save(x, buffer)",
    "torch.save(obj=x, f=buffer)",
    "torch.save(x, buffer, pickle_protocol=3)",
    "torch.save(x, buffer, _use_new_zipfile_serialization=False)",
)
LOADS = (
    "y = torch.load(buffer, weights_only=True)",
    "y = torch.load(f=buffer, weights_only=False)",
    "y = torch.load(buffer, map_location=device, weights_only=True)",
)


def _through(trial: Trial, save: str, load: str = LOADS[0]) -> None:
    """Save x and load it as y."""
    __tracebackhide__ = True
    trial.run("import io")
    trial.run(BUFFER)
    trial.run(save)
    trial.run("buffer.seek(0)")
    trial.run(load)


@clause("export.save.round-trips-every-tensor")
@given(sweep=sweeps(("scalar", "small", "empty", "tail")))
def test_round_trip(cell: Cell, sweep: Sweep) -> None:
    for turn, recipe in enumerate(sweep):
        x = recipe.tensor(cell.dtype)
        trial = cell.trial(x=x)
        number = turn + recipe.seed
        save = SAVES[number % len(SAVES)]
        if cell.dtype.startswith("uint") and cell.dtype != "uint8":
            save = SAVES[number % 3]
        _through(trial, save, LOADS[number % len(LOADS)])
        trial.expect("y", x)
        trial.expect_true(
            "y.stride() == x.stride() and y.storage_offset() == x.storage_offset()",
            "a loaded tensor keeps strides and offset",
        )
        trial.expect_true("y.data_ptr() != x.data_ptr() or not x.numel()", "a loaded tensor has memory of its own")
        trial.expect_true("not y.requires_grad and y.is_leaf", "a plain tensor is loaded as one")
        trial.expect("x", x)


@clause("export.save.keeps-the-whole-storage")
def test_storage(cell: Cell) -> None:
    values = np.arange(12, dtype=np.float32)
    for save in SAVES:
        trial = cell.trial(x=Strided(values, (3,), (2,), 4))
        _through(trial, save)
        trial.expect("y", values[4:10:2])
        trial.expect_equal("y.untyped_storage().nbytes()", 48)
        trial.expect("y.as_strided((12,), (1,), 0)", values)
        trial.run("x = x.clone()")
        _through(trial, save)
        trial.expect_equal("y.untyped_storage().nbytes()", 12)


@clause("export.save.keeps-tensors-that-share-a-storage-sharing")
def test_sharing(cell: Cell) -> None:
    values = np.arange(6, dtype=np.float32)
    for save in SAVES:
        trial = cell.trial(base=Strided.from_array(values))
        trial.run("x = [base, base[2:], base.view(2, 3).t(), {'again': base, 'apart': base.clone()}]")
        _through(trial, save)
        trial.expect("y[2]", values.reshape(2, 3).T)
        trial.run("y[0][3] = 50")
        trial.expect("y[1]", np.array([2, 50, 4, 5], np.float32))
        trial.expect("y[2][0, 1]", np.array(50, np.float32))
        trial.expect("y[3]['again']", np.array([0, 1, 2, 50, 4, 5], np.float32))
        trial.expect("y[3]['apart']", values)
        trial.expect("base", values)
        trial.expect_true("y[3]['again'] is y[0]", "one tensor saved twice is loaded once")


@clause("export.save.keeps-containers-and-parameters")
def test_containers(cell: Cell) -> None:
    for turn, save in enumerate(SAVES):
        trial = cell.trial(a=Strided.from_array(np.array([1.5, -2], np.float32)))
        trial.run("import collections")
        trial.run("parameter = torch.nn.Parameter(a.clone())")
        trial.run("x = collections.OrderedDict(b=[1, 2.5, 'text', None, True, (a, 3)], a={'p': parameter, 7: a})")
        _through(trial, save, LOADS[turn % len(LOADS)])
        trial.expect_true("type(y) is collections.OrderedDict and list(y) == ['b', 'a']", "order and type are kept")
        trial.expect_equal("y['b'][:5]", [1, 2.5, "text", None, True])
        trial.expect_true("type(y['b'][5]) is tuple and y['b'][5][1] == 3", "tuples stay tuples")
        trial.expect("y['b'][5][0]", np.array([1.5, -2], np.float32))
        trial.expect("y['a']['p'].detach()", np.array([1.5, -2], np.float32))
        trial.expect_true("type(y['a']['p']) is torch.nn.Parameter", "a parameter stays one")
        trial.expect_true(
            "y['a']['p'].requires_grad and y['a']['p'].is_leaf", "a loaded parameter is a leaf that requires grad"
        )
        trial.run("x = torch.nn.Parameter(a.clone(), requires_grad=False)")
        _through(trial, save, LOADS[turn % len(LOADS)])
        trial.expect_true("not y.requires_grad", "a loaded tensor keeps requires_grad")


@clause("export.save.writes-to-a-path-as-to-a-buffer")
def test_path(cell: Cell) -> None:
    values = np.arange(5, dtype=np.float32)
    for wrap in ("str(path)", "path"):
        trial = cell.trial(x=Strided.from_array(values))
        trial.run("import tempfile, pathlib")
        trial.run("folder = tempfile.TemporaryDirectory()")
        trial.run("path = pathlib.Path(folder.name) / 'saved.pt'")
        trial.run(f"torch.save({{'x': x, 'n': 3}}, {wrap})")
        trial.run(f"y = torch.load({wrap}, weights_only=True)")
        trial.expect("y['x']", values)
        trial.expect_equal("y['n']", 3)
        trial.run("with path.open('rb') as file: z = torch.load(file, weights_only=True)")
        trial.expect("z['x']", values)
        trial.run("folder.cleanup()")


@clause("export.load.refuses-other-objects-with-weights-only")
def test_weights_only(cell: Cell) -> None:
    for save in SAVES:
        trial = cell.trial(a=Strided.from_array(np.ones(2, np.float32)))
        trial.run("import fractions, pickle")
        trial.run("x = {'a': a, 'fraction': fractions.Fraction(1, 2)}")
        _through(trial, save, LOADS[1])
        trial.expect_true("y['fraction'] == fractions.Fraction(1, 2)", "without weights_only any object is loaded")
        trial.run("buffer.seek(0)")
        trial.expect_error("torch.load(buffer, weights_only=True)", pickle.UnpicklingError)


@clause("export.load.is-weights-only-by-default")
def test_default(cell: Cell) -> None:
    trial = cell.trial(a=Strided.from_array(np.ones(2, np.float32)))
    trial.run("import io, fractions, pickle")
    trial.run("buffer = io.BytesIO()")
    trial.run("torch.save({'a': a, 'fraction': fractions.Fraction(1, 2)}, buffer)")
    trial.run("buffer.seek(0)")
    trial.expect_error("torch.load(buffer)", pickle.UnpicklingError)
    trial.run("buffer = io.BytesIO()")
    trial.run("torch.save({'a': a}, buffer)")
    trial.run("buffer.seek(0)")
    trial.expect("torch.load(buffer)['a']", np.ones(2, np.float32))


@clause("export.load.map-location-says-where")
def test_map_location(cell: Cell) -> None:
    values = np.arange(4, dtype=np.float32)
    for location in (
        "'cpu'",
        "torch.device('cpu')",
        "lambda storage, location: storage",
        "{str(x.device): 'cpu', location_of(x): 'cpu'}",
    ):
        for save in SAVES[::3]:
            trial = cell.trial(x=Strided.from_array(values))
            trial.run("import io")
            trial.run("location_of = lambda tensor: torch.serialization.location_tag(tensor.untyped_storage())")
            trial.run("buffer = io.BytesIO()")
            trial.run(save)
            trial.run("buffer.seek(0)")
            trial.run(f"y = torch.load(buffer, map_location={location}, weights_only=True)")
            trial.expect_equal("y.device.type", "cpu")
            trial.expect("y.to(device)", values)
    trial = cell.trial(x=Strided.from_array(values))
    trial.run("seen = []")
    _through(
        trial,
        SAVES[0],
        "y = torch.load(buffer, map_location=lambda storage, location: seen.append(location), weights_only=True)",
    )
    trial.expect_true("len(seen) == 1 and seen[0].startswith(device.type)", "the location that was saved is passed")
    trial.expect("y", values)


@clause("export.load.refuses-what-is-no-archive")
def test_garbage(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(np.ones(2, np.float32)))
    trial.run("import io, pickle")
    trial.expect_error("torch.load(io.BytesIO(b'garbage'), weights_only=True)", pickle.UnpicklingError)
    trial.expect_error("torch.load(io.BytesIO(b''), weights_only=True)", EOFError)
    trial.expect_error("torch.load('/no/such/folder/saved.pt', weights_only=True)", FileNotFoundError)


@clause("export.state-dict.brings-a-fresh-model-to-the-same-answers")
def test_state_dict(cell: Cell) -> None:
    generator = cell.generator()
    start = [generator.integers(-3, 4, size).astype(np.float32) for size in ((4, 3), (4,), (2, 4), (2,))]
    x = generator.integers(-3, 4, (5, 3)).astype(np.float32)
    wanted = np.maximum(x @ start[0].T + start[1], 0) @ start[2].T + start[3]
    for save in SAVES:
        trial = cell.trial(start=[Strided.from_array(each) for each in start], data=Strided.from_array(x))
        trial.run("from torch import nn")
        trial.run("make = lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).to(device)")
        trial.run("model = make()")
        trial.run("for each, value in zip(model.parameters(), start): each.data.copy_(value)")
        trial.run("x = model.state_dict()")
        _through(trial, save)
        trial.run("fresh = make()")
        trial.expect_true("str(fresh.load_state_dict(y)) == '<All keys matched successfully>'", "all keys match")
        for place, name in enumerate(("0.weight", "0.bias", "2.weight", "2.bias")):
            trial.expect(f"fresh.state_dict()['{name}']", start[place])
        trial.expect("fresh(data).detach() + 0", wanted + 0)
        trial.expect_error("fresh.load_state_dict({k: v for k, v in y.items() if k != '0.bias'})", RuntimeError)
        trial.expect_error("fresh.load_state_dict({**y, 'unknown': data})", RuntimeError)
        trial.expect_error("fresh.load_state_dict({**y, '0.weight': data})", RuntimeError)
        trial.run("report = fresh.load_state_dict({'0.bias': y['0.bias'] + 1, 'unknown': data}, strict=False)")
        trial.expect_equal("report.unexpected_keys", ["unknown"])
        trial.expect_equal("sorted(report.missing_keys)", ["0.weight", "2.bias", "2.weight"])
        trial.expect("fresh[0].bias.detach()", start[1] + 1)
