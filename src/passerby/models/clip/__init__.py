"""CLIP's towers, prompts and weights."""
