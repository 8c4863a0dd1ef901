"""Devices: which are judged, and what packages of other devices tell about them."""
