"""Layers, losses and initial values of torch.nn."""
