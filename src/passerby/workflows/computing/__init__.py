"""Which runtime and precision embed many images."""
