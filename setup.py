"""Find the packages of the rooms, which a wheel holds below `torch_conformance`; all else stands in pyproject.toml."""

from __future__ import annotations

from setuptools import find_packages, setup

ROOMS = ("spec", "reference", "conformance", "reports")

setup(
    packages=[
        "torch_conformance",
        *(f"torch_conformance.{name}" for name in find_packages(include=[f"{room}*" for room in ROOMS])),
    ]
)
