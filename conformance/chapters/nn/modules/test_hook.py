"""Hooks of modules: before and after forward, before and after backward, of one module and of all."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial

_NET = """
class Net(torch.nn.Module):
    def forward(self, x, more=0.0):
        calls.append("forward")
        return x * 3 + more
net = Net()
"""


def _net(cell: Cell) -> Trial:
    trial = cell.trial()
    trial.run("calls, x = [], torch.tensor([1.0, 2.0], device=device)")
    trial.run(_NET)
    return trial


@clause("nn.hook.forward-pre-changes-the-input")
def test_pre(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("def note(m, args): calls.append((m is net, [a.tolist() for a in args]))")
    trial.run("first = net.register_forward_pre_hook(note)")
    trial.expect("net(x)", np.array([3, 6], np.float32))
    trial.expect_equal("calls", [(True, [[1.0, 2.0]]), "forward"])
    trial.run("second = net.register_forward_pre_hook(lambda m, args: args[0] + 1)")
    trial.expect("net(x)", np.array([6, 9], np.float32))
    trial.run("third = net.register_forward_pre_hook(lambda m, args: (args[0] * 2, 1.0))")
    trial.expect("net(x)", np.array([13, 19], np.float32))
    trial.run("front = net.register_forward_pre_hook(lambda m, args: args[0] * 10, prepend=True)")
    trial.expect("net(x)", np.array([67, 127], np.float32))
    trial.run("front.remove(); calls.clear()")
    trial.expect("net(x)", np.array([13, 19], np.float32))
    trial.expect_equal("calls", [(True, [[1.0, 2.0]]), "forward"])
    trial.run("first.remove(); second.remove(); calls.clear()")
    trial.expect("net(x)", np.array([7, 13], np.float32))
    trial.expect_equal("calls", ["forward"])
    trial.run("third.remove(); third.remove()")
    trial.expect("net(x)", np.array([3, 6], np.float32))
    trial.expect("net.forward(x)", np.array([3, 6], np.float32))
    trial.run(
        "_ = net.register_forward_pre_hook(lambda m, a, k: ((a[0] + 1,), {'more': k['more'] * 2}), with_kwargs=True)"
    )
    trial.expect("net(x, more=4.0)", np.array([14, 17], np.float32))
    trial.run("_ = net.register_forward_pre_hook(lambda m, a, k: None, with_kwargs=True)")
    trial.expect("net(x, more=4.0)", np.array([14, 17], np.float32))


@clause("nn.hook.forward-changes-the-output")
def test_forward(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("def note(m, args, y): calls.append((m is net, args[0].tolist(), y.tolist()))")
    trial.run("first = net.register_forward_hook(note)")
    trial.expect("net(x)", np.array([3, 6], np.float32))
    trial.expect_equal("calls", ["forward", (True, [1.0, 2.0], [3.0, 6.0])])
    trial.run("second = net.register_forward_hook(lambda m, args, y: y + 1)")
    trial.expect("net(x)", np.array([4, 7], np.float32))
    trial.run("third = net.register_forward_hook(lambda m, args, y: y * 2)")
    trial.expect("net(x)", np.array([8, 14], np.float32))
    trial.run("front = net.register_forward_hook(lambda m, args, y: y * 10, prepend=True)")
    trial.expect("net(x)", np.array([62, 122], np.float32))
    trial.run("front.remove(); second.remove(); calls.clear()")
    trial.expect("net(x)", np.array([6, 12], np.float32))
    trial.expect_equal("calls", ["forward", (True, [1.0, 2.0], [3.0, 6.0])])
    trial.run("third.remove(); first.remove()")
    trial.run("named = net.register_forward_hook(lambda m, a, k, y: y + k['more'] + a[0], with_kwargs=True)")
    trial.expect("net(x, more=4.0)", np.array([12, 16], np.float32))
    trial.run("with named: pass")
    trial.expect("net(x, more=4.0)", np.array([7, 10], np.float32))
    trial.run("outer = torch.nn.Sequential(net, torch.nn.Identity())")
    trial.run("_ = net.register_forward_hook(lambda m, args, y: y - 1)")
    trial.expect("outer(x)", np.array([2, 5], np.float32))


@clause("nn.hook.backward-sees-and-changes-gradients")
def test_backward(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("x.requires_grad_(); g = torch.tensor([1.0, 10.0], device=device)")
    trial.run(
        "def note(m, gi, go): calls.append((m is net, [e.tolist() for e in gi if e is not None], go[0].tolist()))"
    )
    trial.run("first = net.register_full_backward_hook(note)")
    trial.run("net(x).backward(g)")
    trial.expect_equal("calls", ["forward", (True, [[3.0, 30.0]], [1.0, 10.0])])
    trial.expect("x.grad", np.array([3, 30], np.float32))
    trial.run("second = net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2, *gi[1:]))")
    trial.run("x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([6, 60], np.float32))
    trial.run("third = net.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1, *gi[1:]), prepend=True)")
    trial.run("x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([8, 62], np.float32))
    trial.run("third.remove(); second.remove(); calls.clear(); x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([3, 30], np.float32))
    trial.expect_equal("len(calls)", 2)
    trial.run("first.remove(); calls.clear(); net(x).backward(g)")
    trial.expect_equal("calls", ["forward"])


@clause("nn.hook.backward-pre-changes-the-output-gradient")
def test_backward_pre(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("x.requires_grad_(); g = torch.tensor([1.0, 10.0], device=device)")
    trial.run("first = net.register_full_backward_pre_hook(lambda m, go: calls.append(go[0].tolist()))")
    trial.run("net(x).backward(g)")
    trial.expect_equal("calls", ["forward", [1.0, 10.0]])
    trial.expect("x.grad", np.array([3, 30], np.float32))
    trial.run("second = net.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))")
    trial.run("x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([6, 60], np.float32))
    trial.run("third = net.register_full_backward_pre_hook(lambda m, go: (go[0] + 1,), prepend=True)")
    trial.run("x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([12, 66], np.float32))
    trial.run("first.remove(); second.remove(); third.remove(); calls.clear(); x.grad = None; net(x).backward(g)")
    trial.expect("x.grad", np.array([3, 30], np.float32))
    trial.expect_equal("calls", ["forward"])


@clause("nn.hook.global-ones-run-for-every-module-first")
def test_global(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("x.requires_grad_(); hooks = torch.nn.modules.module")
    trial.run("own = net.register_forward_pre_hook(lambda m, args: calls.append('own'))")
    trial.run("handles = [hooks.register_module_forward_pre_hook(lambda m, args: calls.append(type(m).__name__))]")
    trial.run("outer = torch.nn.Sequential(net)")
    trial.run("y = outer(x)")
    trial.expect_equal("calls", ["Sequential", "Net", "own", "forward"])
    trial.run("handles.append(hooks.register_module_forward_hook(lambda m, args, y: y + 1))")
    trial.run("y = outer(x)")
    trial.expect("y", np.array([5, 8], np.float32))
    trial.run("handles.append(hooks.register_module_full_backward_hook(lambda m, gi, go: (gi[0] * 2,)))")
    trial.run("net(x).backward(torch.ones_like(x))")
    trial.expect("x.grad", np.array([6, 6], np.float32))
    trial.run("[each.remove() for each in handles]; calls.clear(); x.grad = None")
    trial.run("outer(x).backward(torch.ones_like(x))")
    trial.expect("x.grad", np.array([3, 3], np.float32))
    trial.expect_equal("calls", ["own", "forward"])


@clause("nn.hook.forward-always-runs-when-asked")
def test_always(cell: Cell) -> None:
    trial = _net(cell)
    trial.run("def fail(m, args): raise KeyError('on purpose')")
    trial.run("_ = net.register_forward_hook(lambda m, args, y: calls.append(('always', y)), always_call=True)")
    trial.run("_ = net.register_forward_hook(lambda m, args, y: calls.append('seldom'))")
    trial.run("failing = net.register_forward_pre_hook(fail)")
    trial.expect_error("net(x)", KeyError)
    trial.expect_equal("calls", [("always", None)])
    trial.run("failing.remove(); calls.clear(); y = net(x)")
    trial.expect_equal("[c if isinstance(c, str) else c[0] for c in calls]", ["forward", "always", "seldom"])
