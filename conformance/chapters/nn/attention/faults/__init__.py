"""Faults that the clauses of nn.attention must catch."""
