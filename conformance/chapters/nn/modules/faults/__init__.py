"""Faults that the clauses of nn.modules must catch."""
