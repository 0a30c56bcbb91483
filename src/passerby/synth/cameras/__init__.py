"""Cameras, and how they see a person."""
