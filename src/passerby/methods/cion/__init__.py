"""CION (Zuo et al., NeurIPS 2024): pre-training on identities found in videos."""
