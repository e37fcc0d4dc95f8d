"""Runs the test cases of tooz's coordination against the node at 127.0.0.1:PORT, over etcd's JSON gateway.

    python3 tooz_suite.py PORT
"""
import os
import sys
import unittest

import etcd3gw
from etcd3gw.client import Etcd3Client

os.environ["TOOZ_TEST_URL"] = f"etcd3+http://localhost:{sys.argv[1]}"
# Debian's tooz gives this function an argument that it has in later releases only.
etcd3gw.client = Etcd3Client
from tooz.tests import test_coordination  # noqa: E402

# Later releases start processes that read this file too.
if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromModule(test_coordination)
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    # What no driver for etcd has, tooz passes over.
    print(f"tooz: {result.testsRun} run, {len(result.skipped)} passed over")
    sys.exit(0 if result.wasSuccessful() and result.testsRun - len(result.skipped) > 30 else 1)
