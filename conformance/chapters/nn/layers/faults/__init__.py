"""Faults that the clauses of nn.layers must catch."""
