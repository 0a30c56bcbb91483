"""Fine-tuning of a backbone with identity and triplet losses."""
