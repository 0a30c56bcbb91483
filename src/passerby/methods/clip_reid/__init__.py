"""CLIP-ReID (Li et al., AAAI 2023) and its baseline."""
