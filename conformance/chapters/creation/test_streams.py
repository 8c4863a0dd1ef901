"""Clauses on seeds and generators: reproducible, restorable, independent streams of random numbers."""

from __future__ import annotations

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.numerics import random

_CALLS = (
    *(
        "torch.rand(n, device=device{})",
        "torch.randn(n, device=device{})",
        "torch.randint(1000, (n,), device=device{})",
    ),
    *("torch.randint(0, 2**40, (n,), device=device{})", "torch.randperm(n, device=device{})"),
    *("torch.rand(n, dtype=torch.float64, device=device{})", "torch.randn(n, dtype=torch.float64, device=device{})"),
    *("torch.rand(n, dtype=torch.float16, device=device{})", "torch.randn(n, dtype=torch.bfloat16, device=device{})"),
    *("torch.randn(n, dtype=torch.complex64, device=device{})", "torch.rand((n, 2), device=device{})"),
    *(
        "torch.rand(n, out=torch.empty(n, device=device){})",
        "torch.randn(n, out=torch.empty((n, 2), device=device)[:, 0]{})",
    ),
)
_LIKE_CALLS = (
    *("torch.rand_like(x)", "torch.randn_like(x)", "torch.randint_like(x, 1000)", "torch.randint_like(x, 5, 1000)"),
)
_COUNTS = (1, 7, 16, 17, 100, 1025)
_MANY = 40_001
_SEEDS = (0, 1, 42, 2**31, 2**32 + 1, 2**63 - 1)
_SAME = "bool((a == b).all()) and a.shape == b.shape and a.dtype == b.dtype"


@clause("creation.seed.repeats-the-stream")
def test_seed_repeats_the_stream(cell: Cell) -> None:
    for turn, seed in enumerate((*_SEEDS, cell.seed % 2**63)):
        for count in (*_COUNTS[turn % 3 :: 3], *((_MANY,) if turn == 2 else ())):
            trial = cell.trial(seed=seed, n=count)
            trial.run("x = torch.zeros(n, device=device)")
            for call in (*(each.format("") for each in _CALLS), *_LIKE_CALLS):
                trial.run(f"torch.manual_seed(seed); a = {call}; c = {call}")
                trial.run(f"torch.manual_seed(seed); b = {call}; d = {call}")
                trial.expect_true(_SAME, "the same seed gives the same numbers")
                trial.expect_true("bool((c == d).all())", "the stream goes on with the same numbers after them")


@clause("creation.generator.repeats-the-stream")
def test_generator_repeats_the_stream(cell: Cell) -> None:
    for turn, seed in enumerate((*_SEEDS, cell.seed % 2**63)):
        for count in (*_COUNTS[turn % 3 :: 3], *((_MANY,) if turn == 2 else ())):
            trial = cell.trial(seed=seed, n=count)
            trial.run("g = torch.Generator(device=device); h = torch.Generator(device=device)")
            for call in _CALLS:
                drawn = call.format(", generator=g"), call.format(", generator=h")
                trial.run(f"g.manual_seed(seed); a = {drawn[0]}; c = {drawn[0]}")
                trial.run(f"h.manual_seed(seed); b = {drawn[1]}; d = {drawn[1]}")
                trial.expect_true(_SAME, "two generators with one seed give the same numbers")
                trial.expect_true("bool((c == d).all())", "the stream goes on with the same numbers after them")
                trial.run(f"g.manual_seed(seed); b = {drawn[0]}")
                trial.expect_true(_SAME, "seeding a generator again begins its stream again")


@clause("creation.generator.tells-its-seed")
def test_generator_tells_its_seed(cell: Cell) -> None:
    for seed in (*_SEEDS, 2**64 - 1, cell.seed):
        trial = cell.trial(seed=seed)
        trial.run("g = torch.Generator(device=device)")
        trial.expect_true("g.manual_seed(seed) is g", "manual_seed returns the generator")
        trial.expect_equal("g.initial_seed()", seed)
        trial.run("torch.rand(3, device=device, generator=g)")
        trial.expect_equal("g.initial_seed()", seed)
        trial.expect_equal("g.device.type", cell.torch_device.type)
        trial.run("r = torch.manual_seed(seed)")
        trial.expect_true("isinstance(r, torch.Generator)", "manual_seed returns a generator")
        trial.expect_equal("torch.initial_seed()", seed)


def _bound(count: int) -> float:
    return random.correlation_bound(count, 1e-12)


_SIGNS = "np.where({0}.double().cpu().numpy() < 0.5, -1.0, 1.0)"


def _expect_unrelated(cell: Cell, first: str, second: str) -> None:
    count = cell.profile.samples
    trial = cell.trial(n=count, seed=cell.seed % 2**62)
    trial.run("g = torch.Generator(device=device); h = torch.Generator(device=device)")
    trial.run("draw = lambda g=None: torch.rand(n, device=device, generator=g)")
    trial.run(f"a = {first}")
    trial.run(f"b = {second}")
    trial.run(f"u, w = {_SIGNS.format('a')}, {_SIGNS.format('b')}")
    why = "numbers of one stream say nothing about those of the other"
    trial.expect_true(f"abs((u * w).mean()) <= {_bound(count)!r}", why)
    trial.expect_true(f"abs((u[1:] * w[:-1]).mean()) <= {_bound(count - 1)!r}", why)
    trial.expect_true(f"abs((u[:-1] * w[1:]).mean()) <= {_bound(count - 1)!r}", why)


@clause("creation.seed.different-seeds-differ")
def test_different_seeds_differ(cell: Cell) -> None:
    for other in ("seed + 1", "seed ^ 1", "seed ^ 2**31", "seed ^ 2**16", "0", "seed // 2"):
        _expect_unrelated(cell, "torch.manual_seed(seed) and draw()", f"torch.manual_seed({other}) and draw()")
        _expect_unrelated(cell, "draw(g.manual_seed(seed))", f"draw(h.manual_seed({other}))")
    for low in range(6):
        trial = cell.trial(low=low)
        trial.run("a = torch.rand(8, generator=torch.Generator(device=device).manual_seed(low), device=device)")
        trial.run("b = torch.rand(8, generator=torch.Generator(device=device).manual_seed(low + 1), device=device)")
        trial.expect_true("not bool((a == b).all())", "neighbouring seeds give other numbers")


@clause("creation.seed.stream-goes-on")
def test_stream_goes_on(cell: Cell) -> None:
    _expect_unrelated(cell, "torch.manual_seed(seed) and draw()", "draw()")
    _expect_unrelated(cell, "draw(g.manual_seed(seed))", "draw(g)")
    trial = cell.trial(seed=cell.seed % 2**62, n=17)
    trial.run("x = torch.zeros(17, device=device); torch.manual_seed(seed)")
    for call in (*(each.format("") for each in _CALLS[:4]), *_LIKE_CALLS):
        trial.run(f"a = {call}; b = {call}")
        trial.expect_true("not bool((a == b).all())", "the next call gives other numbers")


@clause("creation.generator.leaves-other-streams-alone")
def test_generator_leaves_other_streams_alone(cell: Cell) -> None:
    for count in (1, 17, 1025):
        trial = cell.trial(seed=cell.seed % 2**62, n=count)
        trial.run("g = torch.Generator(device=device); h = torch.Generator(device=device)")
        trial.run("draw = lambda g=None: torch.rand(9, device=device, generator=g)")
        trial.run("torch.manual_seed(seed); a0, a1 = draw(), draw()")
        trial.run("h.manual_seed(seed + 1); b0, b1 = draw(h), draw(h)")
        for call in _CALLS:
            drawn = call.format(", generator=g")
            trial.run(f"g.manual_seed(seed + 2); c = {drawn}; d = {drawn}")
            trial.run(f"torch.manual_seed(seed); p = draw(); {drawn}; q = draw()")
            trial.expect_true("bool((p == a0).all() and (q == a1).all())", "the default stream goes on undisturbed")
            trial.run(f"h.manual_seed(seed + 1); p = draw(h); {drawn}; q = draw(h)")
            trial.expect_true("bool((p == b0).all() and (q == b1).all())", "another generator goes on undisturbed")
            trial.run(f"g.manual_seed(seed + 2); e = {drawn}; torch.manual_seed(0); {call.format('')}; f = {drawn}")
            trial.expect_true("bool((c == e).all() and (d == f).all())", "the default stream does not disturb it")


@clause("creation.generator.state-restores-the-stream")
def test_generator_state_restores_the_stream(cell: Cell) -> None:
    for count in (1, 3, 16, 17, 1025):
        trial = cell.trial(seed=cell.seed % 2**62, n=count)
        trial.run("g = torch.Generator(device=device).manual_seed(seed); h = torch.Generator(device=device)")
        for call in _CALLS:
            drawn = call.format(", generator=g"), call.format(", generator=h")
            trial.run(f"state = g.get_state(); a = {drawn[0]}; g.set_state(state); b = {drawn[0]}")
            trial.expect_true(_SAME, "the stream goes on from the state that was set")
            trial.run(f"h.set_state(state); b = {drawn[1]}")
            trial.expect_true(_SAME, "a state carries over to another generator")
        trial.run("draw = lambda: torch.rand(n) + torch.randn(n)")
        trial.run("state = torch.get_rng_state(); a = draw(); torch.set_rng_state(state); b = draw()")
        trial.expect_true(_SAME, "the default CPU stream goes on from the state that was set")


@clause("creation.seed.fork-rng-restores-the-stream")
def test_fork_rng_restores_the_stream(cell: Cell) -> None:
    for count in (1, 17, 1025):
        trial = cell.trial(seed=cell.seed % 2**62, n=count)
        trial.run("torch.manual_seed(seed); a = torch.rand(n)")
        trial.run("torch.manual_seed(seed)")
        trial.run("with torch.random.fork_rng(): torch.manual_seed(0); c = torch.rand(n)")
        trial.run("b = torch.rand(n)")
        trial.expect_true(_SAME, "after the block the stream goes on as if there had been none")
        trial.run("torch.manual_seed(0); b = torch.rand(n); a = c")
        trial.expect_true(_SAME, "inside the block numbers are drawn as ever")
