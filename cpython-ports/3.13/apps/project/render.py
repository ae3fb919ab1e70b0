"""Renders the pages of templates/ many times."""

import datetime
import hashlib

import django
from django.conf import settings
from django.template.loader import get_template

ENGINE = {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["templates"]}
settings.configure(TEMPLATES=[ENGINE], USE_TZ=False)
django.setup()


class Product:
    def __init__(self, number):
        self.name = f"product <{number}>"
        self.price = number * 1.25
        self.stock = number % 7
        self.tags = [f"tag{number % divisor}" for divisor in (2, 3, 5)]
        self.since = datetime.date(2020 + number % 5, 1 + number % 12, 1 + number % 28)

    def is_rare(self):
        return self.stock < 2

    @property
    def related(self):
        return {"text": self.name.upper(), "count": self.stock * 3}


products = [Product(number) for number in range(60)]
user = {"name": "Ada & co", "groups": ["staff", "readers"], "is_active": True}
table = [[row * column for column in range(12)] for row in range(40)]

digest = hashlib.sha256()
for turn in range(150):
    context = {"title": f"turn {turn}", "products": products, "user": user, "table": table}
    for name in ("catalog.html", "table.html"):
        digest.update(get_template(name).render(context).encode())
print(digest.hexdigest())
