"""The table of layers is complete, and says what torch's signatures and the reference say."""

from __future__ import annotations

import importlib
import inspect

import pytest
import torch

from torch_conformance.conformance.chapters.nn.layers.default_calls import written
from torch_conformance.spec.layers import Layer, layers

HERE = [row for row in layers().values() if row.exists_in(torch.__version__)]
# Bases, containers, wrappers, layers that wait for their input, another name of one, and one of a later release.
NO_LAYERS = {
    *("Container", "DataParallel", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList"),
    *("Sequential", "SyncBatchNorm", "RNNBase", "RNNCellBase", "NLLLoss2d", "LinearCrossEntropyLoss"),
}


def _named(row: Layer) -> str:
    return row.name


def test_every_layer_of_torch_has_a_row():
    found = {name for name, each in vars(torch.nn).items() if inspect.isclass(each)}
    modules = {name for name in found if issubclass(getattr(torch.nn, name), torch.nn.Module)}
    assert {name for name in modules if not name.startswith("Lazy")} - NO_LAYERS == {row.module for row in HERE} - {""}


@pytest.mark.parametrize("row", HERE, ids=_named)
def test_every_option_is_one_of_the_constructor(row: Layer):
    parameters = inspect.signature(getattr(torch.nn, row.module).__init__).parameters if row.module else {}
    if row.module and "args" not in parameters:
        names = [option.name for option in row.options_of("module") if not option.since]
        assert names == [name for name in parameters if name in names]


@pytest.mark.parametrize("row", [row for row in HERE if row.reference], ids=_named)
def test_every_reference_is_there(row: Layer):
    module, _, name = row.reference.partition(".")
    room = importlib.import_module(f"torch_conformance.reference.nn.{module}")
    assert hasattr(room, name) or name in room.ACTIVATIONS


@pytest.mark.parametrize(
    ("name", "form", "given", "expected"),
    [
        ("elu", "function", "x1", "1.0, False"),
        ("gelu", "module", "", "approximate='none'"),
        ("max-pool2d", "function", "x2, (2, 1)", "(2, 1), 0, 1, False, False"),
        ("avg-pool1d", "module", "3, padding=1", "stride=3, ceil_mode=False, count_include_pad=True"),
        ("prelu", "module", "3", "0.25"),
        ("gru", "call", "x1", "None"),
    ],
)
def test_writes_defaults_out(name: str, form: str, given: str, expected: str):
    assert written(layers()[name], form, given, "2.0.1") == expected


def test_leaves_newer_options_out():
    assert written(layers()["layer-norm"], "module", "7", "2.0.1") == "1e-5, True"
    assert written(layers()["layer-norm"], "module", "7", "2.1.0") == "1e-5, True, bias=True"
