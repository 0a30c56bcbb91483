"""A trained model with its transform: from pixels or sentences to embeddings."""
