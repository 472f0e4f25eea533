"""How a process ends with everything said that there was to say."""
