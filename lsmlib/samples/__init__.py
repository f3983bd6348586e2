"""Samples: a Cohort's days written as devices export them, for trying a reader without a device."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
