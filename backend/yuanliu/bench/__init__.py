"""Measurements: each states its method, and none decides a test by time."""
