"""What went wrong in a graph: who made the nan, and which neurons are dead."""
