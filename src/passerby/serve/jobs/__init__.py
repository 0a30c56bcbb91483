"""Videos that are indexed in the background, each in a process of its own."""
