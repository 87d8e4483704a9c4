"""The host's side of the network: pawl-distributor, which serves one repository over mutual TLS."""
import json
import shutil
import subprocess

import processes

NOTICE_LIMIT = 60  # seconds for a running distributor to see what was published


class Distributor:
    """Serves `work`/published on a port of the loopback; machines reach it as their gateway."""

    def __init__(self, program, work, port):
        self.program = program
        self.states = work / "states"
        self.published = work / "published"
        self.log = work / "logs" / "distributor.log"
        self.config = work / "distributor.toml"
        self.database = work / "distributor.db"
        self.config.write_text(f"""[device]
listen = "127.0.0.1:{port}"

[identity]
source = "files"
folder = "{(work / "svid/distributor").resolve()}"

[repository]
path = "{self.published.resolve()}"

[store]
path = "{self.database.resolve()}"

[admin]
socket = "{(work / "distributor.sock").resolve()}"

[admit.enrolled]
trust_domain = "e2e.example"
id = "/device/*"
product = "pawl-quickstart"
""", encoding="ascii")
        self.process = None

    def _verb(self, *words):
        out = processes.run(self.program, *words, "--config", self.config, "--json")
        return json.loads(out)

    def start(self):
        """Serves an empty folder, to which releases are published."""
        shutil.rmtree(self.published, ignore_errors=True)
        self.published.mkdir()
        for file in self.database.parent.glob(self.database.name + "*"):
            file.unlink()
        with open(self.log, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.config, "--json", "--log", "info"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()  # one line once it listens, or the end of the program
        if not line:
            raise processes.Failure(f"pawl-distributor does not serve; see {self.log}")

    def publish(self, state, version):
        """The repository as it was after so many releases, the newest of which is `version`."""
        self._verb("publish", self.states / str(state))
        processes.wait_until(f"the distributor offers {version}", NOTICE_LIMIT,
                             lambda: version in self._versions())

    def _versions(self):
        return [release["version"] for release in self._verb("release", "list")["releases"]]

    def put_back(self, state):
        """Somebody with the server's disk puts older metadata back, validly signed in their day."""
        for name in ("targets", "metadata"):
            shutil.rmtree(self.published / name)
            shutil.copytree(self.states / str(state) / name, self.published / name)

    def reports(self, device):
        """What this device told the server, oldest first: `<step> <release counter>`."""
        history = self._verb("device", "show", device)["history"]
        rows = sorted(history, key=lambda row: row["seq"])
        return [f"{row['step']} {row['release_counter']}" for row in rows]

    def stop(self):
        """Ends the server."""
        if self.process:
            processes.stop(self.process)
        self.process = None
