"""Attention and the Transformer."""
