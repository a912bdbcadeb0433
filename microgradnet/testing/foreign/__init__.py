"""The kit turned on other people's engines."""
