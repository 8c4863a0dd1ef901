"""Values of gradients."""
