SECRET_KEY = "x"
INSTALLED_APPS: list[str] = []
DATABASES: dict[str, object] = {}
