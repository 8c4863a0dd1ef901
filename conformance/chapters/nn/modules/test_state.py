"""The state of a module: what it holds, how it is loaded, what is refused."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.nn.modules.cases import STATE, tree_of
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided


@clause("nn.state.lists-parameters-and-persistent-buffers")
def test_state_dict(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("state = tree.state_dict()")
    trial.expect_equal("list(state)", STATE)
    trial.expect_true(
        "isinstance(state, dict) and all(type(v) is torch.Tensor for v in state.values())",
        "state_dict is a dict of Tensors",
    )
    trial.expect_true("not any(v.requires_grad for v in state.values())", "entries of state_dict require no gradient")
    trial.expect_true(
        "all(state[n].data_ptr() == p.data_ptr() for n, p in tree.named_parameters())",
        "entries of state_dict share the memory of the parameters",
    )
    trial.run("tree.bias.data.fill_(8)")
    trial.expect_equal("state['bias'].tolist()", [8.0, 8.0])
    trial.expect_true("tree.state_dict(keep_vars=True)['bias'] is tree.bias", "keep_vars gives the parameters")
    trial.expect_true(
        "tree.state_dict(keep_vars=True)['first.count'] is tree.first.count",
        "with keep_vars buffers are the buffers themselves",
    )
    trial.expect_equal("list(tree.first.state_dict(prefix='p.'))", ["p.scale", "p.count"])
    trial.run("given = {'kept': 1}")
    trial.expect_true("tree.first.state_dict(destination=given, prefix='x.') is given", "destination is filled")
    trial.expect_equal("list(given)", ["kept", "x.scale", "x.count"])


_NET = """
net = torch.nn.Module()
net.bias = torch.nn.Parameter(torch.zeros(2, device=device))
net.register_buffer("mean", torch.zeros(2, device=device))
net.inner = torch.nn.Linear(1, 1, bias=False, device=device)
"""


@clause("nn.state.load-copies-values-in-place")
def test_load(cell: Cell) -> None:
    values = cast(np.array([1 / 3, -2.5]), cell.dtype)
    trial = cell.trial(v=Strided.from_array(values))
    trial.run(_NET)
    trial.run("held, where, mean = net.bias, net.bias.data_ptr(), net.mean")
    trial.run("answer = net.load_state_dict({'bias': v, 'mean': v * 2, 'inner.weight': v[:1].reshape(1, 1)})")
    trial.expect("net.bias", values.astype(np.float32))
    trial.expect("net.mean", cast(values.astype(np.float64) * 2, cell.dtype).astype(np.float32))
    trial.expect("net.inner.weight", values[:1].reshape(1, 1).astype(np.float32))
    trial.expect_true(
        "net.bias is held and held.data_ptr() == where and net.mean is mean",
        "load_state_dict writes into the tensors that are there",
    )
    trial.expect_true("held.requires_grad and held.is_leaf and held.grad_fn is None", "loading is not recorded")
    trial.run("v.fill_(9)")
    trial.expect("net.bias", values.astype(np.float32))
    trial.expect_equal("answer.missing_keys, answer.unexpected_keys", ([], []))
    trial.expect_equal("len(answer), answer[0], answer[1]", (2, [], []))


@clause("nn.state.load-names-what-is-missing-and-unexpected")
def test_strict(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("full = {n: torch.full_like(v, 2) for n, v in tree.state_dict().items()}")
    trial.run("less = {n: v for n, v in full.items() if n not in ('last', 'middle.inner.count')}")
    trial.run("more = {**full, 'other': torch.zeros(1), 'first.other': torch.zeros(1)}")
    for argument in ("less", "more", "{}", "{**less, 'other': torch.zeros(1)}"):
        trial.expect_error(f"tree.load_state_dict({argument})", RuntimeError)
        trial.expect_error(f"tree.load_state_dict(state_dict={argument}, strict=True)", RuntimeError)
    # What is refused may have been loaded all the same: that is not documented.
    trial.run("_ = [value.fill_(7) for value in tree.state_dict().values()]")
    trial.run("answer = tree.load_state_dict(less, strict=False)")
    trial.expect_equal("sorted(answer.missing_keys), answer.unexpected_keys", (["last", "middle.inner.count"], []))
    trial.expect_equal(
        "{name: float(value.min()) for name, value in tree.state_dict().items()}",
        {name: 7.0 if name in ("last", "middle.inner.count") else 2.0 for name in STATE},
    )
    trial.run("_ = [value.fill_(7) for value in tree.state_dict().values()]")
    trial.run("answer = tree.load_state_dict(more, False)")
    trial.expect_equal("answer.missing_keys, sorted(answer.unexpected_keys)", ([], ["first.other", "other"]))
    trial.expect_true("all((value == 2).all() for value in tree.state_dict().values())", "what is known is loaded")
    trial.run("answer = tree.load_state_dict({}, strict=False)")
    trial.expect_equal("sorted(answer.missing_keys)", sorted(STATE))
    trial.expect_error("tree.load_state_dict([])", TypeError)
    trial.expect_error("tree.load_state_dict(None)", TypeError)


@clause("nn.state.load-refuses-another-shape")
def test_shape(cell: Cell) -> None:
    trial = tree_of(cell)
    for name, value in (
        ("bias", "torch.zeros(3)"),
        ("bias", "torch.zeros(1)"),
        ("bias", "torch.zeros(2, 1)"),
        ("first.count", "torch.zeros(4)"),
        ("bias", "torch.zeros(())"),
        ("mean", "torch.zeros(2)"),
    ):
        trial.run("state = dict(tree.state_dict())")
        trial.run(f"state[{name!r}] = {value}")
        trial.expect_error("tree.load_state_dict(state)", RuntimeError)
        trial.expect_error("tree.load_state_dict(state, strict=False)", RuntimeError)
    trial.expect_equal("tree.bias.tolist(), tree.mean.tolist()", ([3.0, 5.0], [1.0]))


@clause("nn.state.survives-a-round-trip-through-a-file")
def test_round_trip(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("import copy, io")
    trial.run("file, saved = io.BytesIO(), copy.deepcopy(tree.state_dict())")
    trial.run("torch.save(tree.state_dict(), file)")
    trial.run("with torch.no_grad(): [t.add_(5) for t in (*tree.parameters(), *tree.buffers())]")
    trial.run("_ = file.seek(0)")
    trial.run("read = torch.load(file, weights_only=True)")
    trial.expect_equal("list(read)", STATE)
    trial.expect_true(
        "all(torch.equal(read[n], v) and read[n].dtype == v.dtype for n, v in saved.items())",
        "the state read from the file is the one saved",
    )
    trial.expect_true("not torch.equal(read['bias'], tree.bias)", "the file is no alias")
    trial.run("_ = tree.load_state_dict(read)")
    trial.expect_equal("tree.bias.tolist(), tree.middle.inner.count.tolist()", ([3.0, 5.0], [0, 1, 2]))
    trial.expect_equal("tree.first.hidden.tolist()", [5.5, 5.5])
    trial.run("fresh = Tree()")
    trial.run("_ = fresh.load_state_dict(saved)")
    trial.run("x = torch.ones(2, dtype=torch.float64, device=device)")
    trial.expect_equal("fresh(x).tolist()", [4.5, 7.5])


@clause("nn.state.assign-keeps-the-given-tensors")
def test_assign(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("state = {n: (v + 1).half() if v.is_floating_point() else v + 1 for n, v in tree.state_dict().items()}")
    trial.run("tree.last.requires_grad_(False)")
    trial.run("_ = tree.load_state_dict(state, assign=True)")
    trial.expect_equal("tree.bias.tolist(), tree.first.count.tolist()", ([4.0, 6.0], [1, 2]))
    trial.expect_true("tree.bias.dtype == torch.float16 and tree.mean.dtype == torch.float16", "dtypes of the state")
    trial.expect_true("tree.bias.data_ptr() == state['bias'].data_ptr()", "the tensors given are taken")
    trial.expect_true("isinstance(tree.bias, torch.nn.Parameter)", "with assign parameters stay Parameters")
    trial.run("state = {n: v.double() for n, v in state.items()}")
    trial.run("held = tree.bias")
    trial.run("_ = tree.load_state_dict(state, assign=False)")
    trial.expect_true("tree.bias is held and held.dtype == torch.float16", "without assign the module's own stay")


_EXTRA = """
class Extra(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.note, self.child = 0, torch.nn.Linear(1, 1, bias=False)
    def get_extra_state(self):
        return {"note": self.note}
    def set_extra_state(self, state):
        self.note = state["note"]
"""


@clause("nn.state.carries-extra-state")
def test_extra(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_EXTRA)
    trial.run("net, other = torch.nn.Sequential(Extra()), torch.nn.Sequential(Extra())")
    trial.run("net[0].note = 5")
    trial.run("state = net.state_dict()")
    trial.expect_equal("sorted(state)", ["0._extra_state", "0.child.weight"])
    trial.expect_equal("state['0._extra_state']", {"note": 5})
    trial.run("_ = other.load_state_dict(state)")
    trial.expect_equal("other[0].note", 5)
    trial.run("less = {n: v for n, v in state.items() if 'extra' not in n}")
    trial.expect_error("other.load_state_dict(less)", RuntimeError)
    trial.expect_equal("other.load_state_dict(less, strict=False).missing_keys", ["0._extra_state"])
    trial.expect_error("torch.nn.Sequential(torch.nn.Linear(1, 1)).load_state_dict({**state})", RuntimeError)
    trial.expect_error("torch.nn.Module().get_extra_state()", RuntimeError)


@clause("nn.state.load-post-hook-sees-the-keys")
def test_hook(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("seen = []")
    trial.run(
        "def post(module, keys): seen.append((module is tree, list(keys.missing_keys))); keys.missing_keys.clear()"
    )
    trial.run("handle = tree.register_load_state_dict_post_hook(post)")
    trial.run("state = {n: v for n, v in tree.state_dict().items() if n != 'last'}")
    trial.run("answer = tree.load_state_dict(state)")
    trial.expect_equal("seen, answer.missing_keys", ([(True, ["last"])], []))
    trial.run("handle.remove()")
    trial.expect_error("tree.load_state_dict(state)", RuntimeError)
    trial.expect_equal("len(seen)", 1)
