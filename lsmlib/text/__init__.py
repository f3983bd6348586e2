"""Days in words: captions at three levels, the facts they state, and the tokenizer that turns words into numbers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
