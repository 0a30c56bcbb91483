"""The engine: runs the stages of a recipe."""
