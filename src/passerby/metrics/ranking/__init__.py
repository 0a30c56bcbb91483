"""Ranking metrics by the Market-1501 protocol: CMC, mAP and mINP."""
