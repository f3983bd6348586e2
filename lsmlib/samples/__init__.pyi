from .actigraphy import write_actigraphy as write_actigraphy
from .empatica import write_empatica as write_empatica
from .fitabase import write_fitabase as write_fitabase
