"""The host's side of enrolment: pawl-issuer, which gives SVIDs to TPMs that its operator admits."""
import json
import subprocess

import processes


class Issuer:
    """Serves the authority that releases.sh made in `work`; machines reach it as their gateway."""

    def __init__(self, program, work):
        self.program = program
        self.work = work.resolve()
        self.config = self.work / "issuer.toml"
        self.log = self.work / "logs" / "issuer.log"
        self.process = None

    def start(self):
        """Serves; no TPM of an earlier run is known."""
        for file in (self.work / "issuer/eks").glob("*"):
            file.unlink()
        with open(self.log, "wb") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.config, "--json", "--log", "info"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        line = self.process.stdout.readline()  # one line once it listens, or the end of the program
        if not line:
            raise processes.Failure(f"pawl-issuer does not serve; see {self.log}")

    def admit(self, certificate):
        """The operator lists a TPM by its endorsement certificate; the id its device will have."""
        out = processes.run(self.program, "ek", "add", certificate, "--config", self.config,
                            "--json")
        return json.loads(out)

    def stop(self):
        """Ends the server."""
        if self.process:
            processes.stop(self.process)
        self.process = None
