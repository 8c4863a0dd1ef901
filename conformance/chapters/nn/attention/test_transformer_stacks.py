"""Stacks of Transformer layers: what they pass on, as the layers themselves take it, which are judged elsewhere."""

from __future__ import annotations

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance

# x of 3 steps and memory of 4, batches of 2 in front; the second of each is padded behind.
_OPERANDS = """
torch.manual_seed(seed)
x, memory = (torch.randn(2, n, 4, device=device, dtype=dtype) for n in (3, 4))
short = torch.tensor([[False, False, False], [False, False, True]], device=device)
behind = torch.tensor([[False, False, False, False], [False, True, False, True]], device=device)
own = torch.tensor([[False, True, True], [False, False, True], [False, False, False]], device=device)
over = torch.tensor([[0, 1, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]], device=device).bool()
made = dict(batch_first=True, device=device, dtype=dtype)
def near(a, b): return bool(((a - b).abs() <= room * (1 + b.abs().max())).all())
"""


def _trial(cell: Cell) -> Trial:
    room = float(distance(cell, "nn.transformer.stack", 1))
    trial = cell.trial(seed=cell.seed % 2**63, dtype=cell.torch_dtype, room=room)
    trial.run(_OPERANDS)
    return trial


@clause("nn.transformer.encoder-passes-its-masks-on")
def test_encoder(cell: Cell) -> None:
    trial = _trial(cell)
    for option in ("", ", enable_nested_tensor=False"):
        trial.run("layer = torch.nn.TransformerEncoderLayer(4, 2, 5, 0.0, **made)")
        trial.run(f"net = torch.nn.TransformerEncoder(layer, 2{option})")
        for arguments, each in (
            ("own", "own, None"),
            ("mask=None, src_key_padding_mask=short", "None, short"),
            ("own, short", "own, short"),
        ):
            trial.run(f"y = x\nfor each in net.layers: y = each(y, {each})")
            for mode in ("net.train()", "net.eval()"):
                trial.expect_true(f"near({mode}(x, {arguments})[~short], y[~short])", "each layer is given the masks")
            trial.run(f"with torch.no_grad(): z = net(x, {arguments})")
            trial.expect_true(
                "near(z[~short], y[~short])", "without gradients the result is the same where there is no padding"
            )


@clause("nn.transformer.decoder-passes-its-masks-on")
def test_decoder(cell: Cell) -> None:
    trial = _trial(cell)
    trial.run("net = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(4, 2, 5, 0.0, **made), 2)")
    for arguments in (
        "own",
        "None, over",
        "memory_mask=over, tgt_mask=own",
        "tgt_key_padding_mask=short",
        "memory_key_padding_mask=behind",
        "own, None, short, behind",
    ):
        trial.run(f"y = x\nfor each in net.layers: y = each(y, memory, {arguments})")
        trial.expect_true(f"near(net(x, memory, {arguments})[~short], y[~short])", "each layer is given the masks")


@clause("nn.transformer.whole-passes-its-masks-on")
def test_whole(cell: Cell) -> None:
    trial = _trial(cell)
    trial.run("net = torch.nn.Transformer(4, 2, 1, 2, 5, 0.0, **made)")
    trial.run("source, ahead = memory, torch.ones(4, 4, device=device, dtype=torch.bool).triu(1)")
    for arguments, encoded, decoded in (
        ("ahead, own", "ahead", "own"),
        ("memory_mask=over", "", "memory_mask=over"),
        ("src_key_padding_mask=behind", "src_key_padding_mask=behind", ""),
        ("tgt_key_padding_mask=short", "", "tgt_key_padding_mask=short"),
        ("memory_key_padding_mask=behind", "", "memory_key_padding_mask=behind"),
        (
            "None, None, None, behind, short, behind",
            "src_key_padding_mask=behind",
            "tgt_key_padding_mask=short, memory_key_padding_mask=behind",
        ),
    ):
        trial.run(f"y = net.decoder(x, net.encoder(source, {encoded}), {decoded})")
        trial.expect_true(
            f"near(net(source, x, {arguments})[~short], y[~short])", "encoder and decoder are each given their masks"
        )


@clause("nn.transformer.takes-sequences-without-a-batch")
def test_unbatched(cell: Cell) -> None:
    trial = _trial(cell)
    for name, call in (
        ("TransformerEncoderLayer(4, 2, 5, 0.0, **made)", "net({x})"),
        ("TransformerDecoderLayer(4, 2, 5, 0.0, **made)", "net({x}, {memory})"),
        ("Transformer(4, 2, 1, 1, 5, 0.0, **made)", "net({memory}, {x})"),
    ):
        trial.run(f"net = torch.nn.{name}")
        for mode in ("train", "eval"):
            trial.run(f"_ = net.{mode}()")
            alone, batch = (call.format(x=f"x{end}", memory=f"memory{end}") for end in ("[0]", "[:1]"))
            trial.expect_true(f"{alone}.shape == (3, 4)", "there is no batch in the result")
            trial.expect_true(f"near({alone}, {batch}[0])", "a call without a batch gives what a batch of one gives")
            trial.run(f"with torch.no_grad(): y = {alone}")
            trial.expect_true(f"near(y, {batch}[0])", "without gradients the result is the same")
