"""Does this torch install, on this hardware, behave as PyTorch documents?

In a wheel the rooms `spec`, `reference`, `conformance` and `reports` lie in this folder. In a checkout they lie
beside it, and this package finds them there.
"""

from __future__ import annotations

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent
if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / "spec" / "chapters").is_dir():
    __path__.append(str(_CHECKOUT))
