"""Does this torch install, on this hardware, behave as PyTorch documents?"""
