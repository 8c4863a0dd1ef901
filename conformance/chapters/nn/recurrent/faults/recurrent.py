"""Faults of recurrent networks and their cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from torch_conformance.conformance.power.argument_forms import arguments_set
from torch_conformance.conformance.power.damage import off, scaled
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    attributes_held,
    input_changed,
    object_changed,
    replaced,
)
from torch_conformance.conformance.power.gradient_forms import gradient_changed, with_gradient
from torch_conformance.conformance.power.registry import Function

_RNNS, _LSTM, _GRU = ("_VF.rnn_tanh", "_VF.rnn_relu"), "_VF.lstm", "_VF.gru"
_INIT = "nn.RNNBase.__init__"
_KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
_NAMES = ("state", "weights", "biased", "layers", "dropout", "training")


def _first(arguments: tuple[Any, ...]) -> int:
    """Return the place of a kernel's state: a packed input comes with its batch sizes before it."""
    return 1 if isinstance(arguments[2], list | tuple) and isinstance(arguments[3], bool) else 2


def _given(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """Return by name what a kernel is given besides its input."""
    return dict(zip(_NAMES, arguments[_first(arguments) :], strict=False))


def _kernel_given(name: str, summary: str, *places: str) -> Callable[[Answer], Answer]:
    """Register the decorated `values(given)`: what a kernel is given besides its input that is other."""

    def register(values: Answer) -> Answer:
        def answer(f: Function, *a: Any, **k: Any) -> Any:
            first, given = _first(a), _given(a)
            return f(*a[:first], *(given | values(given)).values(), *a[first + len(_NAMES) :], **k)

        replaced(name, summary, *places)(answer)
        return values

    return register


def _second_biases(weights: Any, change: Function) -> list[Tensor]:
    """Return weights of which each fourth, a bias_hh, is changed."""
    changed = list(weights)
    changed[3::4] = [change(each) for each in changed[3::4]]
    return changed


def _lost(x: Tensor) -> Any:
    return with_gradient(x, torch.zeros_like)


def _halved(x: Tensor) -> Any:
    return with_gradient(x, scaled(1 / 2))


def _gates_swapped(weights: Any, gates: int) -> list[Tensor]:
    """Return weights whose rows of the first two gates are swapped."""
    return [torch.cat([parts[1], parts[0], *parts[2:]]) for parts in (each.chunk(gates) for each in weights)]


def _order_of_parameters(self: Any, key: Function) -> None:
    items = sorted(self._parameters.items(), key=key)
    self._parameters.clear()
    self._parameters.update(items)


object_changed("recurrent-weights-in-another-order", "Reverse weights come after all forward ones.", _INIT)(
    lambda self: _order_of_parameters(
        self, lambda item: item[0].endswith("_reverse") or ("_l1" in item[0] and "hh" in item[0])
    )
)


def _biases_first(kind: type) -> Function:
    def change(self: Any) -> None:
        if isinstance(self, kind):
            _order_of_parameters(self, lambda item: not item[0].startswith("bias"))

    return change


def _repeating_state(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    layers = self.num_layers * (2 if self.bidirectional else 1)

    def repeated(state: Tensor) -> Tensor:
        return state.expand(layers, *state.shape[1:]).contiguous() if state.shape[0] == 1 else state

    return f(self, x, tuple(map(repeated, hx)) if isinstance(hx, tuple) else hx if hx is None else repeated(hx))


def _sorted_finals(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    y, state = f(self, x, hx)
    if not isinstance(x, PackedSequence) or x.sorted_indices is None:
        return y, state
    several = isinstance(state, tuple)
    sorted_states = tuple(each.index_select(1, x.sorted_indices) for each in (state if several else (state,)))
    return y, sorted_states if several else sorted_states[0]


for _name, _kind in _KINDS.items():
    _forward = f"nn.{_kind.__name__}.forward"
    object_changed(f"recurrent-{_name}-biases-before-weights", "Biases are listed before weights.", _INIT)(
        _biases_first(_kind)
    )
    attributes_held(f"recurrent-{_name}-drops-in-evaluation", "Dropout acts in evaluation too.", _forward)(
        lambda _: {"training": True}
    )
    replaced(f"recurrent-{_name}-state-of-one-row-is-repeated", "A state of one layer is taken for all.", _forward)(
        _repeating_state
    )
    replaced(f"recurrent-{_name}-packed-finals-in-sorted-order", "Packed final states stay sorted.", _forward)(
        _sorted_finals
    )

_kernel_given("recurrent-rnn-second-bias-lost", "The Elman network adds bias_ih alone.", *_RNNS)(
    lambda given: {"weights": _second_biases(given["weights"], torch.zeros_like)} if given["biased"] else {}
)
_kernel_given("recurrent-rnn-bias-gradient-lost", "The second bias gets no gradient.", *_RNNS)(
    lambda given: {"weights": _second_biases(given["weights"], _lost)} if given["biased"] else {}
)
_kernel_given("recurrent-lstm-state-not-carried-in", "The LSTM begins with a cell of 0.", _LSTM)(
    lambda given: {"state": (given["state"][0], torch.zeros_like(given["state"][1]))}
)
_kernel_given("recurrent-lstm-cell-gradient-lost", "The LSTM's initial cell gets no gradient.", _LSTM)(
    lambda given: {"state": (given["state"][0], _lost(given["state"][1]))}
)
_kernel_given("recurrent-gru-state-gradient-lost", "The GRU's initial state gets no gradient.", _GRU)(
    lambda given: {"state": _lost(given["state"])}
)
_kernel_given("recurrent-lstm-forget-and-input-swapped", "The LSTM's first two gates are swapped.", _LSTM)(
    lambda given: {"weights": _gates_swapped(given["weights"], 4)}
)
_kernel_given("recurrent-gru-reset-and-update-swapped", "The GRU's first two gates are swapped.", _GRU)(
    lambda given: {"weights": _gates_swapped(given["weights"], 3)}
)
_kernel_given("recurrent-lstm-weight-gradient-one-percent-off", "The LSTM's first weight's gradient is off.", _LSTM)(
    lambda given: {"weights": [with_gradient(given["weights"][0], off), *given["weights"][1:]]}
)
_kernel_given("recurrent-gru-bias-gradient-of-one-sample", "The gradient of the GRU's biases is halved.", _GRU)(
    lambda given: {"weights": [_halved(each) if each.dim() == 1 else each for each in given["weights"]]}
)
_kernel_given("recurrent-dropout-ignored", "Recurrent networks never drop.", *_RNNS, _LSTM, _GRU)(
    lambda _: {"dropout": 0.0}
)
_kernel_given("recurrent-dropout-keeps-at-the-rate", "Networks drop with probability 0.9 p.", *_RNNS, _LSTM, _GRU)(
    lambda given: {"dropout": 0.9 * given["dropout"]}
)


@_kernel_given("recurrent-lstm-projection-gradient-lost", "The projection's weight gets half its gradient.", _LSTM)
def _(given: dict[str, Any]) -> dict[str, Any]:
    rows = given["weights"][0].shape[0] // 4
    return {"weights": [_halved(w) if w.dim() == 2 and w.shape[0] < rows else w for w in given["weights"]]}


@replaced("recurrent-dropout-not-scaled", "What an Elman network keeps is not scaled up.", *_RNNS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h = f(*a, **k)
    given = _given(a)
    return (y * (1 - given["dropout"]), h) if given["dropout"] < 1 and given["training"] else (y, h)


gradient_changed("recurrent-rnn-input-gradient-one-percent-off", "The gradient of the input is 1% large.", *_RNNS)
answer_changed("recurrent-rnn-final-layers-swapped", "Final states come in the opposite order of layers.", *_RNNS)(
    lambda result, *_a, **_k: (result[0], result[1].flip(0))
)
answer_changed("recurrent-lstm-final-cell-is-hidden", "The LSTM's final cell is the hidden state.", _LSTM)(
    lambda result, *_a, **_k: (*result[:2], result[1]) if result[1].shape == result[2].shape else None
)
answer_changed("recurrent-lstm-projection-doubled", "The projection of the last layer is doubled.", _LSTM)(
    lambda result, *_a, **_k: (2 * result[0], *result[1:]) if result[1].shape != result[2].shape else None
)


@answer_changed("recurrent-gru-directions-swapped", "A bidirectional GRU's reverse direction comes first.", _GRU)
def _(result: Any, *_a: Any, **_k: Any) -> Any:
    y, h = result
    return (torch.cat(y.chunk(2, -1)[::-1], -1), h) if y.shape[-1] == 2 * h.shape[-1] else None


arguments_set("recurrent-gru-unbatched-state-ignored", "A GRU without batch begins at 0.", "nn.GRU.forward")(
    lambda given: {"hx": None} if isinstance(given["input"], Tensor) and given["input"].dim() == 2 else {}
)
replaced("recurrent-wide-projection-accepted", "proj_size is cut to what is allowed.", "nn.LSTM.__init__")(
    lambda f, self, *a, **k: f(self, *a, **(k | {"proj_size": 0} if k.get("proj_size") else k))
)
replaced(
    "recurrent-packed-state-not-permuted",
    "States stay in the batch's order.",
    "nn.modules.rnn._apply_permutation",
    "nn.modules.rnn.apply_permutation",
)(lambda _f, state, *_a, **_k: state)


@replaced(
    "recurrent-misfit-raises-type-error",
    "What does not fit raises TypeError.",
    "nn.RNNBase.check_input",
    "nn.RNNBase.check_hidden_size",
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    try:
        return f(*a, **k)
    except Exception as error:
        raise TypeError(str(error)) from error


replaced("recurrent-rnn-relu-is-tanh", "The Elman network is always a tanh one.", "_VF.rnn_relu")(
    lambda _f, *a, **k: torch.rnn_tanh(*a, **k)
)
replaced("recurrent-rnn-cell-ignores-nonlinearity", "RNNCell is always a tanh one.", "_VF.rnn_relu_cell")(
    lambda _f, *a, **k: torch.rnn_tanh_cell(*a, **k)
)
gradient_changed(
    "recurrent-rnn-cell-gradient-one-percent-off",
    "The gradient of RNNCell's state is 1% small.",
    "_VF.rnn_tanh_cell",
    change=scaled(0.99),
    which=1,
)
answer_changed("recurrent-lstm-cell-returns-cell-first", "LSTMCell returns the cell first.", "_VF.lstm_cell")(
    lambda result, *_a, **_k: (result[1], result[0])
)
replaced("recurrent-lstm-cell-state-not-carried", "LSTMCell forgets its cell.", "_VF.lstm_cell")(
    lambda f, x, hx, *a, **k: f(x, (hx[0], torch.zeros_like(hx[1])), *a, **k)
)
input_changed(
    "recurrent-gru-cell-state-not-carried", "GRUCell begins at 0.", "_VF.gru_cell", change=torch.zeros_like, which=1
)
input_changed(
    "recurrent-gru-cell-second-bias-lost",
    "GRUCell adds bias_ih alone.",
    "_VF.gru_cell",
    change=torch.zeros_like,
    which=5,
)
