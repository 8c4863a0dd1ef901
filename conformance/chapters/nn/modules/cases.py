"""A small tree of modules, as torch code, that the clauses of modules and their state look at."""

from __future__ import annotations

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial

# A module with parameters before and after its children, a child that occurs twice, and buffers of both sorts.
TREE = """
class Leaf(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.register_buffer("count", torch.arange(size, device=device))
        self.scale = torch.nn.Parameter(torch.arange(size, device=device).double() + 1)
        self.register_buffer("hidden", torch.full((size,), 0.5, device=device).double(), persistent=False)
    def forward(self, x):
        return x * self.scale + self.hidden
class Tree(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Leaf(2)
        self.bias = torch.nn.Parameter(torch.tensor([3.0, 5.0], dtype=torch.float64, device=device))
        self.middle = torch.nn.Module()
        self.middle.inner = Leaf(3)
        self.again = self.first
        self.register_buffer("mean", torch.ones(1, dtype=torch.float64, device=device))
        self.last = torch.nn.Parameter(torch.tensor(7.0, dtype=torch.float64, device=device))
    def forward(self, x):
        return self.first(x) + self.bias
tree = Tree()
"""
PARAMETERS = ["bias", "last", "first.scale", "middle.inner.scale"]
BUFFERS = ["mean", "first.count", "first.hidden", "middle.inner.count", "middle.inner.hidden"]
MODULES = ["", "first", "middle", "middle.inner"]
STATE = [
    *("bias", "last", "mean", "first.scale", "first.count", "middle.inner.scale", "middle.inner.count"),
    *("again.scale", "again.count"),
]


def tree_of(cell: Cell) -> Trial:
    """Begin a transcript with the tree."""
    trial = cell.trial()
    trial.run(TREE)
    return trial
