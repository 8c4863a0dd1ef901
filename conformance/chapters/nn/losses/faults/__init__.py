"""Faults that the clauses of nn.losses must catch."""
