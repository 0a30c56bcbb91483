"""CCAFL (Tan et al., TCSVT 2025): learning from camera-local labels."""
