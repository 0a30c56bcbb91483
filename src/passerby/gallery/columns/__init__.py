"""What searches go through: features of a model in memory, with what filters ask of their tracklets."""
