from .cards import CARDS as CARDS
from .cards import DatasetCard as DatasetCard
from .download import fetch as fetch
from .loaders import available as available
from .loaders import load as load
