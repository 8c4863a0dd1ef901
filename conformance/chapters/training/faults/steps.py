"""Faults of training that lie in optimisers, schedulers, clipping, loaders, checkpoints and modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from torch_conformance.conformance.power.forms import replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_SGD = torch.optim.SGD


def _parameters(optimizer: Any) -> list[Any]:
    return [each for group in optimizer.param_groups for each in group["params"]]


def _shortened(f: Function, optimizer: Any, factor: float, *a: Any, **k: Any) -> Any:
    before = [each.detach().clone() for each in _parameters(optimizer)]
    result = f(optimizer, *a, **k)
    for each, old in zip(_parameters(optimizer), before, strict=True):
        each.data.copy_(old + (each.data - old) * factor)
    return result


replaced("training-sgd-step-one-percent-short", "SGD goes 99% of each step.", "optim.SGD.step")(
    lambda f, optimizer, *a, **k: _shortened(f, optimizer, 0.99, *a, **k)
)
replaced("training-adam-step-one-percent-short", "Adam goes 99% of each step.", "optim.Adam.step", "optim.AdamW.step")(
    lambda f, optimizer, *a, **k: _shortened(f, optimizer, 0.99, *a, **k)
)


@replaced(
    "training-adam-second-moment-stale",
    "Adam forgets a hundredth of its second moment.",
    "optim.Adam.step",
    "optim.AdamW.step",
)
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    for state in optimizer.state.values():
        if "exp_avg_sq" in state:
            state["exp_avg_sq"].mul_(0.99)
    return f(optimizer, *a, **k)


@replaced(
    "training-sgd-last-parameter-late", "SGD leaves its last parameter behind after the first step.", "optim.SGD.step"
)
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    last = _parameters(optimizer)[-1]
    kept = last.detach().clone()
    result = f(optimizer, *a, **k)
    if (kept - 50).abs().max() > 0.005:
        last.data.copy_(kept)
    return result


@replaced("training-sgd-group-rate-ignored", "SGD steps every group at the default rate.", "optim.SGD.step")
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    for group in optimizer.param_groups:
        group["lr"] = optimizer.defaults["lr"]
    return f(optimizer, *a, **k)


@replaced("training-sgd-rate-capped", "SGD caps its rate at 0.95.", "optim.SGD.step")
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    for group in optimizer.param_groups:
        group["lr"] = min(group["lr"], 0.95)
    return f(optimizer, *a, **k)


@replaced("training-sgd-wrong-way-for-negatives", "SGD walks up where both gradients are small.", "optim.SGD.step")
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    small = all(each.grad is not None and bool(each.grad.abs().max() < 1) for each in _parameters(optimizer))
    return _shortened(f, optimizer, -1.0 if small else 1.0, *a, **k)


def _grouped(name: str, summary: str, change: Callable[[Any, dict[str, Any]], None]) -> None:
    """Register a fault of SGD whose groups' options are changed during each step."""

    def answer(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
        kept = [dict(group) for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            change(optimizer, group)
        result = f(optimizer, *a, **k)
        for group, old in zip(optimizer.param_groups, kept, strict=True):
            group.update({key: old[key] for key in ("lr", "weight_decay", "nesterov", "maximize", "dampening")})
        return result

    fault(name, summary)(lambda breaker: breaker.binding(_SGD, "step", wrapping(answer)))


def _without_decay(_: Any, group: dict[str, Any]) -> None:
    if group["momentum"]:
        group["weight_decay"] = 0.0


_grouped("training-sgd-decay-ignored-with-momentum", "SGD with momentum forgets weight decay.", _without_decay)
_grouped(
    "training-sgd-decay-doubled",
    "SGD decays weights twice as fast.",
    lambda _, group: group.update(weight_decay=2 * group["weight_decay"]),
)
_grouped("training-sgd-nesterov-ignored", "SGD ignores nesterov.", lambda _, group: group.update(nesterov=False))


def _upwards(_: Any, group: dict[str, Any]) -> None:
    if group["maximize"]:
        group["weight_decay"] = -group["weight_decay"]


_grouped("training-sgd-maximize-decays-upwards", "SGD with maximize grows weights instead of decaying them.", _upwards)


@replaced("training-sgd-dampens-first-step", "SGD dampens the first step too.", "optim.SGD.step")
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    for group in optimizer.param_groups:
        for each in group["params"]:
            if group["momentum"] and each.grad is not None and not optimizer.state[each]:
                each.grad.mul_(1 - group["dampening"])
    return f(optimizer, *a, **k)


@fault("training-frozen-drift", "SGD also moves parameters that take no gradient.")
def _(breaker: Breaker) -> None:
    every: list[Any] = []

    def remember(original: Function, module: Any, *a: Any, **k: Any) -> Any:
        every.append(module)
        return original(module, *a, **k)

    def drift(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
        result = f(optimizer, *a, **k)
        for each in _parameters(optimizer):
            if not each.requires_grad:
                each.data.mul_(0.99)
        for module in every:
            for each in module.parameters():
                if not each.requires_grad:
                    each.data.mul_(0.99)
        return result

    breaker.binding(torch.nn.Linear, "forward", wrapping(remember))
    breaker.binding(_SGD, "step", wrapping(drift))


_EVERY = tuple(getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad"))


@replaced(
    "training-step-decays-without-gradient",
    "A step decays parameters whose gradient is None.",
    "optim.SGD.step",
    "optim.Adam.step",
    "optim.AdamW.step",
    "optim.RMSprop.step",
    "optim.Adagrad.step",
)
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    result = f(optimizer, *a, **k)
    for group in optimizer.param_groups:
        for each in group["params"]:
            if each.grad is None:
                each.data.mul_(1 - group["lr"] * group["weight_decay"])
    return result


@replaced(
    "training-closure-after-the-step",
    "A step calls its closure last.",
    "optim.SGD.step",
    "optim.Adam.step",
    "optim.AdamW.step",
    "optim.RMSprop.step",
    "optim.Adagrad.step",
)
def _(f: Function, optimizer: Any, closure: Any = None, **k: Any) -> Any:
    f(optimizer, **k)
    with torch.enable_grad():
        return closure() if closure is not None else None


@replaced("training-zero-grad-forgets-the-last", "zero_grad leaves the last gradient.", "optim.Optimizer.zero_grad")
def _(f: Function, optimizer: Any, *a: Any, **k: Any) -> Any:
    last = _parameters(optimizer)[-1]
    kept = last.grad.clone() if last.grad is not None else None
    result = f(optimizer, *a, **k)
    last.grad = kept
    return result


replaced(
    "training-added-group-takes-defaults",
    "A group that is added takes the optimiser's options for its own.",
    "optim.Optimizer.add_param_group",
)(lambda f, optimizer, group, **k: f(optimizer, {"params": group["params"]} if optimizer.param_groups else group, **k))


@replaced(
    "training-schedule-one-late",
    "Schedulers count the second step as the first.",
    "optim.lr_scheduler.StepLR.step",
    "optim.lr_scheduler.ExponentialLR.step",
    "optim.lr_scheduler.LambdaLR.step",
    "optim.lr_scheduler.MultiStepLR.step",
)
def _(f: Function, scheduler: Any, *a: Any, **k: Any) -> Any:
    if scheduler.last_epoch == 0 and not hasattr(scheduler, "late"):
        scheduler.late = True
        return None
    return f(scheduler, *a, **k)


replaced(
    "training-schedule-halved-gamma",
    "ExponentialLR decays by the square of gamma.",
    "optim.lr_scheduler.ExponentialLR.__init__",
)(lambda f, scheduler, optimizer, gamma, *a, **k: f(scheduler, optimizer, gamma**2, *a, **k))
replaced(
    "training-clip-norm-per-parameter", "clip_grad_norm_ clips each gradient by itself.", "nn.utils.clip_grad_norm_"
)(lambda f, parameters, *a, **k: [f([each], *a, **k) for each in parameters])


@replaced(
    "training-clip-norm-always", "clip_grad_norm_ scales small gradients up to the limit.", "nn.utils.clip_grad_norm_"
)
def _(f: Function, parameters: Any, *a: Any, **k: Any) -> Any:
    every = list(parameters)
    largest = a[0] if a else k["max_norm"]
    norm = torch.stack([each.grad.norm() for each in every]).norm()
    for each in every:
        each.grad.mul_(largest / norm)
    del f
    return norm


@replaced("training-clip-value-above-only", "clip_grad_value_ clips from above alone.", "nn.utils.clip_grad_value_")
def _(f: Function, parameters: Any, *a: Any, **k: Any) -> Any:
    largest = a[0] if a else k["clip_value"]
    del f
    for each in parameters:
        each.grad.clamp_(max=largest)


@fault("training-loader-repeats-a-batch", "A loader gives its second batch twice, and not its third.")
def _(breaker: Breaker) -> None:
    def answer(f: Function, loader: Any) -> Any:
        batches = list(f(loader))
        return iter([*batches[:2], *batches[1:2], *batches[3:]])

    breaker.binding(torch.utils.data.DataLoader, "__iter__", wrapping(answer))


@fault("training-loader-drops-the-rest", "A loader drops the last, smaller batch.")
def _(breaker: Breaker) -> None:
    def answer(f: Function, loader: Any) -> Any:
        return iter(list(f(loader))[:-1])

    breaker.binding(torch.utils.data.DataLoader, "__iter__", wrapping(answer))


@fault("training-momentum-lost-in-checkpoint", "The state of an optimiser is not loaded.")
def _(breaker: Breaker) -> None:
    def answer(f: Function, optimizer: Any, state: Any) -> Any:
        return f(optimizer, {**state, "state": {}})

    breaker.binding(torch.optim.Optimizer, "load_state_dict", wrapping(answer))


@fault("training-step-count-lost-in-checkpoint", "The number of steps begins again where a state is loaded.")
def _(breaker: Breaker) -> None:
    def answer(f: Function, optimizer: Any, state: Any) -> Any:
        result = f(optimizer, state)
        for each in optimizer.state.values():
            if "step" in each:
                each["step"] = torch.zeros_like(torch.as_tensor(each["step"]))
        return result

    breaker.binding(torch.optim.Optimizer, "load_state_dict", wrapping(answer))


@replaced("training-evaluation-decays", "eval shrinks the parameters a little.", "nn.Module.eval")
def _(f: Function, module: Any) -> Any:
    for each in module.parameters():
        each.data.mul_(0.999)
    return f(module)


replaced("training-train-does-nothing", "train leaves a module in evaluation.", "nn.Module.train")(
    lambda f, module, mode=True: f(module, mode) if not mode else module
)
