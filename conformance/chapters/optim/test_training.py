"""Parameter groups, closures, gradients set to zero, state dicts, sparse gradients, clipping."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.optim.optimiser_cases import (
    CLASSES,
    TABLES,
    draw,
    expect_steps,
    has_version,
    rule_of,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine import bounds
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import absolute
from torch_conformance.conformance.judging.accuracy import rule_around
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import exact, joined, stacked
from torch_conformance.reference.training import clipping
from torch_conformance.reference.training.optimisers import trajectory

_TURN = """for row in gradients:
    for p, g in zip(params, row.split([p.numel() for p in params])):
        p.grad = g.reshape(p.shape).clone()
    optimiser.step()
    trace.append(torch.cat([p.detach().reshape(-1) for p in params]))"""
# Elements of the tensors that `draw` gives: (2, 3), (), (0,), (4,), (3, 2).
_FIRST, _REST = slice(0, 7), slice(7, 17)


def _own_options(subject: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return options of a group and those that all have in common.

    Adagrad starts the sums of all groups at the common value.
    """
    table = TABLES[subject]
    own = {key: value for key, value in table[-1].items() if key != "initial_accumulator_value"}
    return {**own, "lr": 0.125}, dict(table[0])


@clause("optim.groups.have-options-of-their-own")
def test_groups(cell: Cell) -> None:
    for subject in ("sgd", "adam", "rmsprop", "adagrad"):
        own, common = _own_options(subject)
        run = draw(cell.generator(), cell.dtype, 6)
        parts = []
        for part, options in ((_FIRST, {**common, **own}), (_REST, common)):
            own_start = exact(run.start[part], cell.dtype)
            parts.append(trajectory(rule_of(subject, options), own_start, run.gradients[:, part]))
        trial = cell.trial(**run.inputs(own=own, common=common))
        trial.run("params = [p.requires_grad_() for p in params]")
        trial.run("groups = [{'params': params[:3], **own}, {'params': iter(params[3:])}]")
        trial.run(f"optimiser = torch.optim.{CLASSES[subject]}(groups, **common)")
        trial.run("trace = []")
        trial.run(_TURN)
        expect_steps(trial, "torch.stack(trace)", joined(parts, 1)[..., None], cell.dtype)
        trial.expect_equal("[len(each['params']) for each in optimiser.param_groups]", [3, 2])
        trial.expect_equal("[each['lr'] for each in optimiser.param_groups]", [own["lr"], common["lr"]])


@clause("optim.groups.can-be-added")
def test_add_group(cell: Cell) -> None:
    for subject in ("sgd", "adam", "rmsprop"):
        own, common = _own_options(subject)
        run = draw(cell.generator(), cell.dtype, 6)
        first = trajectory(rule_of(subject, common), exact(run.start[_FIRST], cell.dtype), run.gradients[:, _FIRST])
        rule = rule_of(subject, {**common, **own})
        rest = trajectory(rule, exact(run.start[_REST], cell.dtype), run.gradients[3:, _REST])
        trial = cell.trial(**run.inputs(own=own, common=common))
        trial.run("whole = gradients")
        trial.run("known, added = [p.requires_grad_() for p in params[:3]], [p.requires_grad_() for p in params[3:]]")
        trial.run(f"optimiser = torch.optim.{CLASSES[subject]}(known, **common)")
        trial.run("trace, params, gradients = [], known, whole[:3, :7]")
        trial.run(_TURN)
        trial.run("optimiser.add_param_group({'params': added, **own})")
        trial.run("begin, trace, params, gradients = trace, [], known + added, whole[3:]")
        trial.run(_TURN)
        expect_steps(trial, "torch.stack(begin)", first[:3, :, None], cell.dtype)
        expect_steps(trial, "torch.stack(trace)", joined([first[3:], rest], 1)[..., None], cell.dtype)
        trial.expect_equal("len(optimiser.param_groups)", 2)


@clause("optim.groups.follow-changes-by-hand")
def test_changed_by_hand(cell: Cell) -> None:
    for subject, changes in (
        ("sgd", {"lr": 0.25, "momentum": 0.5, "weight_decay": 0.125}),
        ("adam", {"lr": 0.25, "betas": (0.5, 0.75), "eps": 0.5}),
        ("rmsprop", {"lr": 0.25, "alpha": 0.5}),
    ):
        options = dict(TABLES[subject][2])
        run = draw(cell.generator(), cell.dtype, 6)
        rule = rule_of(subject, options)
        start = exact(run.start, cell.dtype)
        steps = []
        for place, row in enumerate(run.gradients):
            if place == 3:
                rule.options.update(changes)
            start = rule.step(start, exact(row, cell.dtype))
            steps.append(start)
        trial = cell.trial(**run.inputs(options=options, changes=changes))
        trial.run("params = [p.requires_grad_() for p in params]")
        trial.run(f"optimiser = torch.optim.{CLASSES[subject]}(params, **options)")
        trial.run("trace, whole = [], gradients")
        trial.run("gradients = whole[:3]")
        trial.run(_TURN)
        trial.run("optimiser.param_groups[0].update(changes)")
        trial.run("gradients = whole[3:]")
        trial.run(_TURN)
        expect_steps(trial, "torch.stack(trace)", stacked(steps)[..., None], cell.dtype)


@clause("optim.groups.refuse-what-is-no-parameter")
def test_groups_refused(cell: Cell) -> None:
    trial = cell.trial(values=np.array([1.0, 2.0], dtype=np.float32))
    trial.run("p, q = (torch.tensor(values, device=device, requires_grad=True) for _ in range(2))")
    for name in CLASSES.values():
        trial.expect_error(f"torch.optim.{name}([], lr=0.1)", ValueError)
        trial.expect_error(f"torch.optim.{name}(p, lr=0.1)", TypeError)
        trial.expect_error(f"torch.optim.{name}([p * 2], lr=0.1)", ValueError)
        trial.expect_error(f"torch.optim.{name}([1.0], lr=0.1)", TypeError)
        trial.expect_error(f"torch.optim.{name}([{{'params': {{p, q}}}}], lr=0.1)", TypeError)
        trial.expect_error(f"torch.optim.{name}([{{'params': [p]}}, {{'params': [q, p]}}], lr=0.1)", ValueError)
    trial.run("optimiser = torch.optim.SGD([p], lr=0.1)")
    for added in ("{'params': p}", "{'params': [q, p]}"):
        trial.expect_error(f"optimiser.add_param_group({added})", ValueError)
    trial.expect_error("optimiser.add_param_group([q])", TypeError, AssertionError)
    trial.expect_equal("len(optimiser.param_groups)", 1)
    trial.run("optimiser.add_param_group({'params': q})")
    trial.expect_equal("len(optimiser.param_groups)", 2)


@clause("optim.zero-grad.clears-gradients")
def test_zero_grad(cell: Cell) -> None:
    values = np.array([1.0, -2.0, 3.0], dtype=dtypes.numpy_dtype(cell.dtype))
    for name in CLASSES.values():
        trial = cell.trial(values=Strided.from_array(values))
        trial.run("p, q, r = (values.clone().requires_grad_() for _ in range(3))")
        trial.run(f"optimiser = torch.optim.{name}([{{'params': [p, r]}}, {{'params': [q]}}], lr=0.1)")
        trial.run("(p * p + q).sum().backward(); kept = p.grad")
        trial.run("optimiser.zero_grad(set_to_none=False)")
        for each in "pq":
            trial.expect(f"{each}.grad", np.zeros_like(values))
        trial.expect_true("p.grad is kept and r.grad is None", "gradients are kept and filled with zeros")
        trial.expect_true("p.grad.grad_fn is None and not p.grad.requires_grad", "a gradient belongs to no graph")
        trial.run("(p * p + q).sum().backward()")
        trial.expect("p.grad", 2 * values)
        trial.run("optimiser.zero_grad(True)")
        trial.expect_true("p.grad is None and q.grad is None", "gradients are dropped with set_to_none")
        trial.run("(p * p + q).sum().backward()")
        trial.run("optimiser.zero_grad()")
        trial.expect_true("p.grad is None and q.grad is None", "gradients are dropped by default")
        trial.expect("p", values)


@clause("optim.step.evaluates-its-closure-once")
def test_closure(cell: Cell) -> None:
    for name in CLASSES.values():
        trial = cell.trial(values=np.array([2.0, 0.5], dtype=np.float32))
        trial.run("p = torch.tensor(values, device=device, requires_grad=True)")
        trial.run(f"optimiser = torch.optim.{name}([p], lr=0.25)")
        trial.run("calls = []")
        trial.run("""def closure():
    calls.append((torch.is_grad_enabled(), p.detach().clone()))
    optimiser.zero_grad()
    loss = (p * p).sum()
    loss.backward()
    return loss""")
        trial.run("loss = optimiser.step(closure)")
        trial.expect_equal("len(calls)", 1)
        trial.expect_true("calls[0][0]", "gradients are enabled in the closure")
        trial.expect("loss.detach()", np.array(4.25, dtype=np.float32))
        trial.expect("calls[0][1]", np.array([2.0, 0.5], dtype=np.float32))
        trial.expect_true("bool((p.detach() != calls[0][1]).all())", "the step follows the closure's gradients")
        trial.run("with torch.no_grad(): again = optimiser.step(closure=closure)")
        trial.expect_true("calls[1][0] and len(calls) == 2", "gradients are enabled in the closure, whatever around it")
        trial.expect_true("again is not None and p.requires_grad and p.is_leaf", "a parameter stays a leaf")
        trial.expect_true("optimiser.step() is None", "without a closure there is no loss")


@clause("optim.state-dict.refuses-other-groups")
def test_state_refused(cell: Cell) -> None:
    trial = cell.trial(values=np.array([2.0, 0.5], dtype=np.float32))
    trial.run("a, b, c = (torch.tensor(values, device=device, requires_grad=True) for _ in range(3))")
    for name in CLASSES.values():
        trial.run(f"make = torch.optim.{name}")
        trial.run("one = make([a, b], lr=0.25)")
        trial.run("saved = one.state_dict()")
        trial.run("other = make([{'params': [a]}, {'params': [b]}], lr=0.5)")
        trial.expect_error("other.load_state_dict(saved)", ValueError)
        trial.expect_error("make([a, b, c], lr=0.5).load_state_dict(saved)", ValueError)
        trial.expect_equal("[each['lr'] for each in other.param_groups]", [0.5, 0.5])
        trial.run("same = make([b, c], lr=0.5)")
        trial.run("same.load_state_dict(saved)")
        trial.expect_equal("same.param_groups[0]['lr']", 0.25)
        trial.expect_true("same.param_groups[0]['params'][0] is b", "parameters stay those of the optimiser")


@clause("optim.state-dict.has-state-and-groups")
def test_state_form(cell: Cell) -> None:
    for name in CLASSES.values():
        trial = cell.trial(values=np.array([2.0, 0.5], dtype=np.float32))
        trial.run("a, b, c = (torch.tensor(values, device=device, requires_grad=True) for _ in range(3))")
        trial.run(f"optimiser = torch.optim.{name}([{{'params': [a, b]}}, {{'params': [c], 'lr': 0.5}}], lr=0.25)")
        trial.run("for p in (a, b, c): p.grad = torch.ones_like(p)")
        trial.run("optimiser.step()")
        trial.run("saved = optimiser.state_dict()")
        trial.expect_true("set(saved) == {'state', 'param_groups'}", "a state dict has two entries")
        trial.expect_equal("[each['params'] for each in saved['param_groups']]", [[0, 1], [2]])
        trial.expect_equal("[each['lr'] for each in saved['param_groups']]", [0.25, 0.5])
        trial.expect_true("set(saved['state']) <= {0, 1, 2}", "state is kept by the parameters' places")
        trial.run("kept = [k for k, p in enumerate((a, b, c)) if optimiser.state.get(p)]")
        trial.expect_true(
            "all(saved['state'][k].keys() == optimiser.state[(a, b, c)[k]].keys() for k in kept)",
            "each parameter has its own state",
        )


@clause("optim.step.takes-sparse-gradients")
def test_sparse(cell: Cell) -> None:
    generator = cell.generator()
    start = generator.integers(-24, 25, (5, 2)) * 0.125
    rows = np.array([[3, 0, 3], [1, 3, 1], [0, 0, 2]])
    values = generator.integers(-8, 9, (3, 3, 2)) * 0.25
    dense = np.zeros((3, 5, 2))
    for step in range(3):
        np.add.at(dense[step], rows[step], values[step])
    target = dtypes.numpy_dtype(cell.dtype)
    cases = (("sgd", {"lr": 0.25}), ("adagrad", {"lr": 0.25, "eps": 0.25, "initial_accumulator_value": 0.5}))
    # Adagrad takes them on CPU alone, as documented.
    for subject, options in cases if cell.torch_device.type == "cpu" else cases[:1]:
        expected = trajectory(rule_of(subject, options), exact(start, cell.dtype), dense)
        trial = cell.trial(
            start=Strided.from_array(start.astype(target)),
            rows=Strided.from_array(rows),
            values=Strided.from_array(values.astype(target)),
            options=options,
        )
        trial.run("p = start.requires_grad_()")
        trial.run(f"optimiser = torch.optim.{CLASSES[subject]}([p], **options)")
        trial.run("trace = []")
        trial.run("""for row, value in zip(rows, values):
    p.grad = torch.sparse_coo_tensor(row[None], value, p.shape)
    optimiser.step()
    trace.append(p.detach().clone())""")
        bounds.expect(trial, "torch.stack(trace)", expected)


_CLIP_CALLS = (
    "torch.nn.utils.clip_grad_norm_(params, largest, kind)",
    "torch.nn.utils.clip_grad_norm_(iter(params), max_norm=largest, norm_type=kind, foreach=False)",
    "torch.nn.utils.clip_grad_norm_(params, largest, norm_type=kind, error_if_nonfinite=True)",
)


def _gradients(cell: Cell) -> list[npt.NDArray[Any]]:
    generator = cell.generator()
    target = dtypes.numpy_dtype(cell.dtype)
    return [generator.integers(-16, 17, size).astype(target) for size in ((2, 3), (), (5,), (0,))]


@clause("optim.clip-grad-norm.scales-gradients-together")
def test_clip_norm(cell: Cell) -> None:
    gradients = _gradients(cell)
    unit = dtypes.finfo(cell.dtype).eps / 2
    for kind in (2.0, 1.0, 3.0, math.inf):
        # An empty gradient has no largest element.
        gradients = gradients[: 3 if math.isinf(kind) else 4]
        norm = clipping.total_norm(gradients, kind)
        # An expected norm of zero has nothing to scale.
        for largest in (norm / 4, norm * 2, 1.0):
            for call in _CLIP_CALLS:
                inputs = [Strided.from_array(each) for each in gradients]
                trial = cell.trial(gradients=inputs, largest=largest, kind=kind)
                trial.run("params = [torch.zeros_like(g).requires_grad_() for g in gradients]")
                trial.run("for p, g in zip(params, gradients): p.grad = g")
                trial.run("params.insert(1, torch.ones(2, device=device, requires_grad=True))")
                trial.run(f"norm = {call}")
                rule = rule_around(cell, "clip_grad_norm_", norm)
                trial.expect("norm", np.asarray(norm), rule, dtype=cell.dtype)
                for place, (value, error) in enumerate(clipping.clipped(gradients, largest, kind, unit)):
                    trial.expect(f"gradients[{place}]", value, absolute(error), dtype=cell.dtype)
                trial.expect_true("params[1].grad is None", "a parameter without a gradient has none afterwards")
    trial = cell.trial(g=Strided.from_array(gradients[0]))
    trial.run("p = torch.zeros_like(g).requires_grad_(); p.grad = g.clone()")
    trial.run("torch.nn.utils.clip_grad_norm_(p, 1e30)")
    trial.expect("p.grad", gradients[0])


@clause("optim.clip-grad-norm.refuses-nonfinite-norms-if-asked")
def test_clip_nonfinite(cell: Cell) -> None:
    for bad in (math.inf, -math.inf, math.nan):
        trial = cell.trial(values=np.array([1.0, bad], dtype=np.float32))
        trial.run("p = torch.zeros(2, device=device, requires_grad=True)")
        trial.run("p.grad = torch.tensor(values, device=device)")
        trial.expect_error("torch.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)", RuntimeError)
        trial.expect("p.grad", np.array([1.0, bad], dtype=np.float32))
        trial.run("norm = torch.nn.utils.clip_grad_norm_([p], 1.0)")
        trial.expect_true("not bool(torch.isfinite(norm))", "the norm is returned as it is")


@clause("optim.clip-grad-value.cuts-gradients")
def test_clip_value(cell: Cell) -> None:
    gradients = _gradients(cell)
    calls: tuple[str, ...] = (
        "torch.nn.utils.clip_grad_value_(params, limit)",
        "torch.nn.utils.clip_grad_value_(iter(params), clip_value=limit, foreach=False)",
        "torch.nn.utils.clip_grad_value_(params, clip_value=limit)",
    )
    if not has_version("2.1"):
        calls = calls[::2]
    for limit in (5.0, 0.5, 100.0):
        for call in calls:
            trial = cell.trial(gradients=[Strided.from_array(each) for each in gradients], limit=limit)
            trial.run("params = [torch.zeros_like(g).requires_grad_() for g in gradients]")
            trial.run("for p, g in zip(params, gradients): p.grad = g")
            trial.run("params.insert(1, torch.ones(2, device=device, requires_grad=True))")
            trial.run(call)
            for place, each in enumerate(gradients):
                trial.expect(f"gradients[{place}]", np.clip(each, -limit, limit).astype(each.dtype))
            trial.expect_true("params[1].grad is None", "a parameter without a gradient has none afterwards")
    trial = cell.trial(g=Strided.from_array(gradients[0]))
    trial.run("p = torch.zeros_like(g).requires_grad_(); p.grad = g.clone()")
    trial.run("torch.nn.utils.clip_grad_value_(p, 2)")
    trial.expect("p.grad", np.clip(gradients[0], -2, 2))
