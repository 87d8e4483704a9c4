"""A vendor's certificates for a key in a YubiHSM, made with the openssl program."""
import hashlib
import json
import subprocess

OID = "1.3.6.1.4.1.41482.4."
EXTENSIONS = f"{OID}2 = DER:02020042\n{OID}3 = DER:03020001\n{OID}5 = DER:0309000000000000000100\n"


def certificate(folder, name, issuer, extensions=""):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("genpkey", "-algorithm", "ed25519", "-out", f"{name}.key.pem")
    openssl("req", "-new", "-key", f"{name}.key.pem", "-subj", f"/CN={name}", "-out", "csr")
    (folder / "ext").write_text(extensions)
    signing = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key.pem", "-set_serial", "7"] if issuer else \
        ["-key", f"{name}.key.pem"]
    openssl("x509", "-req", "-in", "csr", "-out", f"{name}.pem", "-extfile", "ext", *signing)


def make(folder):
    """vendor.pem, leaf.pem and chain.pem in FOLDER; gives the public record of the key they attest."""
    certificate(folder, "vendor", "")
    certificate(folder, "device", "vendor")
    certificate(folder, "leaf", "device", EXTENSIONS)
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + (folder / "device.pem").read_text())
    der = subprocess.run(["openssl", "pkey", "-in", "leaf.key.pem", "-pubout", "-outform", "DER"], cwd=folder,
                         check=True, capture_output=True).stdout
    public = der[12:].hex()
    key = json.dumps({"keytype": "ed25519", "keyval": {"public": public}, "scheme": "ed25519"}, sort_keys=True,
                     separators=(",", ":"))
    return {"_type": "pawl.key", "format": 1, "label": "hsm", "public": public, "custody": "token_born",
            "keyid": hashlib.sha256(key.encode()).hexdigest(), "uri": "pkcs11:token=YubiHSM;serial=00000066"}
