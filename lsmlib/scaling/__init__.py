"""Scaling experiments: a grid of trainings, records of them, and laws fitted to their losses."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
