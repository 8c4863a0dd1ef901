"""Elements read by index expressions."""
