from .actigraphy import write_actigraphy as write_actigraphy
from .apple_health import write_apple_health as write_apple_health
from .fitbit_takeout import write_fitbit_takeout as write_fitbit_takeout
