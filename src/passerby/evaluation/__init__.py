"""From a model and a benchmark to metrics."""
