"""Hypothesis without deadlines: machines that run the tests are shared, and slow at times."""

from hypothesis import settings

settings.register_profile('microgradnet', deadline=None)
settings.load_profile('microgradnet')
