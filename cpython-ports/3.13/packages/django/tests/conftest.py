"""Lets pytest run Django's tests: what tests/runtests.py sets up for Django's own runner."""

import os
import tempfile

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "test_sqlite")
os.environ.setdefault("TMPDIR", tempfile.gettempdir())

import pytest
import runtests
from django.test.utils import setup_databases, setup_test_environment, teardown_databases, teardown_test_environment

# The applications of the tests, which have to be there when their modules are imported.
runtests.setup_run_tests(0, None, None, ["template_backends", "template_loader", "template_tests", "utils_tests"])


@pytest.fixture(scope="session", autouse=True)
def environment():
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(databases, verbosity=0)
    teardown_test_environment()
