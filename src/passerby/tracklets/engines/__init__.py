"""Where denoising is computed: in memory, in files, or on Ray."""
