"""Modules run with other tensors, replaced in part, made lazily, shown, and told before their state is used."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.nn.modules.cases import tree_of
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell


@clause("nn.module.functional-call-takes-other-tensors")
def test_functional_call(cell: Cell) -> None:
    trial = tree_of(cell)
    # Of a child with two names, torch leaves what was given in the module.
    trial.run("del tree.again")
    trial.run("x, call = torch.tensor([1.0, 2.0], dtype=torch.float64, device=device), torch.func.functional_call")
    trial.run("new = {'bias': torch.tensor([10.0, 20.0], dtype=torch.float64, device=device).requires_grad_()}")
    trial.run("new['first.hidden'] = torch.tensor([100.0, 200.0], dtype=torch.float64, device=device)")
    trial.run("y = call(tree, new, x)")
    trial.expect("y", np.array([111.0, 224.0]))
    trial.expect("call(tree, (new, {}), (x,))", np.array([111.0, 224.0]))
    trial.expect("call(tree, {'bias': new['bias']}, args=(x,))", np.array([11.5, 24.5]))
    trial.run("y.backward(torch.tensor([2.0, 3.0], dtype=torch.float64, device=device))")
    trial.expect("new['bias'].grad", np.array([2.0, 3.0]))
    trial.expect("tree.first.scale.grad", np.array([2.0, 6.0]))
    trial.expect_true("tree.bias.grad is None", "what was replaced takes no part")
    trial.expect("tree(x)", np.array([4.5, 9.5]))
    trial.expect_true("type(tree.bias) is torch.nn.Parameter", "the module is as it was")
    trial.expect_error("call(tree, {'bias': new['bias']}, (x,), strict=True)", RuntimeError)
    trial.expect("tree(x)", np.array([4.5, 9.5]))


@clause("nn.module.set-submodule-replaces-by-dotted-name")
def test_set_submodule(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("new = torch.nn.Identity()")
    trial.run("tree.set_submodule('middle.inner', new)")
    trial.expect_true(
        "tree.middle.inner is new and tree.get_submodule('middle.inner') is new",
        "set_submodule replaces the module of a dotted name",
    )
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", ["bias", "last", "first.scale"])
    trial.expect_error("tree.set_submodule('', new)", ValueError)
    trial.expect_error("tree.set_submodule('nowhere.inner', new)", AttributeError)


@clause("nn.module.lazy-ones-take-their-size-from-the-input")
def test_lazy(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**63)
    for lazy, size, plain in (
        ("LazyLinear(3, device=device)", (2, 5), "Linear(5, 3, device=device)"),
        ("LazyLinear(3, bias=False, device=device)", (2, 5), "Linear(5, 3, bias=False, device=device)"),
        ("LazyConv1d(3, 2, device=device)", (2, 5, 4), "Conv1d(5, 3, 2, device=device)"),
        ("LazyConv2d(4, 2, groups=2, device=device)", (2, 6, 4, 3), "Conv2d(6, 4, 2, groups=2, device=device)"),
        ("LazyConvTranspose2d(3, 2, device=device)", (2, 5, 4, 3), "ConvTranspose2d(5, 3, 2, device=device)"),
        ("LazyBatchNorm1d(device=device)", (3, 5), "BatchNorm1d(5, device=device)"),
        ("LazyBatchNorm2d(affine=False, device=device)", (3, 5, 2, 2), "BatchNorm2d(5, affine=False, device=device)"),
    ):
        trial.run(f"net, x = torch.nn.{lazy}, torch.arange({int(np.prod(size))}.0, device=device).reshape({size})")
        trial.expect_true("net.has_uninitialized_params()", "nothing has a size yet")
        trial.run(f"torch.manual_seed(seed); y = net(x); torch.manual_seed(seed); other = torch.nn.{plain}")
        trial.expect_true(
            "type(net) is type(other) and not hasattr(net, 'cls_to_become')",
            "a lazy module becomes the layer that it stands for",
        )
        trial.expect_true(
            "torch.equal(y, other(x))", "the module that a lazy one became computes what the layer computes"
        )
        trial.expect_true(
            "all(n == m and torch.equal(p, q) and p.requires_grad == q.requires_grad"
            " for (n, p), (m, q) in zip(net.named_parameters(), other.named_parameters(), strict=True))",
            "a lazy module draws its parameters as the layer does",
        )
    trial.run("net = torch.nn.LazyLinear(2, device=device)")
    trial.expect_error("net.weight.shape", RuntimeError)
    trial.expect_error("net.weight * 2", ValueError)
    trial.run("_ = net.load_state_dict({'weight': torch.ones(2, 3), 'bias': torch.zeros(2)})")
    trial.expect("net(torch.ones(1, 3, device=device))", np.full((1, 2), 3, np.float32))


@clause("nn.module.shows-its-children-and-options")
def test_repr(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("class Net(torch.nn.Module):\n    def extra_repr(self): return 'marked=5'")
    trial.expect_true("'marked=5' in repr(Net()) and 'Net' in repr(Net())", "extra_repr is shown")
    trial.run("outer = torch.nn.Module(); outer.child = Net(); outer.second = torch.nn.Sequential(Net())")
    trial.expect_true(
        "'(child): Net(marked=5)' in repr(outer) and '(second)' in repr(outer)", "repr shows children by name"
    )
    trial.expect_true("repr(outer).index('child') < repr(outer).index('second')", "repr shows children in order")
    for layer in (
        "Linear(in_features=4, out_features=3, bias=True)",
        "Dropout(p=0.25, inplace=False)",
        "Embedding(6, 3)",
        "ReLU()",
    ):
        trial.expect_equal(f"repr(torch.nn.{layer})", layer)


@clause("nn.state.pre-hook-runs-before-the-state-is-taken")
def test_state_hook(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("seen = []")
    trial.run(
        "handle = tree.first.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((m, prefix, keep)))"
    )
    trial.run("_ = tree.first.register_state_dict_pre_hook(lambda m, prefix, keep: m.scale.data.fill_(8))")
    trial.run("state = tree.state_dict(keep_vars=True)")
    trial.expect_true(
        "seen[0][0] is tree.first and seen[0][1:] == ('first.', True)", "the hook is given prefix and keep_vars"
    )
    trial.expect_equal("state['first.scale'].tolist()", [8.0, 8.0])
    trial.run("handle.remove(); seen.clear(); _ = tree.state_dict()")
    trial.expect_equal("seen", [])


@clause("nn.state.load-pre-hook-changes-what-is-loaded")
def test_load_hook(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("state = {n: v.clone() for n, v in tree.state_dict().items()}")
    trial.run("state['renamed'] = state.pop('bias') + 1")
    trial.run("def hook(m, given, prefix, *rest): assert m is tree; given['bias'] = given.pop(prefix + 'renamed')")
    trial.run("handle = tree.register_load_state_dict_pre_hook(hook)")
    trial.run("_ = tree.load_state_dict(dict(state))")
    trial.expect_equal("tree.bias.tolist()", [4.0, 6.0])
    trial.run("handle.remove()")
    trial.expect_error("tree.load_state_dict(dict(state))", RuntimeError)


@clause("nn.parameter.memory-format-is-converted")
def test_memory_format(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(
        "net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 2, device=device), torch.nn.Linear(3, 2, device=device))"
    )
    trial.run("values = [p.detach().clone() for p in net.parameters()]")
    trial.expect_true("net.to(memory_format=torch.channels_last) is net", "it returns the module")
    trial.expect_true(
        "net[0].weight.is_contiguous(memory_format=torch.channels_last)",
        "a weight of four dimensions has its channels innermost",
    )
    trial.expect_true(
        "not net[0].weight.is_contiguous() and net[1].weight.is_contiguous()",
        "weights of fewer dimensions keep their format",
    )
    trial.expect_true(
        "all(torch.equal(p, v) for p, v in zip(net.parameters(), values))", "a change of memory format keeps values"
    )
    trial.run("_ = net.to(memory_format=torch.contiguous_format)")
    trial.expect_true("net[0].weight.is_contiguous()", "contiguous_format changes the format back")


@clause("nn.parameter.joins-into-a-vector-and-back")
def test_vector(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("tools = torch.nn.utils")
    trial.run("flat = tools.parameters_to_vector(tree.parameters())")
    trial.expect("flat", np.array([3, 5, 7, 1, 2, 1, 2, 3.0]))
    trial.expect_true("flat.requires_grad", "gradients pass through")
    trial.run("held = list(tree.parameters())")
    trial.expect_equal("tools.vector_to_parameters(flat.detach() * 2, tree.parameters())", None)
    trial.expect_true("all(p is q for p, q in zip(held, tree.parameters()))", "parameters stay the same objects")
    trial.expect_equal("tree.middle.inner.scale.tolist(), tree.last.item()", ([2.0, 4.0, 6.0], 14.0))
    trial.expect_error("tools.vector_to_parameters([1.0], tree.parameters())", TypeError)
