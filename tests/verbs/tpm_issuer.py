"""An issuer that admits one TPM, which is an emulator, for the length of this process."""
import atexit
import json
import os
import subprocess
import time


def start(programs, here):
    """Returns the keys of [identity] that make pawl-updater enrol there."""
    tpm = here / "enroll-tpm"
    tpm.mkdir()
    tcti = f"swtpm:path={tpm}/sock"
    keep(subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={tpm}", "--server",
                           f"type=unixio,path={tpm}/sock", "--ctrl", f"type=unixio,path={tpm}/sock.ctrl", "--flags",
                           "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    deadline = time.monotonic() + 30
    while not (tpm / "sock.ctrl").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    env = dict(os.environ, TPM2TOOLS_TCTI=tcti, TSS2_LOG="all+NONE")
    for words in (["tpm2_createek", "-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub"], ["tpm2_flushcontext", "-t"]):
        subprocess.run(words, cwd=tpm, env=env, check=True, capture_output=True)
    config = here / "issuer.toml"
    config.write_text(f'[server]\nlisten = "127.0.0.1:0"\n[identity]\ndomain = "example.org"\n'
                      f'[authority]\nfolder = "{here}/ca"\n[ek]\nfolder = "{here}/eks"\n')
    for words in (["ca", "new"], ["ek", "add", tpm / "ek.pub"]):
        subprocess.run([programs / "pawl-issuer", *words, "--config", config], check=True, capture_output=True)
    issuer = keep(subprocess.Popen([programs / "pawl-issuer", "serve", "--config", config, "--json"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))
    port = json.loads(issuer.stdout.readline())["port"]
    return f"""[identity]
source = "issuer"
url = "https://127.0.0.1:{port}"
id = "spiffe://example.org/issuer"
bundle = "{here}/ca/bundle.json"
tcti = "{tcti}"
"""


def keep(process):
    """It ends with this process, and before its folder goes."""
    atexit.register(lambda: (process.kill(), process.wait()))
    return process
