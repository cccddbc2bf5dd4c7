# SPDX-License-Identifier: MIT
"""Keys as the manual makes them, and settings signed with them."""
import json
import subprocess

ALGORITHMS = {"ed25519": ["-algorithm", "ed25519"],
              "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}


def make_keys(folder):
    """NAME.pem and NAME.pub.pem of each algorithm."""
    for name, options in ALGORITHMS.items():
        subprocess.run(["openssl", "genpkey", *options, "-out", folder / f"{name}.pem"],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", folder / f"{name}.pem", "-pubout",
                        "-out", folder / f"{name}.pub.pem"], check=True)
    return folder


def sign(picket, document, key, out):
    """Signs a policy or a configuration; the envelope's path."""
    source = out.with_suffix(".json")
    source.write_text(json.dumps(document), encoding="utf-8")
    ran = subprocess.run([picket, "settings", "sign", source, "--key", key, "--out", out],
                         capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    return out
