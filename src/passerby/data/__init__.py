"""What we look at: images with their labels, how they are read, sampled, transformed and batched."""
