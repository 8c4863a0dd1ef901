"""What surrounds the steps: accumulation, decay, frozen parameters, groups, schedules, clipping, checkpoints."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.training.runs import (
    CLEARED_BY_OPTIMISER,
    begin,
    few_bits,
    judge,
    kinkless,
    loop,
    split,
    strided,
    two_layers,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.training.networks import (
    Batch,
    Grouped,
    Network,
    Optimiser,
    Values,
    clip_norm,
    clip_value,
    train,
)

Array = npt.NDArray[Any]

NETWORK = Network("tanh", "mse")
MODELS = two_layers("tanh")
LOSS = "torch.nn.functional.mse_loss(model(xb), yb)"


def _case(generator: np.random.Generator, sizes: tuple[int, ...] = (3, 3, 2)) -> tuple[list[Array], list[Batch]]:
    start = [few_bits(generator, 4, 3), kinkless(generator, 4), few_bits(generator, 2, 4), few_bits(generator, 2)]
    return start, split(few_bits(generator, 8, 3), few_bits(generator, 8, 2), sizes, 2)


def _linear_case(generator: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """Return inputs (16, 3), targets (16, 2), weight and bias, whose gradients are exact in any order of summation."""
    return few_bits(generator, 16, 3), few_bits(generator, 16, 2), few_bits(generator, 2, 3), few_bits(generator, 2)


def _linear_gradients(x: Array, y: Array, weight: Array, bias: Array) -> tuple[Array, Array]:
    residuals = (x @ weight.T + bias - y) * 2 / y.size
    return residuals.T @ x, residuals.sum(0)


ACCUMULATE = (
    "for xb, yb in zip(x.split(4), y.split(4)): (torch.nn.functional.mse_loss(model(xb), yb) / 4).backward()",
    "for i in range(0, 16, 4): torch.nn.MSELoss(reduction='sum')(model(x[i:i + 4]), y[i:i + 4]).div(32).backward()",
    "for i in range(16): (((model(x[i]) - y[i]) ** 2).mean() / 16).backward()",
    "for xb, yb in zip(x.chunk(2), y.chunk(2)): ((model(xb) - yb).square().mean() * 0.5).backward()",
    "sum(torch.nn.functional.mse_loss(model(x[i::8]), y[i::8]) / 8 for i in range(8)).backward()",
    "for i in range(4): torch.autograd.backward(torch.nn.functional.mse_loss(model(x[i::4]), y[i::4]) / 4)",
)
LARGE = "torch.nn.functional.mse_loss(model(x), y).backward()"


def _linear_trial(cell: Cell, case: tuple[Array, Array, Array, Array]) -> Any:
    x, y, weight, bias = (strided(each, cell.dtype) for each in case)
    trial = cell.trial(x=x, y=y, weight=weight, bias=bias)
    trial.run("model = torch.nn.Linear(3, 2, device=device, dtype=x.dtype)")
    trial.run("model.load_state_dict({'weight': weight, 'bias': bias})")
    return trial


@clause("training.accumulation.equals-one-large-batch")
def test_accumulation(cell: Cell) -> None:
    generator, kind = cell.generator(), numpy_dtype(cell.dtype)
    for line in (*ACCUMULATE, LARGE):
        case = _linear_case(generator)
        weight, bias = _linear_gradients(*case)
        trial = _linear_trial(cell, case)
        trial.run(line)
        trial.expect("model.weight.grad + 0", weight.astype(kind))
        trial.expect("model.bias.grad + 0", bias.astype(kind))


@clause("training.accumulation.goes-on-until-cleared")
def test_until_cleared(cell: Cell) -> None:
    generator, kind = cell.generator(), numpy_dtype(cell.dtype)
    clears = ("model.zero_grad()", "optimizer.zero_grad()", "optimizer.zero_grad(set_to_none=False)")
    for turn, clear in enumerate(clears):
        case = _linear_case(generator)
        weight, bias = _linear_gradients(*case)
        trial = _linear_trial(cell, case)
        trial.run("optimizer = torch.optim.SGD(model.parameters(), lr=0.25)")
        for times in range(1, 4 + turn):
            trial.run(LARGE)
            trial.expect("model.weight.grad + 0", (times * weight).astype(kind))
            trial.expect("model.bias.grad + 0", (times * bias).astype(kind))
        trial.run("optimizer.step()")
        trial.expect("model.weight.detach() + 0", (case[2] - (3 + turn) * weight / 4).astype(kind))
        trial.expect("model.bias.detach() + 0", (case[3] - (3 + turn) * bias / 4).astype(kind))
        trial.run(clear)
        empty = "each.grad is None or not each.grad.any()"
        trial.expect_true(f"all({empty} for each in model.parameters())", "clearing leaves None or zeros")


PENALTIES = (
    f"{LOSS} + 0.125 * sum((each ** 2).sum() for each in parameters)",
    f"{LOSS} + sum(each.square().sum() for each in parameters) * 0.25 / 2",
    f"{LOSS} + 0.125 * torch.cat([each.flatten() for each in parameters]).pow(2).sum()",
)


@clause("training.weight-decay.equals-an-l2-penalty")
def test_weight_decay(cell: Cell) -> None:
    generator = cell.generator()
    for turn, penalty in enumerate(PENALTIES):
        momentum = (0.0, 0.5, 0.75)[turn]
        start, batches = _case(generator)
        optimiser = Optimiser("SGD", lr=0.0625, momentum=momentum, weight_decay=0.25)
        path = train(NETWORK, start, batches, optimiser, cell.dtype)
        for loss, decay in ((penalty, 0.0), (LOSS, 0.25)):
            options = {"lr": 0.0625, "momentum": momentum, "weight_decay": decay}
            trial = begin(cell, MODELS[turn], start, batches, options=options)
            trial.run("optimizer = torch.optim.SGD(parameters, **options)")
            loop(trial, loss, "optimizer.step()", "optimizer.zero_grad()")
            # The loss with the penalty is not the reference's.
            judge(trial, path, losses=decay > 0)


@clause("training.frozen.parameters-stay")
def test_frozen(cell: Cell) -> None:
    generator, kind = cell.generator(), numpy_dtype(cell.dtype)
    ways = (
        ("parameters[0].requires_grad_(False); parameters[1].requires_grad_(False)", "parameters", (0, 1)),
        ("parameters[3].requires_grad = False", "[each for each in parameters if each.requires_grad]", (3,)),
        ("pass", "parameters[2:]", (0, 1)),
        ("model[0].requires_grad_(False)", "model.parameters()", (0, 1)),
        ("model[2].weight.requires_grad_(False)", "filter(lambda each: each.requires_grad, model.parameters())", (2,)),
    )
    for turn, (freeze, trained, frozen) in enumerate(ways):
        start, batches = _case(generator)
        path = train(NETWORK, start, batches, Optimiser("SGD", lr=0.125, momentum=0.5), cell.dtype, frozen=frozen)
        trial = begin(cell, MODELS[1 if "model" in freeze else (0, 2, 4)[turn]], start, batches)
        trial.run(freeze)
        trial.run(f"optimizer = torch.optim.SGD({trained}, lr=0.125, momentum=0.5)")
        loop(trial, LOSS, "optimizer.step()", "optimizer.zero_grad()")
        judge(trial, path)
        for place in frozen:
            trial.expect(f"parameters[{place}].detach()", start[place].astype(kind))


@clause("training.step.without-gradient-changes-nothing")
def test_no_gradient(cell: Cell) -> None:
    generator, kind = cell.generator(), numpy_dtype(cell.dtype)
    optimisers = (
        "torch.optim.SGD(parameters, lr=0.5, momentum=0.5, weight_decay=0.5)",
        "torch.optim.Adam(parameters, lr=0.5, weight_decay=0.5)",
        "torch.optim.AdamW(parameters, lr=0.5, weight_decay=0.5)",
        "torch.optim.RMSprop(parameters, lr=0.5, weight_decay=0.5)",
        "torch.optim.Adagrad(parameters, lr=0.5, weight_decay=0.5)",
    )
    for turn, optimiser in enumerate(optimisers):
        start, batches = _case(generator)
        trial = begin(cell, MODELS[turn], start, batches)
        trial.run(f"optimizer = {optimiser}")
        trial.run("optimizer.step()")
        trial.run("optimizer.zero_grad(); optimizer.step()")
        trial.run("parameters[1].sum().backward()")
        trial.run("parameters[1].grad = None")
        trial.run("optimizer.step()")
        for place, value in enumerate(start):
            trial.expect(f"parameters[{place}].detach()", value.astype(kind))
            trial.expect_true(f"parameters[{place}].grad is None", "a step makes no gradient")


EARLY = "'lr': 0.125, 'momentum': 0.5, 'weight_decay': 0"
LATE = "'lr': 0.03125, 'momentum': 0.75, 'weight_decay': 0.25"


@clause("training.groups.learn-at-their-own-rates")
def test_groups(cell: Cell) -> None:
    generator = cell.generator()
    spelled = (
        f"torch.optim.SGD([{{'params': early}}, {{'params': late, {LATE}}}], lr=0.125, momentum=0.5)",
        f"torch.optim.SGD([{{'params': early, {EARLY}}}, {{'params': late}}], 0.03125, 0.75, weight_decay=0.25)",
        "torch.optim.SGD(early, lr=0.125, momentum=0.5)",
    )
    for turn, each in enumerate(spelled):
        start, batches = _case(generator)
        first = Optimiser("SGD", lr=0.125, momentum=0.5)
        second = Optimiser("SGD", lr=0.03125, momentum=0.75, weight_decay=0.25)
        groups = Grouped([((0, 1), first), ((2, 3), second)])
        trial = begin(cell, MODELS[turn], start, batches)
        trial.run("early, late = parameters[:2], parameters[2:]")
        trial.run(f"optimizer = {each}")
        if turn == 2:
            trial.run(f"optimizer.add_param_group({{'params': late, {LATE}}})")
        trial.expect_equal("[group['lr'] for group in optimizer.param_groups]", [0.125, 0.03125])
        loop(trial, LOSS, "optimizer.step()", CLEARED_BY_OPTIMISER[turn])
        judge(trial, train(NETWORK, start, batches, groups, cell.dtype))


# How the rate of step n follows from the first; all but one are exact in binary.
SCHEDULES = (
    ("torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)", lambda n: 0.5 ** (n // 2)),
    ("torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.75)", lambda n: 0.75**n),
    ("torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: 1 / (1 + n))", lambda n: 1 / (1 + n)),
    (
        "torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[1, 4], gamma=0.25)",
        lambda n: 0.25 ** ((n >= 1) + (n >= 4)),
    ),
    ("torch.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=3)", lambda n: 0.5 if n < 3 else 1.0),
    ("torch.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda n: 0.5)", lambda n: 0.5**n),
)


@clause("training.schedule.sets-the-rate-of-each-step")
def test_schedule(cell: Cell) -> None:
    generator = cell.generator()
    for turn, (spelled, factor) in enumerate(SCHEDULES):
        start, batches = _case(generator)
        optimiser = Optimiser("SGD", lr=0.125, momentum=0.5)

        def scheduled(number: int, gradients: Values, optimiser: Optimiser = optimiser, factor: Any = factor) -> Values:
            optimiser.options = {**optimiser.options, "lr": 0.125 * factor(number)}
            return gradients

        path = train(NETWORK, start, batches, optimiser, cell.dtype, between=scheduled)
        trial = begin(cell, MODELS[turn % len(MODELS)], start, batches)
        trial.run("optimizer = torch.optim.SGD(parameters, lr=0.125, momentum=0.5)")
        trial.run(f"scheduler = {spelled}")
        loop(trial, LOSS, "optimizer.step(); scheduler.step()", "optimizer.zero_grad()")
        judge(trial, path)


def _clipped(clip: Callable[[Values, float], Values], largest: float, _step: int, gradients: Values) -> Values:
    return clip(gradients, largest)


@clause("training.clipping.bounds-the-norm")
def test_clip_norm(cell: Cell) -> None:
    generator = cell.generator()
    for turn, largest in enumerate((0.5, 0.125, 64.0)):
        start, batches = _case(generator)
        path = train(
            NETWORK,
            start,
            batches,
            Optimiser("SGD", lr=0.25, momentum=0.5),
            cell.dtype,
            between=functools.partial(_clipped, clip_norm, largest),
        )
        trial = begin(cell, MODELS[turn], start, batches, largest=largest)
        trial.run("optimizer = torch.optim.SGD(parameters, lr=0.25, momentum=0.5)")
        clip = (
            "torch.nn.utils.clip_grad_norm_(parameters, largest)",
            "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=largest, norm_type=2.0)",
            "torch.nn.utils.clip_grad_norm_(iter(parameters), largest)",
        )[turn]
        loop(trial, LOSS, "optimizer.step()", "optimizer.zero_grad()", between=clip)
        judge(trial, path)


@clause("training.clipping.bounds-the-elements")
def test_clip_value(cell: Cell) -> None:
    generator = cell.generator()
    for turn, largest in enumerate((0.125, 0.0625, 64.0)):
        start, batches = _case(generator)
        path = train(
            NETWORK,
            start,
            batches,
            Optimiser("SGD", lr=0.25),
            cell.dtype,
            between=functools.partial(_clipped, clip_value, largest),
        )
        trial = begin(cell, MODELS[turn], start, batches, largest=largest)
        trial.run("optimizer = torch.optim.SGD(parameters, lr=0.25)")
        clip = (
            "torch.nn.utils.clip_grad_value_(parameters, largest)",
            "torch.nn.utils.clip_grad_value_(model.parameters(), clip_value=largest)",
            "for each in parameters: each.grad.clamp_(-largest, largest)",
        )[turn]
        loop(trial, LOSS, "optimizer.step()", "optimizer.zero_grad()", between=clip)
        judge(trial, path)


RESUME = (
    "import io",
    "buffer = io.BytesIO()",
    "torch.save({'model': model.state_dict(), 'optimizer': optimizer.state_dict()}, buffer)",
    "model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))",
    "model = model.to(device=device, dtype=start[0].dtype)",
    "parameters = list(model.parameters())",
    "buffer.seek(0)",
    "checkpoint = torch.load(buffer)",
    "model.load_state_dict(checkpoint['model'])",
)


@clause("training.checkpoint.resumes-the-trajectory")
def test_checkpoint(cell: Cell) -> None:
    generator = cell.generator()
    cases: tuple[tuple[Any, str], ...] = (
        (Optimiser("SGD", lr=0.125, momentum=0.5), "torch.optim.SGD(parameters, lr=0.125, momentum=0.5)"),
        (Optimiser("Adam", lr=0.0625, eps=0.03125), "torch.optim.Adam(parameters, lr=0.0625, eps=0.03125)"),
        (
            Optimiser("AdamW", lr=0.0625, betas=(0.5, 0.75), eps=0.125, weight_decay=0.25, amsgrad=True),
            "torch.optim.AdamW(parameters, 0.0625, (0.5, 0.75), 0.125, weight_decay=0.25, amsgrad=True)",
        ),
    )
    fresh = ("torch.optim.SGD(parameters, lr=1.0)", "torch.optim.Adam(parameters)", "torch.optim.AdamW(parameters)")
    for (optimiser, spelled), bare in zip(cases, fresh, strict=True):
        start, batches = _case(generator)
        path = train(NETWORK, start, batches, optimiser, cell.dtype)
        trial = begin(cell, MODELS[1], start, batches)
        trial.run(f"optimizer = {spelled}")
        trial.run("batches, later = batches[:3], batches[3:]")
        loop(trial, LOSS, "optimizer.step()", "optimizer.zero_grad()")
        for line in RESUME:
            trial.run(line)
        trial.run(f"optimizer = {bare}")
        trial.run("optimizer.load_state_dict(checkpoint['optimizer'])")
        trial.run("batches = later")
        loop(trial, LOSS, "optimizer.step()", "optimizer.zero_grad()")
        judge(trial, path)


CLOSURE = """
def closure():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(xb), yb)
    loss.backward()
    return loss
"""


@clause("training.closure.is-called-and-its-loss-returned")
def test_closure(cell: Cell) -> None:
    generator = cell.generator()
    cases: tuple[tuple[Any, str], ...] = (
        (Optimiser("SGD", lr=0.125, momentum=0.5), "torch.optim.SGD(parameters, lr=0.125, momentum=0.5)"),
        (Optimiser("Adam", lr=0.0625, eps=0.03125), "torch.optim.Adam(parameters, lr=0.0625, eps=0.03125)"),
        (
            Optimiser("AdamW", lr=0.0625, eps=0.0625, weight_decay=0.25),
            "torch.optim.AdamW(parameters, 0.0625, eps=0.0625, weight_decay=0.25)",
        ),
    )
    for turn, (optimiser, spelled) in enumerate(cases):
        start, batches = _case(generator)
        trial = begin(cell, MODELS[turn], start, batches)
        trial.run(f"optimizer = {spelled}")
        trial.run(CLOSURE)
        call = ("optimizer.step(closure)", "optimizer.step(closure=closure)")[turn % 2]
        loop(trial, call, "pass", "pass", backward="pass")
        judge(trial, train(NETWORK, start, batches, optimiser, cell.dtype))


@clause("training.evaluation.changes-nothing")
def test_evaluation(cell: Cell) -> None:
    generator, kind = cell.generator(), numpy_dtype(cell.dtype)
    modes = ("torch.no_grad()", "torch.inference_mode()", "torch.set_grad_enabled(False)")
    for turn, mode in enumerate(modes):
        start, batches = _case(generator, (8,))
        path = train(NETWORK, start, batches, Optimiser("SGD", lr=0.25), cell.dtype)
        trial = begin(cell, MODELS[(1, 2, 4)[turn]], start, batches)
        trial.run("optimizer = torch.optim.SGD(parameters, lr=0.25)")
        watched = (
            f"model.eval(); context = {mode}; context.__enter__(); seen = model(xb); context.__exit__(None, None, None)"
        )
        loop(trial, LOSS, "optimizer.step()", f"{watched}; model.train(); optimizer.zero_grad()")
        judge(trial, path)
        trial.expect_true("not seen.requires_grad and seen.grad_fn is None", "an evaluation has no graph")
        trial.expect_true("model.training and torch.is_grad_enabled()", "the modes are left again")
        trial.expect("batches[0][0]", batches[0][0].astype(kind))
        trial.expect("batches[0][1]", batches[0][1].astype(kind))
        trial.expect_true("all(each._version == 0 for pair in batches for each in pair)", "data is not written")
