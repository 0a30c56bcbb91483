"""The feature that all others of a network are compared with."""

REFERENCE = "class token"
