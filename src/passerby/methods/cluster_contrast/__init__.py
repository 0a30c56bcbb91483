"""Cluster-Contrast (Dai et al., ACCV 2022): learning from clusters, without labels."""
