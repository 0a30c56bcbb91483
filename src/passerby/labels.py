"""Identity labels with a meaning of their own, shared by data and metrics."""

JUNK = -1
"""The identity of a gallery image that counts neither as right nor as wrong."""
