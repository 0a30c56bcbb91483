"""SAGA-ReID: patch tokens aligned with anchors in the text space of CLIP."""
