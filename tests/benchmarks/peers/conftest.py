"""These modules import engines that may not be installed: pytest, looking for doctests, leaves them alone."""

collect_ignore_glob = ['*.py']
