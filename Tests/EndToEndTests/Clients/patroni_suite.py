"""Two PostgreSQL servers under Patroni, which keeps its state in a cluster of dmq-metadata nodes.

    python3 patroni_suite.py LEADER_PID HOST:PORT...

The controller's leader is killed under them; then the server that leads is killed, and the other one must take over; then
the dead one comes back and is switched to. Run as root: PostgreSQL itself runs as the user `postgres`.
"""
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

controller_leader, hosts = int(sys.argv[1]), sys.argv[2:]
# Not below a directory that is root's alone.
directory = tempfile.mkdtemp(prefix="dmq-patroni-")
binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
began = time.monotonic()


def say(text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


def unused_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    def __init__(self, name, rest, port):
        self.name, self.rest, self.port, self.process = name, rest, port, None
        self.file = f"{directory}/{name}.yml"
        with open(self.file, "w") as file:
            # YAML takes JSON.
            json.dump(
                {
                    "scope": "pair", "name": name,
                    "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
                    "etcd3": {"hosts": hosts},
                    "bootstrap": {
                        "dcs": {"ttl": 20, "loop_wait": 2, "retry_timeout": 6, "maximum_lag_on_failover": 1048576},
                        "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, {"auth": "trust"}],
                        "pg_hba": ["host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"],
                    },
                    "postgresql": {
                        "listen": f"127.0.0.1:{port}", "connect_address": f"127.0.0.1:{port}",
                        "data_dir": f"{directory}/{name}", "bin_dir": binaries,
                        "authentication": {
                            "superuser": {"username": "postgres"}, "replication": {"username": "postgres"},
                        },
                        "parameters": {"unix_socket_directories": directory, "fsync": "off", "max_connections": 20},
                    },
                },
                file)

    def start(self):
        log = open(f"{directory}/{self.name}.log", "a")
        self.process = subprocess.Popen(
            ["runuser", "-u", "postgres", "--", "/usr/bin/python3", "/usr/bin/patroni", self.file], stdout=log, stderr=log,
            start_new_session=True)

    def status(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}/patroni", timeout=2) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)
        except (OSError, ValueError):
            return {}

    def is_leader(self):
        status = self.status()
        return status.get("role") in ("master", "primary", "leader") and status.get("state") == "running"

    def is_replica(self):
        status = self.status()
        return status.get("role") == "replica" and status.get("state") in ("running", "streaming")

    def query(self, sql):
        return subprocess.run(
            [f"{binaries}/psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-Atqc", sql],
            capture_output=True, text=True, timeout=20)

    def kill(self):
        """Patroni and its PostgreSQL at once, as when a machine dies."""
        with open(f"{directory}/{self.name}/postmaster.pid") as file:
            postmaster = int(file.readline())
        subprocess.run(["pkill", "-9", "-s", str(os.getsid(self.process.pid))])
        os.kill(postmaster, signal.SIGKILL)
        self.process.wait()

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        subprocess.run(["pkill", "-TERM", "-s", str(os.getsid(self.process.pid)), "-f", "patroni"])
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def wait_for(what, condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {seconds} s")
        time.sleep(0.2)
    say(what)


ports = unused_ports(4)
servers = [Server("pg0", ports[0], ports[1]), Server("pg1", ports[2], ports[3])]
subprocess.run(["chown", "-R", "postgres", directory], check=True)
os.chdir(directory)
try:
    servers[0].start()
    wait_for("pg0 leads", servers[0].is_leader)
    servers[1].start()
    wait_for("pg1 follows it", servers[1].is_replica)
    leader, replica = servers
    assert leader.query("create table t (n int); insert into t values (1)").returncode == 0

    os.kill(controller_leader, signal.SIGKILL)
    say("the controller's leader is killed")
    end = time.monotonic() + 12
    while time.monotonic() < end:
        assert leader.is_leader(), "the database's leader stays"
        time.sleep(0.5)
    assert leader.query("insert into t values (2)").returncode == 0
    wait_for("the replica has it", lambda: replica.query("select count(*) from t").stdout.strip() == "2")

    leader.kill()
    say("the database's leader is killed")
    wait_for("pg1 leads", replica.is_leader)
    leader, replica = replica, leader
    assert leader.query("select count(*) from t").stdout.strip() == "2", "nothing is lost"
    assert leader.query("insert into t values (3)").returncode == 0
    replica.start()
    wait_for("pg0 follows it", replica.is_replica)
    wait_for("and has all", lambda: replica.query("select count(*) from t").stdout.strip() == "3")

    done = subprocess.run(
        ["runuser", "-u", "postgres", "--", "/usr/bin/patronictl", "-c", leader.file, "switchover", "--force"],
        capture_output=True, text=True, timeout=60)
    say(done.stdout.splitlines()[-1] if done.stdout else done.stderr)
    wait_for("pg0 leads again", replica.is_leader)
    wait_for("pg1 follows it", leader.is_replica)
    assert replica.query("insert into t values (4)").returncode == 0
    wait_for("and has all", lambda: leader.query("select count(*) from t").stdout.strip() == "4")
    print("patroni: failover and switchover passed")
finally:
    for server in servers:
        server.end()
    if sys.exc_info()[0] is not None:
        for server in servers:
            subprocess.run(["tail", "-n", "30", f"{directory}/{server.name}.log"])
    shutil.rmtree(directory, ignore_errors=True)
