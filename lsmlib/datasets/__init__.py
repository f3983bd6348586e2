"""Public recordings of people: a card, a downloader and a loader each. None of them lies in this repository."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
