"""An X.509-SVID with its key and trust bundle as files, made by openssl alone."""
import base64
import json
import subprocess

CA = """[req]
distinguished_name = none
[none]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
subjectAltName = URI:spiffe://{domain}
[leaf]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = URI:spiffe://{domain}{path}
"""


def openssl(folder, *args):
    return subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True).stdout


def number(text):
    """The unpadded base64url of a hexadecimal coordinate."""
    return base64.urlsafe_b64encode(bytes.fromhex(text)).rstrip(b"=").decode()


def make(folder, domain="example.org", path="/server"):
    """svid.pem, key.pem and bundle.json in FOLDER."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cnf").write_text(CA.format(domain=domain, path=path))
    for name in ("ca-key", "key"):
        key = openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        (folder / f"{name}.pem").write_bytes(key)
        (folder / f"{name}.pem").chmod(0o600)
    openssl(folder, "req", "-x509", "-new", "-key", "ca-key.pem", "-config", "cnf", "-extensions", "ca", "-subj",
            "/CN=test", "-days", "30", "-out", "ca.pem")
    openssl(folder, "req", "-new", "-key", "key.pem", "-config", "cnf", "-subj", "/CN=test", "-out", "csr.pem")
    openssl(folder, "x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
            "-days", "20", "-extfile", "cnf", "-extensions", "leaf", "-out", "svid.pem")
    point = openssl(folder, "ec", "-in", "ca-key.pem", "-pubout", "-outform", "DER")[-64:].hex()
    der = openssl(folder, "x509", "-in", "ca.pem", "-outform", "DER")
    jwk = {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": number(point[:64]), "y": number(point[64:]),
           "x5c": [base64.b64encode(der).decode()]}
    (folder / "bundle.json").write_text(json.dumps({"keys": [jwk]}))
