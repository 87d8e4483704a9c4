"""A small measured device for the attack tests: real programs, a TPM emulator, a boot simulator that shares
no code with them, and three signed releases whose UKIs differ. Whoever attacks has its folder and its TPM."""
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICKSTART = ROOT / "examples/quickstart"
sys.path.insert(0, str(QUICKSTART))
import swtpm  # noqa: E402  pylint: disable=wrong-import-position

SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
STUBS = pathlib.Path("/usr/lib/systemd/boot/efi")
SLOT = 2 << 20
VENDOR, CLASS = "fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe", "1492af14-2569-5e48-bf42-9b2d51f2ab45"
SECURITY = {"1.0.0": (1, 1), "1.1.0": (2, 2), "1.2.0": (3, 2)}
STATE = "the agent's memory\n"


def run(*words, **more):
    """Runs a command that must succeed."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, words))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def efi(name):
    """The one file of systemd-boot-efi whose name begins so."""
    return next(p for p in sorted(STUBS.glob(name + "*")) if p.name.endswith((".efi", ".stub")))


class Device:
    """Folder `here`: device/ is the device, repo/ what it reads, fw/ the firmware."""

    def __init__(self, here, programs):
        self.here, self.programs = pathlib.Path(here), pathlib.Path(programs)
        self.path, self.repo = self.here / "device", self.here / "repo"
        self.tpm = self.path / "tpm"

    # -- making it ----------------------------------------------------------------------------------------
    def signer(self, *words):
        return run(self.programs / "pawl-signer", *words, "--config", self.here / "signer.toml", cwd=self.here)

    def make_keys(self):
        (self.here / "tokens").mkdir()
        (self.here / "softhsm2.conf").write_text(f"directories.tokendir = {self.here}/tokens\n")
        os.environ["SOFTHSM2_CONF"] = str(self.here / "softhsm2.conf")
        run("softhsm2-util", "--init-token", "--free", "--label", "t", "--pin", "271828", "--so-pin", "314159")
        pin = self.here / "pin"
        pin.touch(0o600)
        pin.write_text("271828\n")
        (self.here / "signer.toml").write_text(
            f'[products.gw3]\nvendor_id = "{VENDOR}"\nclass_id = "{CLASS}"\nhardware = ["b"]\n'
            'boot_profiles = ["efi-uki"]\nphases = "none"\n')
        for role in ("root", "targets", "snapshot", "timestamp", "gw3"):
            self.signer("key", "new", role, "--pin", f"file:{pin}", "--uri",
                        f"pkcs11:token=t;object={role}?module-path={SOFTHSM}")
        self.signer("repo", "init", self.repo, *[w for role in ("root", "targets", "snapshot", "timestamp")
                                                 for w in (f"--{role}", f"{role}:1")],
                    "--product", "gw3=gw3:1", "--ceiling", "gw3=9")
        run("openssl", "genpkey", "-algorithm", "X25519", "-outform", "DER", "-out", self.here / "recovery.der")
        public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", self.here / "recovery.der", "-pubout",
                                 "-outform", "DER"], capture_output=True, check=True).stdout
        self.recovery_public = public[-32:].hex()
        (self.here / "recovery.hex").write_text((self.here / "recovery.der").read_bytes()[-32:].hex() + "\n")

    def make_image_files(self, etc):
        etc.mkdir(parents=True)
        shutil.copy(self.repo / "metadata/1.root.json", etc / "root.json")
        slots = "".join(f'[slots.{s}]\nrootfs = "../../../../slots/{s}/rootfs.img"\n'
                        f'uki = "../../../../slots/{s}/uki.efi"\n' for s in "ab")
        tcti = f'tcti = "{swtpm.tcti(self.tpm)}"\nhandover = "../../../cell"\n'
        (etc / "updater.toml").write_text(
            f'[device]\nproduct = "gw3"\nhardware = "b"\nvendor_id = "{VENDOR}"\nclass_id = "{CLASS}"\n'
            f'[server]\nurl = "file://{self.repo}"\n[trust]\nroot = "root.json"\n{slots}'
            '[boot]\nbackend = "file"\nprofile = "efi-uki"\nstate = "../../../../boot/state"\n'
            'booted = "../../../booted"\n[health]\ndirectory = "health.d"\n'
            f'[tpm]\n{tcti}eventlog = "../../../eventlog"\nrecovery_key = "{self.recovery_public}"\n')
        (etc / "vault.toml").write_text(
            f'[vault]\nprotector = "tpm2"\ndirectory = "../../../../state/vault"\nuser = "{os.geteuid()}"\n'
            f'[tpm]\n{tcti}[recovery]\nkey = "{self.recovery_public}"\n')
        (etc / "health.d").mkdir()
        check = etc / "health.d/10-fine"
        check.write_text("#!/bin/sh\nexit 0\n")
        check.chmod(0o755)

    def make_firmware(self, version, text=""):
        """fw/VERSION/{rootfs.img,uki.efi}; returns the root hash."""
        folder = self.here / "fw" / version
        tree = folder / "tree"
        self.make_image_files(tree / "etc/pawl")
        (tree / "usr/lib").mkdir(parents=True)
        (tree / "usr/lib/os-release").write_text(f'VERSION_ID={version}\nPRETTY_NAME="attacked {version}"\n{text}')
        image = folder / "rootfs.img"
        run("mkfs.erofs", "-x-1", "-T0", "--all-root", image, tree)
        size = image.stat().st_size
        run("veritysetup", "format", "--salt=-", f"--data-blocks={size // 4096}", f"--hash-offset={size}",
            f"--root-hash-file={folder}/hash", image, image)
        root_hash = (folder / "hash").read_text().strip()
        (folder / "cmdline").write_text(
            f"ro systemd.import_credentials=no roothash={root_hash} pawl.hashoffset={size}")
        (folder / "osrel").write_text(f"ID=gw3\nVERSION_ID={version}\n")
        (folder / "uname").write_text("6.1.0-test")
        (folder / "initrd.plain").write_text("an initrd")
        run("zstd", "-q", folder / "initrd.plain", "-o", folder / "initrd")
        kernel = bytearray(efi("systemd-boot").read_bytes())  # a PE image that is there, but not the loader
        kernel[len(kernel) // 2] ^= 0xFF
        (folder / "linux").write_bytes(kernel)
        run(QUICKSTART / "mkuki.py", "--stub", efi("linux"), "--out", folder / "uki.efi",
            *[f".{name}={folder / name}" for name in ("osrel", "cmdline", "uname", "initrd", "linux")])
        return root_hash

    def release(self, version):
        folder = self.here / "fw" / version
        security, floor = SECURITY[version]
        root_hash = self.make_firmware(version)
        self.signer("release", "build", "--out", self.here / f"release-{version}", "--product", "gw3", "--version",
                    version, "--security-version", security, "--min-security-version", floor, "--level", "1",
                    "--component", f"name=rootfs,slot_role=rootfs,install=erofs-verity,image={folder}/rootfs.img,"
                    f"verity_root={root_hash}", "--uki", folder / "uki.efi")
        self.signer("release", "add", self.here / f"release-{version}")

    def make(self):
        """In the factory: release 1.0.0 in slot a, nothing in b, a new TPM."""
        for name in ("boot", "slots/a", "slots/b", "state/installed", "tpm"):
            (self.path / name).mkdir(parents=True)
        shutil.copy(efi("systemd-boot"), self.path / "boot/loader.efi")
        self.put_slot("a", "1.0.0")
        (self.path / "slots/b/rootfs.img").write_bytes(bytes(SLOT))
        manifest = next((self.repo / "targets/releases/gw3/1.0.0").glob("*.manifest.json"))
        shutil.copy(manifest, self.path / "state/installed/a.manifest.json")
        self.boot_state("primary=a trial=- tries=0 bad=-")

    def put_slot(self, slot, version):
        folder, fw = self.path / "slots" / slot, self.here / "fw" / version
        (folder / "rootfs.img").write_bytes((fw / "rootfs.img").read_bytes().ljust(SLOT, b"\0"))
        shutil.copy(fw / "uki.efi", folder / "uki.efi")

    def boot_state(self, line):
        (self.path / "boot/state").write_text(line + "\n")

    # -- running it ---------------------------------------------------------------------------------------
    def power_on(self):
        """Firmware, loader, initramfs; no program of ours."""
        return run(QUICKSTART / "bootsim.py", self.path)

    def off(self):
        swtpm.power_off(self.tpm)

    def etc(self, name):
        return self.path / "run/root/etc/pawl" / name

    def updater(self, *words):
        return subprocess.run([self.programs / "pawl-updater", *words, "--config", self.etc("updater.toml"),
                               "--state", self.path / "state"], capture_output=True, text=True, check=False,
                              timeout=120)

    def vault(self, *words, value=""):
        return subprocess.run([self.programs / "pawl-vault", *words, "--config", self.etc("vault.toml")],
                              input=value, capture_output=True, text=True, check=False, timeout=120)

    def tools(self, line):
        """A shell line of tpm2-tools in an empty folder of the attacker. Returns its exit status."""
        mine = self.here / "attacker"
        mine.mkdir(exist_ok=True)
        env = dict(os.environ, TPM2TOOLS_TCTI=swtpm.tcti(self.tpm), TSS2_LOG="all+none")
        return subprocess.run(["bash", "-c", line], cwd=mine, env=env, capture_output=True, check=False,
                              timeout=60).returncode

    def nv(self):
        """What counter, cell and anchor hold, read with their own empty authorization."""
        held = []
        for index in ("0x01805001", "0x01805002", "0x01805003"):
            env = dict(os.environ, TPM2TOOLS_TCTI=swtpm.tcti(self.tpm), TSS2_LOG="all+none")
            held.append(subprocess.run(["tpm2_nvread", "-C", index, index], capture_output=True, check=False,
                                       env=env).stdout)
        return held

    def snapshot(self, name):
        self.off()
        shutil.copytree(self.path, self.here / name, ignore=shutil.ignore_patterns("run"))

    def restore(self, name, only=""):
        """Puts the whole device back as it was, or one folder of its disk."""
        self.off()
        target = self.path / only if only else self.path
        shutil.rmtree(target)
        shutil.copytree(self.here / name / only, target)
