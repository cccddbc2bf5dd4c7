# SPDX-License-Identifier: MIT
"""A certificate authority of a test."""
import os
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=20)


class Authority:
    """certificate() makes NAME.pem and NAME.key, good for 127.0.0.1."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.path = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=test authority", "-days", 2, "-keyout", folder / "ca.key",
                "-out", self.path)

    def certificate(self, name):
        """(path of the certificate, path of the key), the latter for its owner alone."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n", encoding="ascii")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-keyout", key, "-out", self.folder / f"{name}.csr")
        openssl("x509", "-req", "-in", self.folder / f"{name}.csr", "-CA", self.path, "-CAkey",
                self.folder / "ca.key", "-CAcreateserial", "-days", 2, "-extfile", extensions,
                "-out", certificate)
        os.chmod(key, 0o600)
        return certificate, key
