"""Parameters as tensors, and the conversion of a module's parameters and buffers."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.nn.modules.cases import tree_of
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided

# No whole numbers, so that conversions between floating dtypes show.
VALUES = np.array([1 / 3, -0.1, 2.0**-15 + 1, 1000.3])


@clause("nn.parameter.is-a-leaf-that-requires-grad")
def test_parameter(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(cast(VALUES, cell.dtype)))
    trial.run("p = torch.nn.Parameter(x)")
    trial.expect_true("isinstance(p, torch.nn.Parameter) and isinstance(p, torch.Tensor)", "a Parameter is a Tensor")
    trial.expect_true("p.is_leaf and p.requires_grad and p.grad is None and p.grad_fn is None", "a leaf of the graph")
    trial.expect("p", cast(VALUES, cell.dtype))
    trial.expect_true(
        "p.data_ptr() == x.data_ptr() and not x.requires_grad",
        "a Parameter shares the memory of the tensor, which stays as it was",
    )
    trial.expect_true("torch.nn.Parameter(x.clone().requires_grad_() * 2).is_leaf", "a result becomes a leaf")
    for call in ("torch.nn.Parameter(x, False)", "torch.nn.Parameter(data=x, requires_grad=False)"):
        trial.expect_true(f"not {call}.requires_grad", "requires_grad=False is kept")
    trial.expect_true("type(p * 2) is torch.Tensor and type(p.data) is torch.Tensor", "results are plain tensors")
    trial.run("with torch.no_grad(): q = torch.nn.Parameter(x)")
    trial.expect_true("q.requires_grad", "no_grad does not reach its creation")
    trial.run("import copy")
    trial.run("c = copy.deepcopy(p)")
    trial.expect_true(
        "type(c) is torch.nn.Parameter and c.requires_grad and c.data_ptr() != p.data_ptr()",
        "a deep copy is a Parameter with memory of its own",
    )
    trial.expect("c", cast(VALUES, cell.dtype))
    trial.run("(p * 3).sum().backward()")
    trial.expect("p.grad", cast(np.full(4, 3.0), cell.dtype))
    trial.expect_true("c.grad is None and x.grad is None", "the gradient is the parameter's own")
    trial.expect_equal("tuple(torch.nn.Parameter().shape)", (0,))


@clause("nn.parameter.integer-cannot-require-grad")
def test_integer(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(np.arange(3).astype(numpy_dtype(cell.dtype))))
    trial.expect_error("torch.nn.Parameter(x)", RuntimeError)
    trial.run("net = torch.nn.Module()")
    trial.run("net.p = torch.nn.Parameter(x, requires_grad=False)")
    trial.expect("net.p", np.arange(3).astype(numpy_dtype(cell.dtype)))
    trial.run("net.double()")
    trial.expect("net.p", np.arange(3).astype(numpy_dtype(cell.dtype)))
    trial.expect_error("net.requires_grad_()", RuntimeError)


_METHODS = {"float16": "half", "bfloat16": "bfloat16", "float32": "float", "float64": "double"}


@clause("nn.parameter.is-converted-in-place")
def test_conversion(cell: Cell) -> None:
    method = _METHODS[cell.dtype]
    expected = cast(VALUES, cell.dtype)
    calls = (
        f"{method}()",
        "to(dtype)",
        "to(dtype=dtype)",
        "to(device, dtype)",
        "to(device=device, dtype=dtype)",
        "to(torch.zeros(1, dtype=dtype, device=device))",
        "to(device, dtype, True)",
        "type(dtype)",
    )
    for call in calls:
        trial = cell.trial(x=Strided.from_array(VALUES), dtype=cell.torch_dtype)
        trial.run("outer, net = torch.nn.Module(), torch.nn.Module()")
        trial.run("outer.net, net.p = net, torch.nn.Parameter(x.clone())")
        trial.run("net.register_buffer('mean', x.clone())")
        trial.run("net.register_buffer('count', torch.tensor([7], device=device))")
        trial.run("net.frozen, held = torch.nn.Parameter(x.clone(), False), net.p")
        trial.run("held.grad = x.clone()")
        trial.expect_true(f"outer.{call} is outer", "it returns the module")
        trial.expect("net.p", expected)
        trial.expect_true("net.p is held and held.requires_grad and held.is_leaf", "the parameter is the same object")
        trial.expect("net.p.grad", expected)
        trial.expect("net.frozen", expected)
        trial.expect_true("not net.frozen.requires_grad", "what is frozen stays so")
        trial.expect("net.mean", expected)
        if call != "type(dtype)":
            trial.expect("net.count", np.array([7]))


@clause("nn.parameter.conversion-refuses-integers")
def test_conversion_refuses(cell: Cell) -> None:
    trial = tree_of(cell)
    for dtype in ("torch.int64", "torch.bool", "torch.uint8"):
        trial.expect_error(f"tree.to({dtype})", TypeError)
        trial.expect_error(f"tree.to(dtype={dtype})", TypeError)
    trial.expect_true("{t.dtype for t in tree.parameters()} == {torch.float64}", "nothing was converted")


@clause("nn.parameter.to-empty-and-to-of-devices")
def test_devices(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("held = tree.bias")
    trial.expect_true("tree.to(device) is tree and tree.bias is held", "moving to where it is changes nothing")
    trial.expect_equal("tree.bias.tolist()", [3.0, 5.0])
    trial.expect_true(
        "tree.cpu() is tree and all(t.device.type == 'cpu' for t in tree.parameters())",
        "cpu moves every parameter and returns the module",
    )
    trial.expect_true("all(t.device.type == 'cpu' for t in tree.buffers())", "cpu moves buffers too")
    trial.expect_equal("tree.middle.inner.scale.tolist()", [1.0, 2.0, 3.0])
    trial.run("tree.to('meta')")
    trial.expect_true(
        "all(t.is_meta for t in (*tree.parameters(), *tree.buffers()))", "to meta moves every parameter and buffer"
    )
    trial.expect_true("all(isinstance(p, torch.nn.Parameter) for p in tree.parameters())", "parameters stay Parameters")
    trial.expect_true("tree.to_empty(device=device) is tree", "it returns the module")
    trial.expect_true(
        "all(t.device.type == device.type for t in (*tree.parameters(), *tree.buffers()))",
        "to_empty puts every parameter and buffer on the device",
    )
    trial.expect_equal("[tuple(p.shape) for p in tree.parameters()]", [(2,), (), (2,), (3,)])
    trial.expect_true("tree.again is tree.first and tree.first.count.dtype == torch.int64", "structure and dtypes stay")
