"""Faults that the clauses of nn.initialisation must catch."""
