"""Computes the answer with NumPy, from the documentation, without torch."""
