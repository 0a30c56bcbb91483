"""Tracklets to identities: CION's identity correlation (arXiv 2409.18569), from noisy tracklets of many videos."""
