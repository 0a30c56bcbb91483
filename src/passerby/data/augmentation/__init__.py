"""Random changes of training images, keyed by seed, epoch and position."""
