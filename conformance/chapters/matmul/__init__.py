"""Chapter matmul: its properties and their cases."""
