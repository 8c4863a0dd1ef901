"""Run a script in a process whose torch is broken: python -m torch_conformance.conformance.power.under_fault FILE."""

from __future__ import annotations

import os
import runpy
import sys

from torch_conformance.conformance.power.registry import install
from torch_conformance.conformance.run.replay import ACTIVE_FAULT

if __name__ == "__main__":
    for name in os.environ[ACTIVE_FAULT].split(","):
        install(name)
    runpy.run_path(sys.argv[1], run_name="__main__")
