"""The page on denoised tracklets."""
