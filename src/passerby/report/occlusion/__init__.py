"""Figures and cards on occlusion."""
