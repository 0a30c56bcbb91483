"""From links between tracklets to groups."""
