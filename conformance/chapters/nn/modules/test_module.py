"""Modules: what is registered and how it is found, walked, switched, deleted, copied and called."""

from __future__ import annotations

from torch_conformance.conformance.chapters.nn.modules.cases import BUFFERS, MODULES, PARAMETERS, STATE, tree_of
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell


@clause("nn.module.names-parameters-in-order")
def test_named_parameters(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", PARAMETERS)
    trial.expect_equal("[n for n, _ in tree.named_parameters(recurse=False)]", PARAMETERS[:2])
    trial.expect_equal("[n for n, _ in tree.named_parameters('net')]", [f"net.{name}" for name in PARAMETERS])
    trial.expect_equal("[n for n, _ in tree.named_parameters(prefix='a', recurse=False)]", ["a.bias", "a.last"])
    trial.expect_true(
        "[id(p) for p in tree.parameters()] == [id(p) for _, p in tree.named_parameters()]",
        "parameters gives those of named_parameters",
    )
    trial.expect_equal("len(list(tree.parameters(recurse=False)))", 2)
    trial.expect_equal("len(list(tree.parameters(False)))", 2)
    trial.expect_true(
        "dict(tree.named_parameters())['middle.inner.scale'] is tree.middle.inner.scale",
        "a dotted name leads to the parameter itself",
    )
    trial.run("tree.extra = torch.nn.Parameter(torch.zeros(1, device=device))")
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", ["bias", "last", "extra", *PARAMETERS[2:]])
    trial.run("tree.bias = torch.nn.Parameter(torch.zeros(1, device=device))")
    trial.expect_equal("[n for n, _ in tree.named_parameters()][:2]", ["bias", "last"])
    trial.expect_equal("tuple(next(tree.parameters()).shape)", (1,))


@clause("nn.module.registers-parameters-on-assignment")
def test_assignment(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("net, p = torch.nn.Module(), torch.nn.Parameter(torch.ones(2, device=device))")
    trial.run("net.weight = p")
    trial.expect_true("net.weight is p and list(net.parameters())[0] is p", "the parameter itself is registered")
    trial.expect_true(
        "'weight' not in net.__dict__ and 'weight' in dir(net)", "a parameter is no entry of the module's __dict__"
    )
    trial.run("net.plain = torch.ones(2, device=device, requires_grad=True)")
    trial.expect_equal("[n for n, _ in net.named_parameters()]", ["weight"])
    trial.expect_equal("list(net.state_dict())", ["weight"])
    trial.expect_error("net.weight = torch.ones(2, device=device)", TypeError)
    trial.expect_error("net.weight = 3", TypeError)
    trial.expect_true("net.weight is p", "a refused assignment changes nothing")
    trial.run("net.weight = None")
    trial.expect_true("net.weight is None", "None empties the place")
    trial.expect_equal("list(net.named_parameters()), list(net.state_dict())", ([], []))
    trial.run("net.weight = p")
    trial.expect_true("list(net.parameters())[0] is p", "the place can be filled again")
    trial.run("net.attribute = 5")
    trial.run("net.attribute = p")
    trial.expect_equal("[n for n, _ in net.named_parameters()]", ["weight"])
    trial.expect_equal("[n for n, _ in net.named_parameters(remove_duplicate=False)]", ["weight", "attribute"])
    trial.expect_error("net.missing", AttributeError)
    trial.run("class Early(torch.nn.Module):\n    def __init__(self): self.p = torch.nn.Parameter(torch.ones(1))")
    trial.expect_error("Early()", AttributeError)
    trial.run("class Soon(torch.nn.Module):\n    def __init__(self): self.child = torch.nn.Module()")
    trial.expect_error("Soon()", AttributeError)


@clause("nn.module.register-parameter-refuses")
def test_register_parameter(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("net, p = torch.nn.Module(), torch.nn.Parameter(torch.ones(2, device=device))")
    trial.run("net.kept, net.child = 5, torch.nn.Module()")
    trial.run("net.register_parameter('weight', p)")
    trial.expect_true("net.weight is p", "what is registered is an attribute of its name")
    trial.run("net.register_parameter(name='bias', param=None)")
    trial.expect_true("net.bias is None", "None keeps the place")
    trial.expect_equal("[n for n, _ in net.named_parameters()]", ["weight"])
    for name in ("'a.b'", "''", "'kept'", "'child'", "'forward'"):
        trial.expect_error(f"net.register_parameter({name}, p)", KeyError)
    for value in ("torch.ones(2, device=device)", "2.0", "'p'"):
        trial.expect_error(f"net.register_parameter('other', {value})", TypeError)
    trial.expect_error("net.register_parameter(3, p)", TypeError)
    trial.expect_equal("[n for n, _ in net.named_parameters()]", ["weight"])
    trial.expect_equal("(net.kept, hasattr(net, 'other'))", (5, False))


@clause("nn.module.register-buffer-refuses")
def test_register_buffer(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("net, b = torch.nn.Module(), torch.ones(2, device=device)")
    trial.run("net.kept = 5")
    trial.run("net.register_buffer('mean', b)")
    trial.expect_true("net.mean is b", "what is registered is an attribute of its name")
    trial.run("net.register_buffer(name='empty', tensor=None)")
    trial.expect_true("net.empty is None", "None keeps the place")
    for name in ("'a.b'", "''", "'kept'"):
        trial.expect_error(f"net.register_buffer({name}, b)", KeyError)
    for value in ("2.0", "[1.0]", "'b'"):
        trial.expect_error(f"net.register_buffer('other', {value})", TypeError)
    trial.expect_error("net.register_buffer(3, b)", TypeError)
    trial.expect_error("net.mean = 3", TypeError)
    trial.expect_equal("[n for n, _ in net.named_buffers()]", ["mean"])
    trial.expect_true("net.mean is b and net.kept == 5", "what was refused changes nothing")


@clause("nn.module.buffers-are-state-without-gradient")
def test_buffers(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.expect_equal("[n for n, _ in tree.named_buffers()]", BUFFERS)
    trial.expect_equal("[n for n, _ in tree.named_buffers(recurse=False)]", BUFFERS[:1])
    trial.expect_equal("[n for n, _ in tree.named_buffers('p')]", [f"p.{name}" for name in BUFFERS])
    trial.expect_true(
        "[id(b) for b in tree.buffers()] == [id(b) for _, b in tree.named_buffers()]",
        "buffers gives those of named_buffers",
    )
    trial.expect_equal("len(list(tree.buffers(recurse=False)))", 1)
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", PARAMETERS)
    trial.expect_equal("list(tree.state_dict())", STATE)
    trial.run("tree.mean = torch.zeros(3, device=device)")
    trial.expect_true(
        "dict(tree.named_buffers())['mean'] is tree.mean and tree.mean.shape == (3,)",
        "an assigned buffer replaces the one of its name",
    )
    trial.run("tree.mean = None")
    trial.expect_equal("'mean' in tree.state_dict(), len(list(tree.buffers()))", (False, 4))
    trial.run("tree.first.register_buffer('late', torch.zeros(1, device=device))")
    trial.run("tree.first.register_buffer('later', torch.zeros(1, device=device), False)")
    trial.expect_equal("list(tree.first.state_dict())", ["scale", "count", "late"])
    trial.expect_true("not any(b.requires_grad for b in tree.buffers())", "buffers do not require grad")


@clause("nn.module.counts-what-is-shared-once")
def test_shared(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("tree.middle.tied = tree.bias")
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", PARAMETERS)
    trial.expect_equal(
        "[n for n, _ in tree.named_parameters(remove_duplicate=False)]",
        ["bias", "last", "first.scale", "middle.tied", "middle.inner.scale", "again.scale"],
    )
    trial.expect_equal(
        "[n for n, _ in tree.named_buffers(remove_duplicate=False)][-2:]", ["again.count", "again.hidden"]
    )
    trial.expect_equal("len(list(tree.parameters()))", 4)
    trial.expect_equal("len(list(tree.modules()))", 4)
    trial.expect_equal("[n for n, _ in tree.named_children()]", ["first", "middle"])
    trial.run("tree.bias.data.fill_(9)")
    trial.expect_equal("tree.state_dict()['middle.tied'].tolist()", [9.0, 9.0])
    trial.expect_equal("tree.state_dict()['again.scale'].data_ptr() == tree.first.scale.data_ptr()", value=True)


@clause("nn.module.add-module-refuses")
def test_add_module(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("net, child = torch.nn.Module(), torch.nn.Linear(2, 2, device=device)")
    trial.run("net.kept, net.weight = 5, torch.nn.Parameter(torch.ones(1, device=device))")
    trial.run("net.add_module('a', child)")
    trial.run("net.register_module(name='b', module=child)")
    trial.run("net.c = child")
    trial.run("net.add_module('none', None)")
    trial.expect_true(
        "net.a is child and net.b is child and net.c is child and net.none is None",
        "registered modules are attributes of their names",
    )
    trial.expect_equal("[n for n, _ in net.named_modules(remove_duplicate=False)]", ["", "a", "b", "c"])
    for call in ("net.add_module", "net.register_module"):
        for name in ("'x.y'", "''", "'kept'", "'weight'"):
            trial.expect_error(f"{call}({name}, child)", KeyError)
        for value in ("torch.ones(1)", "5", "torch.nn.Linear"):
            trial.expect_error(f"{call}('d', {value})", TypeError)
        trial.expect_error(f"{call}(5, child)", TypeError)
    trial.expect_error("net.a = 5", TypeError)
    trial.expect_true("net.a is child and net.kept == 5", "what was refused changes nothing")
    trial.run("net.a = torch.nn.Identity()")
    trial.expect_equal("type(net.a).__name__, [n for n, _ in net.named_children()]", ("Identity", ["a", "b"]))
    trial.run("net.a = None")
    trial.expect_equal("[n for n, _ in net.named_children()]", ["b"])


@clause("nn.module.walks-descendants")
def test_walk(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.expect_equal("[n for n, _ in tree.named_modules()]", MODULES)
    trial.expect_equal(
        "[n for n, _ in tree.named_modules(prefix='net')]", ["net", "net.first", "net.middle", "net.middle.inner"]
    )
    trial.expect_equal("[n for n, _ in tree.named_modules(remove_duplicate=False)]", [*MODULES, "again"])
    trial.expect_true(
        "[id(m) for m in tree.modules()] == [id(m) for _, m in tree.named_modules()]",
        "modules gives those of named_modules",
    )
    trial.expect_true("next(tree.modules()) is tree", "the module itself comes first")
    trial.expect_true(
        "[id(m) for m in tree.children()] == [id(tree.first), id(tree.middle)]", "children gives each direct child once"
    )
    trial.expect_true("tree.get_submodule('middle.inner') is tree.middle.inner", "get_submodule follows a dotted name")
    trial.expect_true(
        "tree.get_submodule('') is tree and tree.get_submodule('again') is tree.first",
        "get_submodule of an empty name gives the module itself, and of a second name the same child",
    )
    trial.expect_true("tree.get_parameter('middle.inner.scale') is tree.middle.inner.scale", "a parameter by name")
    trial.expect_true("tree.get_buffer('first.hidden') is tree.first.hidden", "a buffer by name")
    for call in (
        *("get_submodule('nowhere')", "get_submodule('middle.bias')", "get_submodule('bias')", "get_parameter('x')"),
        *("get_parameter('first.count')", "get_parameter('middle')", "get_buffer('bias')", "get_buffer('first.x')"),
    ):
        trial.expect_error(f"tree.{call}", AttributeError)


@clause("nn.module.train-and-eval-reach-every-descendant")
def test_train(cell: Cell) -> None:
    trial = tree_of(cell)
    flags = "[m.training for m in tree.modules()]"
    trial.expect_equal(flags, [True] * 4)
    for call, expected in (("eval()", False), ("train()", True), ("train(False)", False), ("train(mode=True)", True)):
        trial.expect_true(f"tree.{call} is tree", "it returns the module")
        trial.expect_equal(flags, [expected] * 4)
    trial.run("tree.middle.eval()")
    trial.expect_equal(flags, [True, True, False, False])
    trial.run("tree.middle.inner.train()")
    trial.expect_equal(flags, [True, True, False, True])
    trial.expect_error("tree.train('yes')", ValueError)
    trial.expect_error("tree.train(1)", ValueError)
    trial.expect_equal(flags, [True, True, False, True])
    trial.expect_true("all(p.requires_grad for p in tree.eval().parameters())", "evaluation does not stop gradients")


@clause("nn.module.requires-grad-reaches-every-parameter")
def test_requires_grad(cell: Cell) -> None:
    trial = tree_of(cell)
    flags = "[p.requires_grad for p in tree.parameters()]"
    for call, expected in (
        ("requires_grad_(False)", False),
        ("requires_grad_()", True),
        ("requires_grad_(requires_grad=False)", False),
        ("requires_grad_(True)", True),
    ):
        trial.expect_true(f"tree.{call} is tree", "it returns the module")
        trial.expect_equal(flags, [expected] * 4)
    trial.run("tree.middle.requires_grad_(False)")
    trial.expect_equal(flags, [True, True, True, False])
    trial.expect_true("not any(b.requires_grad for b in tree.buffers())", "buffers stay as they are")
    trial.expect_equal("tree(torch.ones(2, device=device, dtype=torch.float64)).requires_grad", value=True)
    trial.run("tree.requires_grad_(False)")
    trial.expect_equal("tree(torch.ones(2, device=device, dtype=torch.float64)).requires_grad", value=False)


@clause("nn.module.zero-grad-clears-gradients")
def test_zero_grad(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("x = torch.ones(2, device=device, dtype=torch.float64)")
    for call in ("zero_grad()", "zero_grad(True)", "zero_grad(set_to_none=True)"):
        trial.run("(tree(x) * tree.middle.inner.scale[:2] * tree.last).sum().backward()")
        trial.expect_true(
            "all(p.grad is not None and p.grad.abs().sum() > 0 for p in tree.parameters())",
            "every parameter has a gradient",
        )
        trial.expect_equal(f"tree.{call}", None)
        trial.expect_true("all(p.grad is None for p in tree.parameters())", "gradients are None")
    for call in ("zero_grad(False)", "zero_grad(set_to_none=False)"):
        trial.run("tree.zero_grad()")
        trial.run("tree(x).sum().backward()")
        trial.run("held = tree.bias.grad")
        trial.run(f"tree.{call}")
        trial.expect_true(
            "tree.bias.grad is held and held.tolist() == [0.0, 0.0]",
            "with set_to_none=False a gradient is filled with zeros in place",
        )
        trial.expect_true("tree.first.scale.grad.tolist() == [0.0, 0.0]", "gradients of descendants are zeroed too")
        trial.expect_true("tree.last.grad is None", "None stays None")
        trial.expect_true("not held.requires_grad and held.grad_fn is None", "a zeroed gradient belongs to no graph")


@clause("nn.module.apply-visits-children-first")
def test_apply(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("seen, names = [], {id(m): n for n, m in tree.named_modules()}")
    trial.expect_true("tree.apply(lambda m: seen.append(names[id(m)])) is tree", "it returns the module")
    # A child that occurs twice is visited twice, since apply recurses over the children of each module.
    trial.expect_equal(
        "[n for n in seen if n != 'first'], seen[0], seen[-1]", (["middle.inner", "middle", ""], "first", "")
    )
    trial.run("_ = tree.apply(lambda m: m.scale.data.fill_(4) if hasattr(m, 'scale') else None)")
    trial.expect_equal("tree.middle.inner.scale.tolist()", [4.0, 4.0, 4.0])


@clause("nn.module.call-runs-forward")
def test_call(cell: Cell) -> None:
    trial = cell.trial()
    trial.run(
        "class Net(torch.nn.Module):\n    def forward(self, x, *more, factor=1, **rest): return x * factor, more, rest"
    )
    trial.run("net = Net()")
    trial.expect_equal("net(2)", (2, (), {}))
    trial.expect_equal("net(2, 3, 4, factor=5, other=6)", (10, (3, 4), {"other": 6}))
    trial.expect_equal("net(x=7)", (7, (), {}))
    trial.expect_error("torch.nn.Module()(1)", NotImplementedError)
    trial.expect_error("torch.nn.Module().forward(1)", NotImplementedError)
    trial.expect_error("net()", TypeError)


@clause("nn.module.deleted-attributes-are-unregistered")
def test_delete(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("del tree.bias")
    trial.expect_equal("[n for n, _ in tree.named_parameters()]", PARAMETERS[1:])
    trial.run("del tree.mean")
    trial.expect_equal("[n for n, _ in tree.named_buffers()]", BUFFERS[1:])
    trial.run("del tree.middle")
    trial.expect_equal("[n for n, _ in tree.named_modules()]", ["", "first"])
    trial.expect_equal("list(tree.state_dict())", ["last", "first.scale", "first.count", "again.scale", "again.count"])
    for name in ("bias", "mean", "middle", "never"):
        trial.expect_error(f"tree.{name}", AttributeError)
        trial.expect_error(f"del tree.{name}", AttributeError)
    trial.run("del tree.first.hidden")
    trial.run("tree.first.register_buffer('hidden', torch.zeros(1, device=device))")
    trial.expect_equal("list(tree.first.state_dict())", ["scale", "count", "hidden"])


@clause("nn.module.deepcopy-is-independent")
def test_deepcopy(cell: Cell) -> None:
    trial = tree_of(cell)
    trial.run("import copy")
    trial.run("tree.bias.grad = torch.ones_like(tree.bias)")
    trial.run("tree.middle.eval(); tree.last.requires_grad_(False)")
    trial.run("other = copy.deepcopy(tree)")
    trial.expect_equal("list(other.state_dict())", STATE)
    trial.expect_true(
        "all(torch.equal(a, b) for a, b in zip(tree.state_dict().values(), other.state_dict().values()))",
        "the loaded state equals the one that was saved",
    )
    trial.expect_true("other.again is other.first and other.first is not tree.first", "what was shared is shared")
    trial.expect_equal("[m.training for m in other.modules()]", [True, True, False, False])
    trial.expect_equal("[p.requires_grad for p in other.parameters()]", [True, False, True, True])
    trial.expect_true(
        "all(isinstance(p, torch.nn.Parameter) for p in other.parameters())", "parameters stay Parameters"
    )
    trial.expect_true("other.first.hidden.tolist() == [0.5, 0.5]", "buffers that are no state are copied")
    trial.run("with torch.no_grad(): [t.fill_(11) for t in (*other.parameters(), *other.buffers())]")
    trial.run("other.middle.train(); other.extra = torch.nn.Linear(1, 1)")
    trial.expect_equal(
        "tree.bias.tolist(), tree.first.scale.tolist(), tree.mean.tolist()", ([3.0, 5.0], [1.0, 2.0], [1.0])
    )
    trial.expect_equal("tree.middle.inner.count.tolist()", [0, 1, 2])
    trial.expect_true("not tree.middle.training and not hasattr(tree, 'extra')", "modes and modules are its own")
    trial.run("other.zero_grad()")
    trial.expect_true("tree.bias.grad is not None", "gradients are its own")
