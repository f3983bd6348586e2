"""Simulated days written as vendors export them, for people without a device and for tests."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
