"""From video to tracklets: read frames, detect people, follow them, choose their best crops."""
