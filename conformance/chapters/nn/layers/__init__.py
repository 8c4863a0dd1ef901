"""Layers that compute their output from one input."""
