"""Faults that are generated for all layers of torch.nn in one place."""
