"""python -m torch_conformance.conformance.cli."""

from torch_conformance.conformance.cli import main

main()
