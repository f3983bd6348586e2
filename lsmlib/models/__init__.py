"""The Large Sensor Models as ordinary Keras models, and the table of their sizes."""
