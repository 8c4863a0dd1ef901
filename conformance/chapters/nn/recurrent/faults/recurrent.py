"""Faults of recurrent networks and their cells."""

from __future__ import annotations

from typing import Any

import torch
from torch import _VF, Tensor
from torch.nn.modules import rnn
from torch.nn.utils import rnn as packing

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_RNNS = ((_VF, "rnn_tanh"), (_VF, "rnn_relu"))
_LSTM, _GRU = (_VF, "lstm"), (_VF, "gru")
_ALL = (*_RNNS, _LSTM, _GRU)
_BASE = rnn.RNNBase


def _places(arguments: tuple[Any, ...]) -> tuple[int, int]:
    """Return the places of the state and the weights: a packed input comes with its batch sizes before them."""
    state = 1 if isinstance(arguments[2], list | tuple) and isinstance(arguments[3], bool) else 2
    return state, state + 1


def _with(arguments: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*arguments[:place], value, *arguments[place + 1 :])


def _on_weights(arguments: tuple[Any, ...], change: Function) -> tuple[Any, ...]:
    place = _places(arguments)[1]
    return _with(arguments, place, [change(each) for each in arguments[place]])


def _on_state(arguments: tuple[Any, ...], change: Function) -> tuple[Any, ...]:
    place = _places(arguments)[0]
    state = arguments[place]
    return _with(arguments, place, change(state) if isinstance(state, Tensor) else [change(each) for each in state])


def _reordered(self: Any, key: Function) -> None:
    items = sorted(self._parameters.items(), key=key)
    self._parameters.clear()
    self._parameters.update(items)


@bound(
    "recurrent-weights-in-another-order", "Weights of both directions come after all forward ones.", (_BASE, "__init__")
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    _reordered(self, lambda item: item[0].endswith("_reverse") or ("_l1" in item[0] and "hh" in item[0]))


def _biases_first(kind: type) -> Function:
    def answer(f: Function, self: Any, *a: Any, **k: Any) -> None:
        f(self, *a, **k)
        if isinstance(self, kind):
            _reordered(self, lambda item: not item[0].startswith("bias"))

    return answer


for _name, _kind in (("rnn", rnn.RNN), ("lstm", rnn.LSTM), ("gru", rnn.GRU)):
    bound(f"recurrent-{_name}-biases-before-weights", "Biases are listed before weights.", (_BASE, "__init__"))(
        _biases_first(_kind)
    )


@bound("recurrent-batch-first-ignored", "batch_first is forgotten.", (_BASE, "__init__"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    self.batch_first = False


@bound("recurrent-rnn-second-bias-lost", "The Elman network adds bias_ih alone.", *_RNNS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _places(a)[1]
    weights = list(a[place])
    if a[place + 1]:
        weights[3::4] = [torch.zeros_like(each) for each in weights[3::4]]
    return f(*_with(a, place, weights), **k)


@bound("recurrent-rnn-relu-is-tanh", "The Elman network is always a tanh one.", (_VF, "rnn_relu"))
def _(_f: Function, *a: Any, **k: Any) -> Any:
    return torch.rnn_tanh(*a, **k)


@bound("recurrent-rnn-final-layers-swapped", "The final states come in the opposite order of layers.", *_RNNS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h = f(*a, **k)
    return y, h.flip(0)


@bound("recurrent-lstm-state-not-carried-in", "The LSTM begins with a cell of 0, whatever is given.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _places(a)[0]
    return f(*_with(a, place, (a[place][0], torch.zeros_like(a[place][1]))), **k)


@bound("recurrent-lstm-final-cell-is-hidden", "The LSTM's final cell of one layer is the hidden state.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h, c = f(*a, **k)
    return (y, h, h) if h.shape == c.shape else (y, h, c)


def _rows_swapped(weight: Tensor, gates: int) -> Tensor:
    parts = list(weight.chunk(gates))
    parts[0], parts[1] = parts[1], parts[0]
    return torch.cat(parts)


@bound("recurrent-lstm-forget-and-input-swapped", "The LSTM's input and forget gates are swapped.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*_on_weights(a, lambda weight: _rows_swapped(weight, 4)), **k)


@bound("recurrent-gru-reset-and-update-swapped", "The GRU's reset and update gates are swapped.", _GRU)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*_on_weights(a, lambda weight: _rows_swapped(weight, 3)), **k)


@bound("recurrent-gru-directions-swapped", "A bidirectional GRU's output has the reverse direction first.", _GRU)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h = f(*a, **k)
    return (torch.cat(y.chunk(2, -1)[::-1], -1), h) if y.shape[-1] == 2 * h.shape[-1] else (y, h)


@bound("recurrent-gru-unbatched-state-ignored", "A GRU without batch begins at 0.", (rnn.GRU, "forward"))
def _(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    return f(self, x, None if isinstance(x, Tensor) and x.dim() == 2 else hx)


@bound("recurrent-rnn-input-gradient-one-percent-off", "The gradient of the input is 1% large.", *_RNNS)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(changing_gradient(x, lambda g: g * 1.01), *a, **k)


@bound("recurrent-rnn-bias-gradient-lost", "The second bias gets no gradient.", *_RNNS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _places(a)[1]
    weights = list(a[place])
    if a[place + 1]:
        weights[3::4] = [changing_gradient(each, torch.zeros_like) for each in weights[3::4]]
    return f(*_with(a, place, weights), **k)


@bound("recurrent-lstm-weight-gradient-one-percent-off", "The gradient of the LSTM's first weight is 1% large.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _places(a)[1]
    first, *rest = a[place]
    return f(*_with(a, place, [changing_gradient(first, lambda g: g * 1.01), *rest]), **k)


@bound("recurrent-lstm-cell-gradient-lost", "The initial cell gets no gradient from the output.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _places(a)[0]
    return f(*_with(a, place, (a[place][0], changing_gradient(a[place][1], torch.zeros_like))), **k)


@bound("recurrent-gru-state-gradient-lost", "The initial state gets no gradient.", _GRU)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*_on_state(a, lambda state: changing_gradient(state, torch.zeros_like)), **k)


@bound("recurrent-gru-bias-gradient-of-one-sample", "The gradient of the GRU's biases is halved.", _GRU)
def _(f: Function, *a: Any, **k: Any) -> Any:
    def halved(w: Tensor) -> Tensor:
        return changing_gradient(w, lambda g: g / 2) if w.dim() == 1 else w

    return f(*_on_weights(a, halved), **k)


def _always_training(kind: type[rnn.RNNBase]) -> Function:
    def answer(f: Function, self: Any, *a: Any, **k: Any) -> Any:
        if not isinstance(self, kind):
            return f(self, *a, **k)
        was, self.training = self.training, True
        try:
            return f(self, *a, **k)
        finally:
            self.training = was

    return answer


for _name, _kind in (("rnn", rnn.RNN), ("lstm", rnn.LSTM), ("gru", rnn.GRU)):
    bound(f"recurrent-{_name}-drops-in-evaluation", "Dropout acts in evaluation too.", (_kind, "forward"))(
        _always_training(_kind)
    )


def _dropout_place(arguments: tuple[Any, ...]) -> int:
    return _places(arguments)[1] + 3


@bound("recurrent-dropout-ignored", "Recurrent networks never drop.", *_ALL)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*_with(a, _dropout_place(a), 0.0), **k)


@bound("recurrent-dropout-keeps-at-the-rate", "Recurrent networks drop with probability 0.9 p.", *_ALL)
def _(f: Function, *a: Any, **k: Any) -> Any:
    place = _dropout_place(a)
    return f(*_with(a, place, 0.9 * a[place]), **k)


@bound("recurrent-dropout-not-scaled", "What an Elman network keeps is not scaled up.", *_RNNS)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h = f(*a, **k)
    place = _dropout_place(a)
    return (y * (1 - a[place]), h) if a[place] < 1 and a[place + 1] else (y, h)


@bound(
    "recurrent-misfit-raises-type-error",
    "What does not fit raises TypeError.",
    (_BASE, "check_input"),
    (_BASE, "check_hidden_size"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    try:
        return f(*a, **k)
    except Exception as error:
        raise TypeError(str(error)) from error


def _repeats(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    def repeat(state: Tensor) -> Tensor:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        return state.expand(layers, *state.shape[1:]).contiguous() if state.shape[0] == 1 else state

    if isinstance(hx, tuple):
        hx = tuple(repeat(each) for each in hx)
    elif hx is not None:
        hx = repeat(hx)
    return f(self, x, hx)


for _name, _kind in (("rnn", rnn.RNN), ("lstm", rnn.LSTM), ("gru", rnn.GRU)):
    bound(
        f"recurrent-{_name}-state-of-one-row-is-repeated",
        "A state of one layer is accepted for all.",
        (_kind, "forward"),
    )(_repeats)


@bound(
    "recurrent-packed-state-not-permuted",
    "States stay in the batch's order.",
    (rnn, "_apply_permutation"),
    (rnn, "apply_permutation"),
)
def _(_f: Function, state: Tensor, _permutation: Tensor, _dim: int = 1) -> Tensor:
    return state


def _sorted_finals(f: Function, self: Any, x: Any, hx: Any = None) -> Any:
    y, state = f(self, x, hx)
    if isinstance(x, packing.PackedSequence) and x.sorted_indices is not None:
        state = (
            tuple(s.index_select(1, x.sorted_indices) for s in state)
            if isinstance(state, tuple)
            else state.index_select(1, x.sorted_indices)
        )
    return y, state


for _name, _kind in (("rnn", rnn.RNN), ("lstm", rnn.LSTM), ("gru", rnn.GRU)):
    bound(
        f"recurrent-{_name}-packed-finals-in-sorted-order",
        "Final states of packed sequences stay sorted.",
        (_kind, "forward"),
    )(_sorted_finals)


@bound("recurrent-rnn-cell-ignores-nonlinearity", "RNNCell is always a tanh one.", (_VF, "rnn_relu_cell"))
def _(_f: Function, *a: Any, **k: Any) -> Any:
    return torch.rnn_tanh_cell(*a, **k)


@bound(
    "recurrent-rnn-cell-gradient-one-percent-off",
    "The gradient of RNNCell's state is 1% small.",
    (_VF, "rnn_tanh_cell"),
)
def _(f: Function, x: Tensor, hx: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, changing_gradient(hx, lambda g: g * 0.99), *a, **k)


@bound("recurrent-lstm-cell-returns-cell-first", "LSTMCell returns the cell first.", (_VF, "lstm_cell"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    h, c = f(*a, **k)
    return c, h


@bound("recurrent-lstm-cell-state-not-carried", "LSTMCell forgets its cell.", (_VF, "lstm_cell"))
def _(f: Function, x: Tensor, hx: Any, *a: Any, **k: Any) -> Any:
    return f(x, (hx[0], torch.zeros_like(hx[1])), *a, **k)


@bound("recurrent-gru-cell-state-not-carried", "GRUCell begins at 0.", (_VF, "gru_cell"))
def _(f: Function, x: Tensor, hx: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, torch.zeros_like(hx), *a, **k)


@bound("recurrent-gru-cell-second-bias-lost", "GRUCell adds bias_ih alone.", (_VF, "gru_cell"))
def _(f: Function, x: Tensor, hx: Tensor, wi: Tensor, wh: Tensor, bi: Any, bh: Any) -> Any:
    return f(x, hx, wi, wh, bi, None if bh is None else torch.zeros_like(bh))


@bound("recurrent-lstm-projection-doubled", "The projection of the last layer is doubled.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y, h, c = f(*a, **k)
    return (2 * y, h, c) if h.shape != c.shape else (y, h, c)


@bound("recurrent-lstm-projection-gradient-lost", "The projection's weight gets half its gradient.", _LSTM)
def _(f: Function, *a: Any, **k: Any) -> Any:
    rows = a[_places(a)[1]][0].shape[0] // 4

    def halved(w: Tensor) -> Tensor:
        return changing_gradient(w, lambda g: g / 2) if w.dim() == 2 and w.shape[0] < rows else w

    return f(*_on_weights(a, halved), **k)


@bound("recurrent-wide-projection-accepted", "proj_size is cut to what is allowed.", (rnn.LSTM, "__init__"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **{**k, "proj_size": 0} if k.get("proj_size") else k)
