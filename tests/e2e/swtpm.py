"""A TPM 2.0 emulator for one machine; its state folder is the chip."""
import pathlib
import shutil
import subprocess
import tempfile

import processes


def manufacture(folder):
    """A new chip with an endorsement certificate, as it leaves its factory; the certificate."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    processes.run("swtpm_setup", "--tpm2", "--tpmstate", folder, "--create-ek-cert",
                  "--pcr-banks", "sha256", "--overwrite", "--write-ek-cert-files", folder)
    return folder / "ek-rsa2048.crt"


class Swtpm:
    """The running chip; it ends with the machine that is connected to it."""

    def __init__(self, folder):
        self.run_folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-e2e-"))  # short, for sockets
        self.socket = self.run_folder / "tpm"
        with open(folder.with_suffix(".log"), "ab") as log:
            # pylint: disable=consider-using-with
            self.process = subprocess.Popen(
                ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={folder}", "--ctrl",
                 f"type=unixio,path={self.socket}", "--terminate"], stdout=log, stderr=log)
        processes.wait_until("swtpm listens", 60, self.socket.exists)

    def stop(self):
        """Ends the emulator; the chip stays in its folder."""
        processes.stop(self.process)
        shutil.rmtree(self.run_folder, ignore_errors=True)
