"""Readers: what people's devices export becomes a Cohort, and what they did not measure a gap."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
