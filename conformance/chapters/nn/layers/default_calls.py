"""Calls that leave options out, each beside the same call with the documented defaults written out.

The operands are such that another value of any of the options would show.
"""

from __future__ import annotations

# Defines the operands of the calls, of few-bit numbers, and compares results bit by bit.
OPERANDS = """
def drawn(*size): return (torch.randint(-16, 17, size, generator=source) / 8).to(device=device, dtype=dtype)
source = torch.Generator().manual_seed(seed)
x1, x2, x3 = drawn(2, 4, 7), drawn(2, 4, 5, 6), drawn(2, 4, 5, 4, 3)
w1, w2, w3 = drawn(4, 4, 3), drawn(4, 4, 2, 3), drawn(4, 4, 2, 3, 2)
m, v = drawn(4), drawn(4).abs() + 0.5
rows, table, pairs = torch.randint(0, 6, (3, 4), generator=source).to(device), drawn(6, 3), drawn(5, 3)
classes, signs = torch.tensor([0, 2, 1, 1, 2], device=device), torch.tensor([1, -1, 1, -1, -1], device=device)
other, third, shares = drawn(5, 3), drawn(5, 3), drawn(5, 3).abs() / 2.125 + 0.03125
some, labels = classes.where(classes < 2, classes * 0 - 100), torch.tensor([[1, -1, 0]], device=device).repeat(3, 1)
q, k, s = drawn(2, 3, 4), drawn(2, 5, 4), drawn(2, 5, 4)
kept = [each.clone() for each in (x1, x2, x3, table, pairs, other)]
def alike(a, b):
    if isinstance(a, (tuple, list)): return len(a) == len(b) and all(map(alike, a, b))
    if not isinstance(a, torch.Tensor): return a == b
    return a.dtype == b.dtype and a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
def seeded(call):
    torch.manual_seed(seed)
    return call()
"""

_F = "torch.nn.functional."

# Function, what is always given, and the options' defaults.
FUNCTIONS: tuple[tuple[str, str, str], ...] = (
    *(("conv1d", "x1, w1", "None, 1, 0, 1, 1"), ("conv2d", "x2, w2", "None, (1, 1), (0, 0), (1, 1), 1")),
    *(("conv3d", "x3, w3", "None, 1, 0, 1, 1"), ("conv_transpose1d", "x1, w1", "None, 1, 0, 0, 1, 1")),
    *(
        ("conv_transpose2d", "x2, w2", "None, 1, 0, 0, 1, 1"),
        ("conv_transpose3d", "x3, w3", "None, 1, 0, 0, 1, 1"),
    ),
    *(("linear", "x1, x1[0]", "None"), ("bilinear", "x1, x1, x1.new_ones(2, 7, 7)", "None")),
    *(("unfold", "x2, 2", "1, 0, 1"), ("fold", "x2.reshape(2, 12, 10), (6, 3), 2", "1, 0, 1")),
    *(("max_pool1d", "x1, 3", "3, 0, 1, False, False"), ("max_pool2d", "x2, 2", "2, 0, 1, False, False")),
    *(
        ("max_pool3d", "x3, 2", "2, 0, 1, False, False"),
        ("avg_pool1d", "x1[..., :6], 3, padding=1", "stride=3, ceil_mode=False, count_include_pad=True"),
    ),
    *(("avg_pool2d", "x2, 4, padding=1", "stride=4, ceil_mode=False, count_include_pad=True, divisor_override=None"),),
    *(("avg_pool3d", "x3, 3, padding=1", "stride=3, ceil_mode=False, count_include_pad=True, divisor_override=None"),),
    *(("lp_pool1d", "x1.abs(), 2.0, 3", "3, False"), ("lp_pool2d", "x2.abs(), 2.0, 2", "2, False")),
    *(("adaptive_max_pool1d", "x1, 3", "False"), ("adaptive_max_pool2d", "x2, 3", "False")),
    ("max_unpool1d", "x1[..., :3] + 4, rows[:2, :3].sort().values[:, None].expand(2, 4, 3), 2", "2, 0, None"),
    ("batch_norm", "x2, m, v", "None, None, False, 0.1, 1e-5"),
    ("instance_norm", "x2", "None, None, None, None, True, 0.1, 1e-5"),
    *(("layer_norm", "x1 / 64, (7,)", "None, None, 1e-5"), ("group_norm", "x2 / 64, 2", "None, None, 1e-5")),
    ("local_response_norm", "x2 * 8, 3", "1e-4, 0.75, 1.0"),
    *(("normalize", "x2", "2.0, 1, 1e-12, None"), ("normalize", "x2 * 2.0**-50", "eps=1e-12")),
    *(("pad", "x1, (1, 2)", "'constant', None"), ("pad", "x1, (2, 1)", "value=0.0")),
    ("interpolate", "x2, (8, 9)", "None, 'nearest', None, None, False"),
    ("interpolate", "x2, (8, 9), mode='bilinear'", "align_corners=False, antialias=False"),
    ("embedding", "rows, table", "None, None, 2.0, False, False"),
    ("embedding", "rows, table.clone(), max_norm=1.0", "norm_type=2.0"),
    ("embedding_bag", "rows, table", "None, None, 2.0, False, 'mean', False, None, False, None"),
    ("embedding_bag", "rows, table.clone(), max_norm=1.0", "norm_type=2.0"),
    *(("dropout", "x2", "0.5, True, False"), ("dropout1d", "x1", "0.5, True, False")),
    *(("dropout2d", "x2", "0.5, True, False"), ("dropout3d", "x3", "0.5, True, False")),
    *(("alpha_dropout", "x2", "0.5, False, False"), ("feature_alpha_dropout", "x2", "0.5, False, False")),
    ("alpha_dropout", "x2, training=True", "p=0.5, inplace=False"),
    *(("celu", "x1", "1.0, False"), ("elu", "x1", "1.0, False"), ("leaky_relu", "x1", "0.01, False")),
    *(("hardtanh", "x1", "-1.0, 1.0, False"), ("softplus", "x1 * 16", "1, 20"), ("softshrink", "x1", "0.5")),
    *(("hardshrink", "x1", "0.5"), ("glu", "x2", "-1"), ("gelu", "x1", "approximate='none'"), ("relu", "x1", "False")),
    *(("rrelu", "x1", "1 / 8, 1 / 3, False, False"), ("rrelu", "x1, training=True", "lower=1 / 8, upper=1 / 3")),
    *(("gumbel_softmax", "x1", "tau=1, hard=False, dim=-1"), ("selu", "x1", "False"), ("silu", "x1", "False")),
    *(
        ("cosine_similarity", "x2, x2.flip(2)", "1, 1e-8"),
        ("cosine_similarity", "x2 * 2.0**-40, x2", "eps=1e-8"),
        ("pairwise_distance", "x1, x1.flip(1)", "2.0, 1e-6, False"),
    ),
    *(("pdist", "pairs", "2.0"), ("one_hot", "rows", "-1")),
    ("cross_entropy", "pairs, some", "None, None, -100, None, 'mean', 0.0"),
    ("nll_loss", "pairs, some", "None, None, -100, None, 'mean'"),
    ("binary_cross_entropy", "shares, shares.flip(0)", "None, None, None, 'mean'"),
    ("binary_cross_entropy_with_logits", "pairs, shares", "None, None, None, 'mean', None"),
    *(("kl_div", "pairs, shares", "None, None, 'mean', False"), ("l1_loss", "pairs, other", "None, None, 'mean'")),
    *(("mse_loss", "pairs, other", "None, None, 'mean'"), ("huber_loss", "pairs, other", "'mean', 1.0")),
    ("smooth_l1_loss", "pairs, other", "None, None, 'mean', 1.0"),
    ("soft_margin_loss", "pairs[:, 0], signs", "None, None, 'mean'"),
    ("poisson_nll_loss", "pairs, shares * 8", "True, False, None, 1e-8, None, 'mean'"),
    ("poisson_nll_loss", "pairs.clamp(min=0), shares * 8, log_input=False", "full=False, eps=1e-8, reduction='mean'"),
    ("gaussian_nll_loss", "pairs, other, shares.where(shares > 0.25, shares * 0)", "False, 1e-6, 'mean'"),
    ("hinge_embedding_loss", "pairs[:, 0], signs", "1.0, None, None, 'mean'"),
    ("margin_ranking_loss", "pairs[:, 0], other[:, 0], signs", "0, None, None, 'mean'"),
    ("cosine_embedding_loss", "pairs, other, signs", "0, None, None, 'mean'"),
    ("triplet_margin_loss", "pairs, other, third", "1.0, 2, 1e-6, False, None, None, 'mean'"),
    (
        "triplet_margin_with_distance_loss",
        "pairs, other, third",
        "distance_function=torch.nn.functional.pairwise_distance, margin=1.0, swap=False, reduction='mean'",
    ),
    ("multi_margin_loss", "pairs, classes", "1, 1.0, None, None, None, 'mean'"),
    ("multilabel_margin_loss", "pairs[:3], labels", "None, None, 'mean'"),
    ("multilabel_soft_margin_loss", "pairs, shares.round()", "None, None, None, 'mean'"),
    (
        "ctc_loss",
        "x2[0].log_softmax(-1), classes[:4].repeat(5, 1)[:, :2] + 1, (4,) * 5, (2,) * 5",
        "0, 'mean', False",
    ),
    (
        "ctc_loss",
        "x2[0].log_softmax(-1), classes[:4].repeat(5, 1)[:, :2] + 1, (4, 1, 4, 4, 4), (2,) * 5",
        "zero_infinity=False",
    ),
    ("scaled_dot_product_attention", "q, k, s", "None, 0.0, False"),
)

# What a call of FUNCTIONS may change besides, and what it leaves there.
UPDATES = (
    (
        f"{_F}batch_norm(x2, (a := m.clone()), (b := v.clone()), training=True), a, b",
        f"{_F}batch_norm(x2, (a := m.clone()), (b := v.clone()), None, None, True, 0.1, 1e-5), a, b",
    ),
    (
        f"{_F}instance_norm(x2, (a := m.clone()), (b := v.clone())), a, b",
        f"{_F}instance_norm(x2, (a := m.clone()), (b := v.clone()), None, None, True, 0.1, 1e-5), a, b",
    ),
)

# Module, what is always given, the options' defaults, and what it is called with.
MODULES: tuple[tuple[str, str, str, str], ...] = (
    ("Linear", "7, 3", "True", "x1"),
    ("Bilinear", "7, 7, 2", "True", "x1, x1"),
    ("Conv1d", "4, 3, 3", "1, 0, 1, 1, True, 'zeros'", "x1"),
    ("Conv2d", "4, 3, 3", "1, 0, 1, 1, True, 'zeros'", "x2"),
    ("Conv3d", "4, 3, 2", "1, 0, 1, 1, True, 'zeros'", "x3"),
    ("ConvTranspose1d", "4, 3, 3", "1, 0, 0, 1, True, 1, 'zeros'", "x1"),
    ("ConvTranspose2d", "4, 3, 3", "1, 0, 0, 1, True, 1, 'zeros'", "x2"),
    ("ConvTranspose3d", "4, 3, 2", "1, 0, 0, 1, True, 1, 'zeros'", "x3"),
    *(("Unfold", "2", "1, 0, 1", "x2"), ("Fold", "(6, 3), 2", "1, 0, 1", "x2.reshape(2, 12, 10)")),
    *(("Flatten", "", "1, -1", "x2"), ("MaxPool1d", "3", "3, 0, 1, False, False", "x1")),
    *(("MaxPool2d", "2", "2, 0, 1, False, False", "x2"), ("MaxPool3d", "2", "2, 0, 1, False, False", "x3")),
    *(("AvgPool1d", "3, padding=1", "stride=3, ceil_mode=False, count_include_pad=True", "x1[..., :6]"),),
    (
        *("AvgPool2d", "4, padding=1"),
        *("stride=4, ceil_mode=False, count_include_pad=True, divisor_override=None", "x2"),
    ),
    (
        *("AvgPool3d", "3, padding=1"),
        *("stride=3, ceil_mode=False, count_include_pad=True, divisor_override=None", "x3"),
    ),
    *(("LPPool1d", "2.0, 3", "3, False", "x1.abs()"), ("LPPool2d", "2.0, 2", "2, False", "x2.abs()")),
    *(("AdaptiveMaxPool1d", "3", "False", "x1"), ("AdaptiveMaxPool2d", "3", "False", "x2")),
    ("BatchNorm1d", "4", "1e-5, 0.1, True, True", "x1"),
    ("BatchNorm2d", "4", "1e-5, 0.1, True, True", "x2"),
    ("BatchNorm3d", "4", "1e-5, 0.1, True, True", "x3"),
    ("InstanceNorm1d", "4", "1e-5, 0.1, False, False", "x1 / 64"),
    ("InstanceNorm2d", "4", "1e-5, 0.1, False, False", "x2 / 64"),
    ("InstanceNorm3d", "4", "1e-5, 0.1, False, False", "x3 / 64"),
    *(("LayerNorm", "7", "1e-5, True", "x1 / 64"), ("GroupNorm", "2, 4", "1e-5, True", "x2 / 64")),
    *(("LocalResponseNorm", "3", "1e-4, 0.75, 1.0", "x2 * 8"), ("CrossMapLRN2d", "3", "1e-4, 0.75, 1.0", "x2 * 8")),
    *(("Upsample", "(8, 9)", "None, 'nearest', None, None", "x2"),),
    ("Upsample", "(8, 9), mode='bilinear'", "align_corners=False", "x2"),
    ("Embedding", "6, 3", "None, None, 2.0, False, False", "rows"),
    ("Embedding", "6, 3, max_norm=1.0", "norm_type=2.0", "rows"),
    ("EmbeddingBag", "6, 3, max_norm=1.0", "norm_type=2.0", "rows"),
    ("EmbeddingBag", "6, 3", "None, 2.0, False, 'mean', False, None, False, None", "rows"),
    *(("Dropout", "", "0.5, False", "x2"), ("Dropout1d", "", "0.5, False", "x1")),
    *(("Dropout2d", "", "0.5, False", "x2"), ("Dropout3d", "", "0.5, False", "x3")),
    *(("AlphaDropout", "", "0.5, False", "x2"), ("FeatureAlphaDropout", "", "0.5, False", "x2")),
    *(("CELU", "", "1.0, False", "x1"), ("ELU", "", "1.0, False", "x1"), ("LeakyReLU", "", "0.01, False", "x1")),
    *(("Hardtanh", "", "-1.0, 1.0, False", "x1"), ("Softplus", "", "1, 20", "x1 * 16")),
    *(("Softshrink", "", "0.5", "x1"), ("Hardshrink", "", "0.5", "x1"), ("GLU", "", "-1", "x2")),
    *(("GELU", "", "'none'", "x1"), ("RReLU", "", "1 / 8, 1 / 3, False", "x1"), ("PReLU", "", "1, 0.25", "x1")),
    ("CosineSimilarity", "", "1, 1e-8", "x2, x2.flip(2)"),
    ("CosineSimilarity", "", "eps=1e-8", "x2 * 2.0**-40, x2"),
    ("PairwiseDistance", "", "2.0, 1e-6, False", "x1, x1.flip(1)"),
    ("CrossEntropyLoss", "", "None, None, -100, None, 'mean', 0.0", "pairs, some"),
    ("NLLLoss", "", "None, None, -100, None, 'mean'", "pairs, some"),
    ("BCELoss", "", "None, None, None, 'mean'", "shares, shares.flip(0)"),
    ("BCEWithLogitsLoss", "", "None, None, None, 'mean', None", "pairs, shares"),
    ("KLDivLoss", "", "None, None, 'mean', False", "pairs, shares"),
    *(("L1Loss", "", "None, None, 'mean'", "pairs, other"), ("MSELoss", "", "None, None, 'mean'", "pairs, other")),
    *(
        ("HuberLoss", "", "'mean', 1.0", "pairs, other"),
        ("SmoothL1Loss", "", "None, None, 'mean', 1.0", "pairs, other"),
    ),
    ("SoftMarginLoss", "", "None, None, 'mean'", "pairs[:, 0], signs"),
    ("PoissonNLLLoss", "", "True, False, None, 1e-8, None, 'mean'", "pairs, shares * 8"),
    ("GaussianNLLLoss", "", "full=False, eps=1e-6, reduction='mean'", "pairs, other, shares * (shares > 0.25)"),
    ("HingeEmbeddingLoss", "", "1.0, None, None, 'mean'", "pairs[:, 0], signs"),
    ("MarginRankingLoss", "", "0.0, None, None, 'mean'", "pairs[:, 0], other[:, 0], signs"),
    ("CosineEmbeddingLoss", "", "0.0, None, None, 'mean'", "pairs, other, signs"),
    ("TripletMarginLoss", "", "1.0, 2.0, 1e-6, False, None, None, 'mean'", "pairs, other, third"),
    (
        *("TripletMarginWithDistanceLoss", ""),
        *("distance_function=None, margin=1.0, swap=False, reduction='mean'", "pairs, other, third"),
    ),
    ("MultiMarginLoss", "", "1, 1.0, None, None, None, 'mean'", "pairs, classes"),
    ("MultiLabelMarginLoss", "", "None, None, 'mean'", "pairs[:3], labels"),
    ("MultiLabelSoftMarginLoss", "", "None, None, None, 'mean'", "pairs, shares.round()"),
    (
        *("CTCLoss", "", "0, 'mean', False"),
        "x2[0].log_softmax(-1), classes[:4].repeat(5, 1)[:, :2] + 1, (4,) * 5, (2,) * 5",
    ),
)

# The same of modules with a state, or with attention.
NETWORKS: tuple[tuple[str, str, str, str], ...] = (
    (
        *("RNN", "7, 3"),
        *("num_layers=1, nonlinearity='tanh', bias=True, batch_first=False, dropout=0.0, bidirectional=False", "x1"),
    ),
    ("LSTM", "7, 3", "1, True, False, 0.0, False, 0", "x1"),
    ("GRU", "7, 3", "1, True, False, 0.0, False", "x1"),
    *(("RNN", "7, 3, 2", "dropout=0.0", "x1"), ("LSTM", "7, 3, 2", "dropout=0.0", "x1")),
    ("GRU", "7, 3, 2", "dropout=0.0", "x1"),
    ("RNNCell", "7, 3", "True, 'tanh'", "x1[0]"),
    ("LSTMCell", "7, 3", "True", "x1[0]"),
    ("GRUCell", "7, 3", "True", "x1[0]"),
    ("MultiheadAttention", "4, 2", "0.0, True, False, False, None, None, False", "q, q, q"),
    (
        *("TransformerEncoderLayer", "4, 2"),
        *("2048, 0.1, torch.nn.functional.relu, 1e-5, False, False", "q"),
    ),
    ("TransformerDecoderLayer", "4, 2", "2048, 0.1, torch.nn.functional.relu, 1e-5, False, False", "q, q"),
    (
        *("Transformer", "4, 2, 1, 1"),
        *("2048, 0.1, torch.nn.functional.relu, None, None, 1e-5, False, False", "q, q"),
    ),
    ("TransformerEncoder", "torch.nn.TransformerEncoderLayer(4, 2, 5, 0.0), 2", "None, True, True", "q"),
    ("TransformerDecoder", "torch.nn.TransformerDecoderLayer(4, 2, 5, 0.0), 2", "None", "q, q"),
)

# The same of calls of these modules.
CALLS: tuple[tuple[str, str, str], ...] = (
    ("MultiheadAttention(4, 2)", "q, q, q", "None, True, None, True, False"),
    ("TransformerEncoderLayer(4, 2, 5)", "q", "None, None, False"),
    ("TransformerDecoderLayer(4, 2, 5)", "q, q", "None, None, None, None, False, False"),
    ("Transformer(4, 2, 1, 1, 5)", "q, q", "None, None, None, None, None, None"),
    ("LSTM(7, 3)", "x1", "None"),
    ("GRU(7, 3)", "x1", "torch.zeros(1, 4, 3, device=device, dtype=dtype)"),
)
