"""The levels of CION's denoising."""
