"""Chapter autograd: its properties and their cases."""
