"""What holds of all layers: batches of no samples, inputs that repeat elements of storage."""

from __future__ import annotations

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.layers import unit

# Layers and the sizes of a sample of each input. Left out: PixelShuffle, whose gradient torch refuses there.
_SAMPLES: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = (
    *(("Linear(4, 3)", ((4,),)), ("Bilinear(4, 4, 3)", ((4,), (4,))), ("Identity()", ((2,),))),
    *(("Conv1d(2, 3, 2)", ((2, 5),)), ("Conv2d(2, 3, 2)", ((2, 5, 4),)), ("Conv3d(2, 3, 2)", ((2, 3, 4, 3),))),
    *(("ConvTranspose1d(2, 3, 2)", ((2, 5),)), ("ConvTranspose2d(2, 3, 2)", ((2, 5, 4),))),
    *(("ConvTranspose3d(2, 3, 2)", ((2, 3, 4, 3),)), ("MaxPool1d(2)", ((2, 5),)), ("MaxPool2d(2)", ((2, 5, 4),))),
    *(("MaxPool3d(2)", ((2, 5, 4, 3),)), ("AvgPool1d(2)", ((2, 5),)), ("AvgPool2d(2)", ((2, 5, 4),))),
    *(("AvgPool3d(2)", ((2, 5, 4, 3),)), ("AdaptiveAvgPool1d(2)", ((2, 5),)), ("LPPool2d(2.0, 2)", ((2, 5, 4),))),
    *(("AdaptiveAvgPool2d(2)", ((2, 5, 4),)), ("AdaptiveMaxPool2d(2)", ((2, 5, 4),))),
    *(("BatchNorm1d(2)", ((2, 5),)), ("BatchNorm2d(2).eval()", ((2, 5, 4),)), ("LayerNorm(4)", ((4,),))),
    *(("GroupNorm(2, 4)", ((4, 3),)), ("InstanceNorm1d(2)", ((2, 5),)), ("LocalResponseNorm(2)", ((4, 3),))),
    *(("ReLU()", ((3,),)), ("GELU()", ((3,),)), ("Softmax(1)", ((3,),)), ("LogSoftmax(1)", ((3,),))),
    *(("GLU()", ((4,),)), ("PReLU()", ((3,),)), ("Dropout()", ((3,),)), ("Dropout2d()", ((3, 2, 2),))),
    *(("ReflectionPad1d(1)", ((2, 5),)), ("ReplicationPad2d(1)", ((2, 5, 4),)), ("ZeroPad2d(1)", ((2, 5, 4),))),
    *(("Upsample(scale_factor=2)", ((2, 3, 3),)), ("Upsample(scale_factor=2, mode='bilinear')", ((2, 3, 3),))),
    *(("Unfold(2)", ((2, 3, 3),)), ("Fold((3, 3), 2)", ((4, 4),)), ("Flatten()", ((2, 3),))),
    *(("RNN(4, 3, batch_first=True)", ((5, 4),)), ("LSTM(4, 3, batch_first=True)", ((5, 4),))),
    *(("GRU(4, 3, batch_first=True)", ((5, 4),)), ("LSTMCell(4, 3)", ((4,),)), ("GRUCell(4, 3)", ((4,),))),
    *(("RNNCell(4, 3)", ((4,),)), ("MultiheadAttention(4, 2, batch_first=True)", ((3, 4),) * 3)),
    ("TransformerEncoderLayer(4, 2, 5, batch_first=True)", ((3, 4),)),
    ("TransformerDecoderLayer(4, 2, 5, batch_first=True)", ((3, 4), (3, 4))),
    *(("CosineSimilarity()", ((3,), (3,))), ("L1Loss(reduction='none')", ((3,), (3,)))),
)
_FIRST = "def first(y): return y[0] if isinstance(y, tuple) else y"


@clause("nn.layers.take-batches-of-no-samples")
def test_empty(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    trial.run(_FIRST)
    for layer, samples in _SAMPLES:
        trial.run(f"net, samples = torch.nn.{layer}.to(device=device, dtype=dtype), {samples}")
        trial.run("xs = [torch.zeros(0, *size, device=device, dtype=dtype, requires_grad=True) for size in samples]")
        trial.run("y = first(net(*xs))")
        trial.run("one = first(net.eval()(*[torch.zeros(1, *size, device=device, dtype=dtype) for size in samples]))")
        trial.expect_true("y.shape == (0, *one.shape[1:]) and y.dtype == dtype", "the result has no samples either")
        trial.run("y.sum().backward()")
        trial.expect_true("all(x.grad.shape == x.shape for x in xs)", "nor has the gradient of the input")
        trial.expect_true("all((p.grad == 0).all() for p in net.parameters())", "gradients of parameters are 0")
    for loss in ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KLDivLoss", "BCEWithLogitsLoss"):
        trial.run("x = torch.zeros(0, 3, device=device, dtype=dtype, requires_grad=True)")
        trial.run(f"y = torch.nn.{loss}(reduction='sum')(x, x.detach())")
        trial.run("y.backward()")
        trial.expect_true("y.item() == 0 and x.grad.shape == (0, 3)", "a sum of no terms is 0")


# Functions of x, which has two dimensions; three; four.
_EXACT = {
    2: (
        *("linear(x, weight(5, 4))", "linear(x, weight(5, 4), weight(5))", "bilinear(x, x, weight(2, 4, 4))"),
        *("relu(x)", "hardtanh(x, -1.0, 2.0)", "pad(x, (1, 2), value=3.0)", "mse_loss(x, weight(3, 4))"),
        *("l1_loss(x, weight(3, 4), reduction='none')", "prelu(x, weight(1))", "threshold(x, 1.0, 2.0)"),
    ),
    3: (
        *("conv1d(x, weight(3, 4, 2), weight(3))", "conv1d(x, weight(2, 2, 3), groups=2, padding=1)"),
        *("conv_transpose1d(x, weight(4, 2, 2))", "max_pool1d(x + ramp(6), 2)", "avg_pool1d(x, 2)"),
        *("pad(x, (1, 2), 'reflect')", "pad(x, (1, 1), 'replicate')", "pad(x, (1, 2), 'circular')"),
        *("interpolate(x, scale_factor=2)", "adaptive_avg_pool1d(x, 1) * 6"),
    ),
    4: (
        *("conv2d(x, weight(3, 4, 2, 3), weight(3))", "conv2d(x, weight(4, 1, 2, 2), groups=4)"),
        *("conv_transpose2d(x, weight(4, 2, 2, 3), stride=2)", "max_pool2d(x + ramp(5, 6), 2)", "avg_pool2d(x, 2)"),
        *(
            "unfold(x, 2)",
            "pixel_shuffle(x, 2)",
            "pad(x, (1, 1, 0, 2), 'replicate')",
            "max_pool2d(x + ramp(5, 6), 3, 1)",
        ),
    ),
}
_ROUNDED = {
    2: (
        *("layer_norm(x, (4,), eps=1.0)", "softmax(x, 1)", "log_softmax(x, 0)", "gelu(x)", "silu(x)", "elu(x)"),
        *("cosine_similarity(x + 5, weight(3, 4))", "cross_entropy(x, torch.tensor([0, 2, 3], device=device))"),
    ),
    3: ("group_norm(x, 2, eps=1.0)", "batch_norm(x, None, None, training=True, eps=1.0)", "instance_norm(x, eps=1.0)"),
    4: (
        "interpolate(x, (7, 8), mode='bilinear')",
        "local_response_norm(x, 3)",
        "batch_norm(x, None, None, training=True)",
    ),
}
_SIZES = {2: (3, 4), 3: (2, 4, 6), 4: (2, 4, 5, 6)}
_OPERANDS = """
def seeded(number): return torch.Generator().manual_seed(number)
source = seeded(seed)
def weight(*size): return torch.randint(-2, 3, size, generator=seeded(seed + 1)).to(device, dtype)
def ramp(*size): return torch.arange(torch.Size(size).numel(), device=device, dtype=dtype).reshape(size) * 8
def whole(size): return torch.randint(-3, 4, size, generator=source).to(device, dtype)
def both(f, base, size):
    results = []
    for form in (lambda t: t.expand(size), lambda t: t.expand(size).contiguous()):
        x = base.clone().requires_grad_()
        y = f(form(x))
        g = torch.arange(y.numel(), device=device).remainder(5).sub(2).reshape(y.shape).to(dtype)
        results.append((y.detach(), torch.autograd.grad(y, x, g)[0]))
    return zip(*results)
"""


@clause("nn.layers.read-expanded-inputs")
def test_expanded(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype, seed=cell.seed % 2**32)
    trial.run(_OPERANDS)
    # Two orders of summing at most 60 terms in each of three steps, whose condition is at most 64.
    room = 3 * 2 * 60 * 64 * unit(cell.dtype)
    for dims, size in _SIZES.items():
        for dim in range(dims):
            base = tuple(1 if each == dim else extent for each, extent in enumerate(size))
            trial.run(f"base, size = whole({base}), {size}")
            for call in _EXACT[dims]:
                trial.run(f"pairs = both(lambda x: torch.nn.functional.{call}, base, size)")
                trial.expect_true("all(torch.equal(a, b) for a, b in pairs)", "repeated elements count as often")
            for call in _ROUNDED[dims]:
                trial.run(f"pairs = both(lambda x: torch.nn.functional.{call}, base, size)")
                near = f"all(((a - b).abs() <= {room!r} * (1 + b.abs().max())).all() for a, b in pairs)"
                trial.expect_true(near, "repeated elements count as often")
    trial.run("h, q, k = whole((1, 1, 3)), whole((2, 3, 4, 4)), whole((1, 1, 5, 4))")
    for call in (
        "torch.nn.functional.scaled_dot_product_attention(q, x, q[:, :, :1].expand(2, 3, 5, 4))",
        "torch.nn.functional.scaled_dot_product_attention(q, q[:, :, :1].expand(2, 3, 5, 4), x)",
    ):
        trial.run(f"pairs = both(lambda x: {call}, k, (2, 3, 5, 4))")
        near = f"all(((a - b).abs() <= {room!r} * (1 + b.abs().max())).all() for a, b in pairs)"
        trial.expect_true(near, "repeated keys and values count as often")
    for name, state in (("RNN", "x"), ("GRU", "x"), ("LSTM", "(x, x)")):
        trial.run(f"net = torch.nn.{name}(2, 3, device=device, dtype=dtype)")
        trial.run(f"pairs = both(lambda x: net(weight(4, 5, 2), {state})[0], h, (1, 5, 3))")
        near = f"all(((a - b).abs() <= {room!r} * (1 + b.abs().max())).all() for a, b in pairs)"
        trial.expect_true(near, "a state that samples share is read for each")
