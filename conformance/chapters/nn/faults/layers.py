"""The layers of torch.nn with their arguments, and what is generated of each: an option ignored, a gradient off.

An option is ignored when the layer takes its default whatever is given. A gradient is off by 1 %: that of an argument,
or of the result, which is that of every argument.
"""

from __future__ import annotations

from typing import NamedTuple

from torch_conformance.conformance.power.argument_forms import option_ignored
from torch_conformance.conformance.power.forms import object_changed
from torch_conformance.conformance.power.gradient_forms import argument_gradient_changed, result_gradient_changed

# Arguments of functions that are built in and tell no signature.
CONVOLUTION = "input weight bias stride padding dilation groups"
TRANSPOSED = "input weight bias stride padding output_padding groups dilation"
LINEAR = "input weight bias"
BILINEAR = "input1 input2 weight bias"
MAX_POOL = "input kernel_size stride padding dilation ceil_mode return_indices"
AVERAGE_POOL = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
ADAPTIVE_POOL = "input output_size return_indices"
SOFTPLUS = "input beta threshold"
SHRINK = "input lambd"
COSINE = "x1 x2 dim eps"
DISTANCE = "x1 x2 p eps keepdim"
ATTENTION = "query key value attn_mask dropout_p is_causal"


class Layer(NamedTuple):
    """A layer as it is called.

    Attributes:
        ignored: Options that a fault ignores.
        gradients: Arguments whose gradient a fault puts off; "result" for the gradient of the result.
        order: Arguments by place, where there is no signature.
        places: Spellings; empty for the function of this name in torch.nn.functional.
    """

    ignored: str = ""
    gradients: str = ""
    order: str = ""
    places: str = ""


LAYERS = {
    "conv1d": Layer("bias stride padding dilation", "input weight bias", CONVOLUTION, "F.conv1d torch.conv1d"),
    "conv2d": Layer("bias stride padding dilation", "input weight bias", CONVOLUTION, "F.conv2d torch.conv2d"),
    "conv3d": Layer("bias stride padding dilation", "input weight bias", CONVOLUTION, "F.conv3d torch.conv3d"),
    **{
        name: Layer(
            "bias stride padding output_padding dilation", "input weight bias", TRANSPOSED, f"F.{name} torch.{name}"
        )
        for name in ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
    },
    "conv_transpose1d_module": Layer("output_size", places="nn.ConvTranspose1d.forward"),
    "conv_transpose2d_module": Layer("output_size", places="nn.ConvTranspose2d.forward"),
    "conv_transpose3d_module": Layer("output_size", places="nn.ConvTranspose3d.forward"),
    "max_pool1d": Layer("stride padding dilation ceil_mode", "result", MAX_POOL),
    "max_pool2d": Layer("stride padding dilation ceil_mode", "result", MAX_POOL),
    "max_pool3d": Layer("stride padding dilation ceil_mode", "result", MAX_POOL),
    "avg_pool1d": Layer("stride padding ceil_mode count_include_pad", "result", AVERAGE_POOL),
    "avg_pool2d": Layer("stride padding ceil_mode count_include_pad divisor_override", "result", AVERAGE_POOL),
    "avg_pool3d": Layer("stride padding ceil_mode count_include_pad divisor_override", "result", AVERAGE_POOL),
    "adaptive_avg_pool1d": Layer("", "result"),
    "adaptive_avg_pool2d": Layer("", "result"),
    "adaptive_avg_pool3d": Layer("", "result"),
    "adaptive_max_pool1d": Layer("", "result"),
    "adaptive_max_pool2d": Layer("", "result"),
    "adaptive_max_pool3d": Layer("", "result"),
    "lp_pool1d": Layer("stride ceil_mode", "result"),
    "lp_pool2d": Layer("stride ceil_mode", "result"),
    "max_unpool1d": Layer("stride padding output_size", "result"),
    "max_unpool2d": Layer("stride padding output_size", "result"),
    "max_unpool3d": Layer("stride padding output_size", "result"),
    "linear": Layer("bias", "input weight bias", LINEAR),
    "bilinear": Layer("bias", "input1 input2 weight bias", BILINEAR),
    "unfold": Layer("dilation padding stride", "result"),
    "fold": Layer("dilation padding stride", "result"),
    "pad": Layer("mode value", "result"),
    "batch_norm": Layer("weight bias momentum eps", "input weight bias"),
    "layer_norm": Layer("weight bias eps", "input weight bias"),
    "rms_norm": Layer("weight eps", "input weight"),
    "group_norm": Layer("weight bias eps", "input weight bias"),
    "instance_norm": Layer("weight bias momentum eps", "input weight bias"),
    "local_response_norm": Layer("alpha beta k", "result"),
    "embedding": Layer("padding_idx max_norm norm_type scale_grad_by_freq", "weight"),
    "embedding_bag": Layer("include_last_offset per_sample_weights padding_idx mode", "weight per_sample_weights"),
    "dropout": Layer("p inplace", "result"),
    "relu": Layer("inplace", "result"),
    "relu6": Layer("inplace", "result"),
    "leaky_relu": Layer("negative_slope inplace", "result"),
    "elu": Layer("alpha inplace", "result"),
    "celu": Layer("alpha inplace", "result"),
    "selu": Layer("inplace", "result"),
    "gelu": Layer("approximate", "result", "input approximate"),
    "silu": Layer("inplace", "result"),
    "mish": Layer("inplace", "result"),
    "softplus": Layer("beta threshold", "result", SOFTPLUS),
    "softsign": Layer("", "result"),
    "tanhshrink": Layer("", "result"),
    "softshrink": Layer("lambd", "result", SHRINK),
    "hardshrink": Layer("lambd", "result", SHRINK),
    "hardtanh": Layer("min_val max_val inplace", "result"),
    "hardsigmoid": Layer("inplace", "result"),
    "hardswish": Layer("inplace", "result"),
    "logsigmoid": Layer("", "result"),
    "threshold": Layer("inplace", "result"),
    "sigmoid_module": Layer("", "result", places="nn.Sigmoid.forward"),
    "tanh_module": Layer("", "result", places="nn.Tanh.forward"),
    "rrelu": Layer("lower upper training inplace", "result"),
    "prelu": Layer("", "input weight", "input weight"),
    "glu": Layer("dim", "result"),
    "softmax": Layer("dtype", "result"),
    "softmin": Layer("dtype", "result"),
    "log_softmax": Layer("dtype", "result"),
    "l1_loss": Layer("size_average reduce reduction", "result"),
    "mse_loss": Layer("reduction", "result"),
    "smooth_l1_loss": Layer("beta reduction", "result"),
    "huber_loss": Layer("delta reduction", "result"),
    "cross_entropy": Layer("weight ignore_index label_smoothing reduction", "result"),
    "nll_loss": Layer("weight ignore_index reduction", "result"),
    "binary_cross_entropy": Layer("weight reduction", "result"),
    "binary_cross_entropy_with_logits": Layer("weight pos_weight reduction", "result"),
    "kl_div": Layer("log_target reduction", "result"),
    "hinge_embedding_loss": Layer("margin reduction", "result"),
    "margin_ranking_loss": Layer("margin reduction", "result"),
    "cosine_embedding_loss": Layer("margin reduction", "result"),
    "triplet_margin_loss": Layer("margin p eps swap reduction", "result"),
    "triplet_margin_with_distance_loss": Layer("distance_function margin swap reduction", "result"),
    "soft_margin_loss": Layer("reduction", "result"),
    "multi_margin_loss": Layer("p margin weight reduction", "result"),
    "multilabel_margin_loss": Layer("reduction", "result"),
    "multilabel_soft_margin_loss": Layer("weight reduction", "result"),
    "poisson_nll_loss": Layer("log_input full eps reduction", "result"),
    "gaussian_nll_loss": Layer("full eps reduction", "input var"),
    "ctc_loss": Layer("blank zero_infinity reduction", "log_probs"),
    "cosine_similarity": Layer("dim eps", "x1 x2", COSINE),
    "pairwise_distance": Layer("p eps keepdim", "x1 x2", DISTANCE),
    "scaled_dot_product_attention": Layer(
        "attn_mask dropout_p is_causal scale", "query key value attn_mask", ATTENTION
    ),
    "multihead_attention": Layer("key_padding_mask", "query key value", places="nn.MultiheadAttention.forward"),
    "encoder_layer": Layer("src_key_padding_mask", "src", places="nn.TransformerEncoderLayer.forward"),
    "decoder_layer": Layer(
        "memory_mask tgt_key_padding_mask memory_key_padding_mask",
        "tgt memory",
        places="nn.TransformerDecoderLayer.forward",
    ),
    "encoder": Layer("src_key_padding_mask", places="nn.TransformerEncoder.forward"),
    "decoder": Layer("memory_mask", places="nn.TransformerDecoder.forward"),
    "transformer": Layer("src_mask memory_key_padding_mask", places="nn.Transformer.forward"),
    "rnn_pack_padded_sequence": Layer("batch_first", "input", places="nn.utils.rnn.pack_padded_sequence"),
    "rnn_pad_sequence": Layer("padding_value padding_side", places="nn.utils.rnn.pad_sequence"),
    "rnn_pad_packed_sequence": Layer("padding_value total_length", places="nn.utils.rnn.pad_packed_sequence"),
    "init_trunc_normal": Layer("mean std a b", places="nn.init.trunc_normal_"),
    "init_xavier_uniform": Layer("gain", places="nn.init.xavier_uniform_"),
    "init_xavier_normal": Layer("gain", places="nn.init.xavier_normal_"),
    "init_kaiming_uniform": Layer("a mode nonlinearity", places="nn.init.kaiming_uniform_"),
    "init_kaiming_normal": Layer("a mode nonlinearity", places="nn.init.kaiming_normal_"),
    "init_orthogonal": Layer("gain", places="nn.init.orthogonal_"),
    "init_sparse": Layer("std", places="nn.init.sparse_"),
    "init_gain": Layer("param", places="nn.init.calculate_gain"),
}
# Modules, an option that each forgets when it is made, and what the option is instead.
FORGOTTEN = {
    "flatten": ("nn.Flatten", "end_dim", -1),
    "avg_pool2d": ("nn.AvgPool2d", "ceil_mode", False),
    "constant_pad1d": ("nn.ConstantPad1d", "value", 0),
    "constant_pad2d": ("nn.ConstantPad2d", "value", 0),
    "constant_pad3d": ("nn.ConstantPad3d", "value", 0),
    "recurrent": ("nn.RNNBase", "batch_first", False),
    "multihead_attention": ("nn.MultiheadAttention", "add_zero_attn", False),
    "encoder_layer": ("nn.TransformerEncoderLayer", "norm_first", False),
    "decoder_layer": ("nn.TransformerDecoderLayer", "norm_first", False),
}
# Mutants that no clause judges yet, with the reason: they are not made, since nothing could catch them.
NOT_JUDGED = {
    ("lp_pool1d", "ceil_mode"): "Windows that ceil_mode cuts short are left out: torch scales their mean.",
    ("lp_pool2d", "ceil_mode"): "Windows that ceil_mode cuts short are left out: torch scales their mean.",
    ("max_unpool1d", "stride"): "Windows lie side by side, as without a stride.",
    ("max_unpool2d", "stride"): "Windows lie side by side, as without a stride.",
    ("max_unpool3d", "stride"): "Windows lie side by side, as without a stride.",
    ("rrelu", "inplace"): "Only results are judged, not that the input holds them.",
    ("triplet_margin_with_distance_loss", "result"): "The clause judges values and refusals.",
}


def _dashed(*words: str) -> str:
    return "-".join(words).replace("_", "-")


for _name, _layer in LAYERS.items():
    _places = _layer.places.split() or [f"F.{_name}"]
    for _option in _layer.ignored.split():
        if (_name, _option) not in NOT_JUDGED:
            option_ignored(
                f"nn-{_dashed(_name, _option)}-ignored",
                f"{_name} ignores {_option}.",
                *_places,
                option=_option,
                order=_layer.order,
            )
    for _argument in _layer.gradients.split():
        if (_name, _argument) in NOT_JUDGED:
            continue
        if _argument == "result":
            result_gradient_changed(
                f"nn-{_dashed(_name)}-gradient-one-percent-off", f"{_name}'s gradient is 1 % off.", *_places
            )
        else:
            argument_gradient_changed(
                f"nn-{_dashed(_name, _argument)}-gradient-one-percent-off",
                f"{_name}'s gradient of {_argument} is 1 % off.",
                *_places,
                argument=_argument,
                order=_layer.order,
            )

for _name, (_module, _option, _value) in FORGOTTEN.items():
    object_changed(
        f"nn-module-{_dashed(_name, _option)}-ignored", f"{_module} forgets {_option}.", f"{_module}.__init__"
    )(lambda self, option=_option, value=_value: setattr(self, option, value))
