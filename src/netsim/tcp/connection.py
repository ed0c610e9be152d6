"""Placeholder so that imports resolve while the core lands."""
