#!/usr/bin/env python3
"""SPIFFE identities of the quickstart as files, made by openssl alone.

    svid.py authority DIR TRUST-DOMAIN           ca.pem, ca-key.pem, bundle.json
    svid.py svid DIR AUTHORITY SPIFFE-ID [DAYS]  svid.pem, key.pem, and the authority's bundle.json

DAYS is 1 unless given; a negative number makes one that has expired. A fleet takes its identities from
SPIRE, or from pawl-issuer, which asks the device's TPM.
"""
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

EXTENSIONS = {
    "authority": "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n",
    "svid": "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\n",
}


def openssl(*args):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True).stdout


def make_key(path):
    path.touch(mode=0o600)
    path.write_bytes(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))


def extensions(kind, uri):
    file = tempfile.NamedTemporaryFile("w", suffix=".cnf")
    file.write("[req]\ndistinguished_name=none\n[none]\n[use]\nsubjectKeyIdentifier=hash\n"
               f"{EXTENSIONS[kind]}subjectAltName=URI:{uri}\n")
    file.flush()
    return file


def base64url(number):
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()


def authority(folder, domain):
    make_key(folder / "ca-key.pem")
    with extensions("authority", f"spiffe://{domain}") as config:
        openssl("req", "-x509", "-new", "-key", folder / "ca-key.pem", "-config", config.name, "-extensions", "use",
                "-subj", f"/CN={domain}", "-days", "30", "-out", folder / "ca.pem")
    point = openssl("ec", "-in", folder / "ca-key.pem", "-pubout", "-outform", "DER")[-64:]
    der = openssl("x509", "-in", folder / "ca.pem", "-outform", "DER")
    key = {"kty": "EC", "crv": "P-256", "use": "x509-svid", "x": base64url(point[:32]), "y": base64url(point[32:]),
           "x5c": [base64.b64encode(der).decode()]}
    (folder / "bundle.json").write_text(json.dumps({"keys": [key]}) + "\n")


def svid(folder, ca, spiffe_id, days="1"):
    make_key(folder / "key.pem")
    request = folder / "request.pem"
    with extensions("svid", spiffe_id) as config:
        openssl("req", "-new", "-key", folder / "key.pem", "-config", config.name, "-subj", "/CN=quickstart",
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", f"{ca}/ca.pem", "-CAkey", f"{ca}/ca-key.pem",
                "-CAcreateserial", "-days", days, "-extfile", config.name, "-extensions", "use",
                "-out", folder / "svid.pem")
    request.unlink()
    shutil.copy(f"{ca}/bundle.json", folder / "bundle.json")


if __name__ == "__main__":
    verb, folder, *rest = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    {"authority": authority, "svid": svid}[verb](folder, *rest)
