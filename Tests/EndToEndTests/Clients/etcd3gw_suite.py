"""Runs the test cases that etcd3gw brings along against the node at 127.0.0.1:PORT.

    python3 etcd3gw_suite.py PORT

They are for an etcd at its usual port, and pass themselves over where there is none; here none may be passed over.
"""
import sys
import unittest

import urllib3

port = int(sys.argv[1])
request = urllib3.PoolManager.request
urllib3.PoolManager.request = lambda *_, **__: None  # "Is there an etcd?", asked when the cases are imported.
from etcd3gw.client import Etcd3Client  # noqa: E402
from etcd3gw.tests import test_etcd3gw  # noqa: E402

urllib3.PoolManager.request = request
initialize = Etcd3Client.__init__


def initialize_with_port(self, *_, **options):
    initialize(self, **{**options, "host": "localhost", "port": port})


Etcd3Client.__init__ = initialize_with_port
suite = unittest.defaultTestLoader.loadTestsFromModule(test_etcd3gw)
result = unittest.TextTestRunner(verbosity=2).run(suite)
print(f"etcd3gw: {result.testsRun} run, {len(result.skipped)} passed over")
sys.exit(0 if result.wasSuccessful() and not result.skipped and result.testsRun > 0 else 1)
