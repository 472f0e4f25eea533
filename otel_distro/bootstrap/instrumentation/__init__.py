"""Which libraries are instrumented, when, and with what."""
