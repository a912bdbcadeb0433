"""Teacher sets, and learning from them."""
