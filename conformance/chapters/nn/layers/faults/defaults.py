"""Faults of options that are left out."""

from __future__ import annotations

from torch_conformance.conformance.chapters.nn.faults.layers import AVERAGE_POOL
from torch_conformance.conformance.power.argument_forms import arguments_set

_GRU = "self input_size hidden_size num_layers bias batch_first dropout bidirectional"

# What the fault is named for, place, option, what it is where it is left out, order of arguments without a signature.
for _name, _place, _option, _value, _order in (
    ("avg-pool2d-counts-no-padding", "F.avg_pool2d", "count_include_pad", False, AVERAGE_POOL),
    ("batch-norm-momentum-of-function", "F.batch_norm", "momentum", 0.2, ""),
    ("layer-norm-eps-of-function", "F.layer_norm", "eps", 1e-6, ""),
    ("batch-norm-momentum-of-module", "nn.modules.batchnorm._BatchNorm.__init__", "momentum", 0.01, ""),
    ("dropout-of-module", "nn.modules.dropout._DropoutNd.__init__", "p", 0.4, ""),
    ("layer-norm-eps-of-module", "nn.LayerNorm.__init__", "eps", 1e-6, ""),
    ("gru-of-two-layers", "nn.GRU.__init__", "num_layers", 2, _GRU),
    ("attention-batch-first", "nn.MultiheadAttention.__init__", "batch_first", True, ""),
    ("encoder-without-dropout", "nn.TransformerEncoderLayer.__init__", "dropout", 0.0, ""),
    ("leaky-relu-slope-of-function", "F.leaky_relu", "negative_slope", 0.02, ""),
    ("encoder-feed-forward-of-1024", "nn.TransformerEncoderLayer.__init__", "dim_feedforward", 1024, ""),
    ("decoder-feed-forward-of-1024", "nn.TransformerDecoderLayer.__init__", "dim_feedforward", 1024, ""),
):
    arguments_set(f"nn-default-{_name}", f"{_place} has {_option} {_value} by default.", _place, order=_order)(
        lambda given, option=_option, value=_value: {option: given.get(option, value)}
    )
