from .actigraphy import write_actigraphy as write_actigraphy
from .apple_health import write_apple_health as write_apple_health
from .empatica import write_empatica as write_empatica
from .fitabase import write_fitabase as write_fitabase
from .fitbit_takeout import write_fitbit_takeout as write_fitbit_takeout
