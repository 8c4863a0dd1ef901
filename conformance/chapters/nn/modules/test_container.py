"""Containers of modules and parameters: order, names, indexing, growth, and what they refuse."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial

# Modules that are told apart by what they do.
_AFFINE = """
from collections import OrderedDict
class Affine(torch.nn.Module):
    def __init__(self, factor, shift=0.0):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(float(factor), device=device))
        self.shift = shift
    def forward(self, x):
        return x * self.factor + self.shift
a, b, c, d = Affine(2, 1), Affine(3, 5), Affine(-1), Affine(7, 2)
x = torch.tensor([1.0, 4.0], device=device)
"""


def _trial(cell: Cell) -> Trial:
    trial = cell.trial()
    trial.run(_AFFINE)
    return trial


@clause("nn.container.sequential-runs-in-order")
def test_sequential(cell: Cell) -> None:
    trial = _trial(cell)
    expected = np.array([-14, -32], np.float32)
    for call in (
        *(
            "torch.nn.Sequential(a, b, c)",
            "torch.nn.Sequential(*[a, b, c])",
            "torch.nn.Sequential(torch.nn.Sequential(a, b), c)",
        ),
        *(
            "torch.nn.Sequential(OrderedDict([('z', a), ('y', b), ('x', c)]))",
            "torch.nn.Sequential(a).append(b).append(c)",
        ),
        *(
            "torch.nn.Sequential(a).extend([b, c])",
            "torch.nn.Sequential(b, c).insert(0, a)",
            "torch.nn.Sequential(a, c).insert(1, b)",
        ),
        *("torch.nn.Sequential(a) + torch.nn.Sequential(b, c)", "torch.nn.Sequential(a, b, d, c)[:2].append(c)"),
    ):
        trial.expect(f"({call})(x)", expected)
        trial.expect(f"({call})(input=x)", expected)
    trial.expect("torch.nn.Sequential()(x)", np.array([1, 4], np.float32))
    trial.expect("(torch.nn.Sequential(a, b) * 2)(x)", np.array([92, 200], np.float32))
    trial.expect("(2 * torch.nn.Sequential(a, b))(x)", np.array([92, 200], np.float32))
    trial.run("net = torch.nn.Sequential(a, b)\nx.requires_grad_()\nnet(x).sum().backward()")
    trial.expect("x.grad", np.array([6, 6], np.float32))
    trial.expect("b.factor.grad", np.array(12, np.float32))


@clause("nn.container.sequential-is-indexed-like-a-list")
def test_sequential_index(cell: Cell) -> None:
    trial = _trial(cell)
    trial.run("net = torch.nn.Sequential(a, b, c)")
    trial.expect_true(
        "len(net) == 3 and list(net) == [a, b, c] and net[0] is a and net[-1] is c",
        "items are found by place and by name",
    )
    trial.expect_true(
        "type(net[1:]) is torch.nn.Sequential and list(net[1:]) == [b, c] and list(net[::-2]) == [c, a]",
        "slices are containers of the same items",
    )
    for index in ("3", "-4"):
        trial.expect_error(f"net[{index}]", IndexError)
        trial.expect_error(f"net[{index}] = d", IndexError)
    trial.run("net[1] = d")
    trial.expect_true("list(net) == [a, d, c]", "an item is replaced")
    trial.run("net[-1] = b")
    trial.expect_true("list(net) == [a, d, b]", "insert counts from the end too")
    trial.expect_equal("list(net.state_dict())", ["0.factor", "1.factor", "2.factor"])
    trial.run("del net[0]")
    trial.expect_true("list(net) == [d, b] and net[0] is d", "the rest moves up")
    trial.expect_equal("[n for n, _ in net.named_children()]", ["0", "1"])
    trial.run("popped = net.pop(-1)")
    trial.expect_true("popped is b and list(net) == [d]", "pop takes out and returns")
    trial.run("net = torch.nn.Sequential(OrderedDict(first=a, second=b, third=c))")
    trial.expect_true("net.second is b and net[1] is b", "a module is found by name and by place")
    trial.expect_equal("list(net.state_dict())", ["first.factor", "second.factor", "third.factor"])
    trial.expect_equal("[n for n, _ in net[1:].named_children()]", ["second", "third"])
    trial.run("net = torch.nn.Sequential(a, b, c, d)")
    trial.run("del net[1:3]")
    trial.expect_true("list(net) == [a, d]", "a slice is deleted")
    trial.run("net += torch.nn.Sequential(b)")
    trial.expect_true("list(net) == [a, d, b]", "in-place addition extends")
    trial.expect_error("torch.nn.Sequential(a, 5)", TypeError)
    trial.expect_error("torch.nn.Sequential(a).append('b')", TypeError)


@clause("nn.container.module-list-holds-modules")
def test_module_list(cell: Cell) -> None:
    trial = _trial(cell)
    trial.run("net = torch.nn.ModuleList([a, b])")
    trial.expect_true("net.append(c) is net and list(net) == [a, b, c] and len(net) == 3", "append returns the list")
    trial.expect_true("net.extend([d, a]) is net and list(net) == [a, b, c, d, a]", "extend returns the list")
    trial.expect_true(
        "net[-2] is d and net[1] is b and type(net[1:3]) is torch.nn.ModuleList",
        "ModuleList gives items and slices by place",
    )
    trial.expect_true(
        "list(net[1:3]) == [b, c] and list(net[::-1]) == [a, d, c, b, a] and b in net",
        "items come in order, forwards and backwards",
    )
    trial.run("net.insert(1, d)")
    trial.expect_true("list(net) == [a, d, b, c, d, a]", "insert moves the rest")
    trial.run("net.insert(0, c)")
    trial.expect_true("list(net) == [c, a, d, b, c, d, a]", "insert puts an item in front")
    trial.run("del net[2]; del net[-1]; net[0] = d")
    trial.expect_true("list(net) == [d, a, b, c, d]", "items are deleted and replaced")
    trial.run("del net[1:3]")
    trial.expect_true("list(net) == [d, c, d]", "a slice can be deleted")
    trial.expect_equal(
        "list(net.state_dict()), [n for n, _ in net.named_parameters()]",
        (["0.factor", "1.factor", "2.factor"], ["0.factor", "1.factor"]),
    )
    trial.expect_true(
        "net.pop(0) is d and list(net) == [c, d] and net.pop(-1) is d and len(net) == 1",
        "pop returns the item and takes it out",
    )
    trial.run("net += [a, b]")
    trial.expect_true(
        "list(net) == [c, a, b] and list(net + torch.nn.ModuleList([d])) == [c, a, b, d]", "addition joins two lists"
    )
    trial.expect_true("list(net) == [c, a, b]", "addition makes a new list")
    trial.expect_equal("len(torch.nn.ModuleList())", 0)
    trial.expect_error("net[3]", IndexError)
    trial.expect_error("net[-4]", IndexError)
    trial.expect_error("net.append(5)", TypeError)
    trial.expect_error("net.extend(5)", TypeError)
    trial.expect_error("torch.nn.ModuleList([a, 'b'])", TypeError)
    trial.expect_error("net(x)", NotImplementedError)
    trial.expect_true("not net.eval()[1].training", "modules of the list are children, whose mode eval sets")


@clause("nn.container.module-dict-holds-named-modules")
def test_module_dict(cell: Cell) -> None:
    trial = _trial(cell)
    for call in (
        "torch.nn.ModuleDict({'z': a, 'y': b})",
        "torch.nn.ModuleDict([['z', a], ['y', b]])",
        "torch.nn.ModuleDict(OrderedDict([('z', a), ('y', b)]))",
    ):
        trial.run(f"net = {call}")
        trial.expect_true("list(net.keys()) == ['z', 'y'] and list(net) == ['z', 'y']", "keys in order of insertion")
        trial.expect_true(
            "list(net.values()) == [a, b] and list(net.items()) == [('z', a), ('y', b)]",
            "values and items come in order of insertion",
        )
    trial.run("net['x'] = c")
    trial.expect_true(
        "net['x'] is c and len(net) == 3 and 'x' in net and 'w' not in net and net.z is a",
        "items are found by place and by name",
    )
    trial.run("net['z'] = d")
    trial.expect_true("list(net.items()) == [('z', d), ('y', b), ('x', c)]", "a replaced item keeps its place")
    trial.run("net.update({'w': a, 'y': c})")
    trial.expect_true("list(net.items()) == [('z', d), ('y', c), ('x', c), ('w', a)]", "update adds and replaces")
    trial.run("net.update(torch.nn.ModuleDict({'y': b})); net.update([('v', b)])")
    trial.expect_true("net['y'] is b and net['v'] is b", "update from another, and from pairs")
    trial.expect_equal("list(net.state_dict())", ["z.factor", "y.factor", "x.factor", "w.factor", "v.factor"])
    trial.run("del net['x']")
    trial.expect_true("net.pop('w') is a and list(net) == ['z', 'y', 'v']", "pop and del take an item out")
    for call in ("net['x']", "net.pop('x')", "del net['x']"):
        trial.expect_error(call, KeyError)
    trial.expect_error("net['n'] = 5", TypeError)
    trial.expect_error("net[3] = a", TypeError)
    trial.expect_error("net.update(5)", TypeError)
    trial.run("net.clear()")
    trial.expect_equal("len(net), list(net.parameters())", (0, []))


_PARAMETER = "p, q, r = (torch.nn.Parameter(torch.tensor([float(i)], device=device)) for i in range(3))"


@clause("nn.container.parameter-list-holds-parameters")
def test_parameter_list(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_PARAMETER)
    trial.run("net = torch.nn.ParameterList([p, q])")
    trial.expect_true(
        "len(net) == 2 and net[0] is p and net[-1] is q and all(a is b for a, b in zip(net, (p, q)))",
        "the list holds the parameters themselves",
    )
    trial.expect_true(
        "net.append(r) is net and net[2] is r and net.extend([p]) is net and len(net) == 4",
        "append and extend return the list, which has grown",
    )
    trial.expect_equal(
        "[n for n, _ in net.named_parameters()], list(net.state_dict())", (["0", "1", "2"], ["0", "1", "2", "3"])
    )
    trial.expect_true(
        "type(net[1:]) is torch.nn.ParameterList and net[1:][0] is q and len(net[::2]) == 2",
        "slices are containers of the same items",
    )
    trial.run("net[1] = r")
    trial.expect_true("net[1] is r", "an item is replaced")
    trial.run("net.append(torch.ones(1, device=device)); net += [q]")
    trial.expect_true("isinstance(net[4], torch.nn.Parameter) and net[5] is q", "a tensor becomes a parameter")
    for index in ("6", "-7"):
        trial.expect_error(f"net[{index}]", IndexError)
    trial.expect_error("net.extend(5)", TypeError)
    trial.run("outer = torch.nn.Module()\nouter.list = torch.nn.ParameterList([p, q])")
    trial.expect_equal("[n for n, _ in outer.named_parameters()]", ["list.0", "list.1"])
    trial.run("_ = outer.double().requires_grad_(False)")
    trial.expect_true(
        "p.dtype == torch.float64 and not q.requires_grad and outer.list[0] is p",
        "parameters in containers are converted with their module",
    )
    trial.expect_error("outer.list(1)", RuntimeError, NotImplementedError, TypeError)


@clause("nn.container.parameter-dict-holds-named-parameters")
def test_parameter_dict(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(_PARAMETER)
    trial.run("net = torch.nn.ParameterDict([('b', p), ('a', q)])")
    trial.expect_true(
        "net['b'] is p and len(net) == 2 and 'a' in net and 'c' not in net and net.b is p",
        "items are found by place and by name",
    )
    trial.run("net['c'] = r; net.update({'d': torch.ones(1, device=device)})")
    trial.expect_equal("list(net.keys())", ["b", "a", "c", "d"])
    trial.expect_true(
        "[v is o for v, o in zip(net.values(), (p, q, r))] == [True] * 3", "values come in order of insertion"
    )
    trial.expect_true("isinstance(net['d'], torch.nn.Parameter)", "a tensor becomes a parameter")
    trial.expect_equal("[n for n, _ in net.named_parameters()], list(net.state_dict())", (["b", "a", "c", "d"],) * 2)
    trial.expect_true("net.pop('c') is r and list(net) == ['b', 'a', 'd']", "pop takes out")
    trial.run("del net['d']")
    trial.expect_true("net.get('d') is None and net.get('a') is q and net.get('d', 4) == 4", "get has a default")
    trial.expect_true(
        "net.setdefault('b', q) is p and net.setdefault('e', r) is r and net['e'] is r",
        "setdefault returns what is there, or puts in what is given",
    )
    trial.expect_true("net.popitem()[0] == 'e' and list(net) == ['b', 'a']", "popitem takes the last")
    trial.expect_true(
        "[k for k, _ in net.items()] == ['b', 'a'] and list(reversed(net)) == ['a', 'b']",
        "items come in order, forwards and backwards",
    )
    trial.run("other = net.copy()")
    trial.expect_true(
        "other is not net and other['b'] is p and type(other) is torch.nn.ParameterDict",
        "copy gives another container of the same parameters",
    )
    trial.run("both = net | torch.nn.ParameterDict({'z': r})")
    trial.expect_equal("sorted(both), sorted(net)", (["a", "b", "z"], ["a", "b"]))
    for call in ("net['x']", "net.pop('x')"):
        trial.expect_error(call, KeyError, AttributeError)
    trial.run("keys = torch.nn.ParameterDict().fromkeys(['u', 'v'], 1.5)")
    trial.expect_equal("list(keys), keys['u']", (["u", "v"], 1.5))
    trial.run("net.clear()")
    trial.expect_equal("len(net), list(net.parameters())", (0, []))
