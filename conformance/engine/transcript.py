"""Turn a failing trial into a stand-alone script that needs torch and NumPy only.

A script that shows the deviation ends with a line that begins with `MARK`, and exit code 1. It raises by itself: an
assert would be silent under `python -O`, and any other error would look the same.
"""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.comparison import Rule, interval
from torch_conformance.conformance.engine.literals import array_source, source
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

MARK = "deviation: "
_DEVIATION = ["def deviation(what):", f'    raise SystemExit(f"{MARK}{{what}}")', ""]


def preamble(clause: str, statement: str, url: str, device: str, inputs: Mapping[str, Any]) -> list[str]:
    """Return the head of the script: what it shows, imports, device, inputs."""
    head = [f"# {clause}", *(f"# {line}" for line in textwrap.wrap(statement, 100)), f"# {url}"]
    body = [f"{name} = {source(value)}" for name, value in inputs.items()]
    imports = ["import numpy as np", "import torch", ""]
    return [*head, *imports, *_DEVIATION, f'device = torch.device("{device}")', *body, ""]


def assemble(head: Sequence[str], lines: Sequence[str], judgement: Sequence[str]) -> str:
    """Return the script: head, statements that ran, and the judgement that failed."""
    text = "\n".join([*head, *lines, *judgement, ""])
    if "zlib." in text:
        text = text.replace("import numpy as np\n", "import base64\nimport zlib\n\nimport numpy as np\n", 1)
    return text


def expectation(expression: str, expected: Array | Strided, dtype: str, rule: Rule) -> list[str]:
    """Return the lines that check dtype, shape and values of an expression."""
    array = expected.array if isinstance(expected, Strided) else expected
    lines = [
        f"observed = {expression}",
        f"if observed.dtype != torch.{dtype}:",
        f'    deviation(f"dtype {{observed.dtype}}, expected torch.{dtype}")',
        f"if tuple(observed.shape) != {tuple(array.shape)}:",
        f'    deviation(f"shape {{tuple(observed.shape)}}, expected {tuple(array.shape)}")',
    ]
    if dtypes.is_complex(dtype):
        lines += ["observed = torch.view_as_real(observed.detach().resolve_conj().cpu())"]
        array = np.stack([array.real, array.imag], axis=-1)
        if np.ndim(rule.absolute):
            rule = dataclasses.replace(rule, absolute=np.asarray(rule.absolute)[..., None])
        dtype = "float32" if dtype == "complex64" else "float64"
    if dtype == "bfloat16":
        lines += ["values = observed.detach().cpu().float().numpy()"]
    else:
        lines += ["values = observed.detach().cpu().numpy()"]
    return [*lines, *_comparison(array, dtype, rule)]


def _comparison(array: Array, dtype: str, rule: Rule) -> list[str]:
    exact = "" if rule.is_exact else " | (expected != 0)"
    zero = f" & ((values != 0){exact} | (np.signbit(values) == np.signbit(expected)))"
    floating = dtypes.is_floating(dtype)
    lines = [f"expected = {array_source(array)}"]
    if rule.is_exact:
        lines += ["good = values == expected"]
    else:
        accepted = interval(array, dtype, rule)
        with np.errstate(over="ignore"):
            low, high = (np.asarray(end).astype(np.float64) for end in (accepted.low, accepted.high))
        lines += [
            f"low = {array_source(np.nextafter(low, -np.inf) if dtype == 'float64' else low)}",
            f"high = {array_source(np.nextafter(high, np.inf) if dtype == 'float64' else high)}",
            "good = (low <= values) & (values <= high)",
        ]
        if floating:
            top = f"torch.finfo(torch.{dtype}).max"
            lines += [f"good |= np.isinf(values) & (np.where(values > 0, high, -low) > {top})"]
    if floating:
        if rule.signed_zero:
            lines += [f"good = good{zero}"]
        lines += ["good = good | (np.isnan(values) & np.isnan(expected))"]
    return [
        *lines,
        "bad = np.argwhere(~np.asarray(good))",
        "if len(bad):",
        "    first = tuple(bad[0])",
        '    seen = f"expected {expected[first]!r}, observed {values[first]!r}"',
        '    deviation(f"{len(bad)} of {values.size} elements differ, first at {bad[0].tolist()}: {seen}")',
    ]


def truth(expression: str, why: str) -> list[str]:
    """Return the lines that check a fact."""
    return [f"if not ({expression}):", f"    deviation({why!r})"]


def equality(expression: str, value: Any) -> list[str]:
    """Return the lines that check a Python value and its exact type; NaN equals NaN."""
    return [
        f"observed = {expression}",
        f"expected = {source(value)}",
        "if type(observed) is not type(expected) or repr(observed) != repr(expected):",
        '    deviation(f"{observed!r} ({type(observed).__name__}), expected {expected!r} ({type(expected).__name__})")',
    ]


def refused(statement: str, names: Sequence[str]) -> list[str]:
    """Return the lines that run a statement which raises one of the named exceptions."""
    return ["try:", f"    {statement}", f"except ({', '.join(names)},):", "    pass"]


def error(statement: str, names: Sequence[str]) -> list[str]:
    """Return the lines that check that a statement raises one of the named exceptions."""
    documented = f"where {' or '.join(names)} is documented"
    return [
        *refused(statement, names),
        "except Exception as error:",
        f'    deviation(f"{{type(error).__name__}}: {{error}}, {documented}")',
        "else:",
        f'    deviation("accepted, {documented}")',
    ]


def unexpected_error(statement: str, name: str) -> list[str]:
    """Return the lines that check that a statement no longer raises an exception of this type."""
    return [
        "try:",
        *(f"    {line}" for line in statement.splitlines()),
        "except Exception as error:",
        f"    if type(error).__name__ != {name!r}:",
        "        raise",
        f'    deviation(f"{name} where the clause expects an answer: {{error}}")',
    ]
