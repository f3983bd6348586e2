"""One page about a Cohort: what was read, where it has gaps, what a model makes of it, and how far to trust that."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
