"""TORCH=installed: judge the torch of the environment that tox itself runs in."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path
from typing import Any

from tox.plugin import impl

_INSTALLED = os.environ.get("TORCH") == "installed"
if _INSTALLED:
    # Nothing is to be installed in its place.
    os.environ["TORCH"] = ""


@impl
def tox_on_install(tox_env: Any, arguments: Any, section: str, of_type: str) -> None:  # noqa: ARG001
    """Let the new environment see the calling one's packages, after its own, before pip looks for any."""
    if not _INSTALLED or not hasattr(tox_env, "env_site_package_dir"):
        return
    folders = [folder for folder in (*site.getsitepackages(), site.getusersitepackages()) if folder in sys.path]
    target = Path(tox_env.env_site_package_dir())
    if target.is_dir():
        (target / "calling_environment.pth").write_text("\n".join(folders) + "\n", encoding="utf-8")
