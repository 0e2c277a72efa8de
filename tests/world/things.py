# SPDX-License-Identifier: Apache-2.0
"""What the test world's internet has to offer, made below DIR/www and DIR/git: `python3 things.py DIR`.

A package for pip (weirdemo 1.0), one for npm (weir-demo 1.0.0), a Debian package (weir-demo 1.0), and a git
repository. Small, made here, and the same each time."""

import base64
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def tar(files, compress="gz"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:" + compress) as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            t.addfile(info, io.BytesIO(data.encode()))
    return out.getvalue()


def wheel(www):
    out = io.BytesIO()
    info = "weirdemo-1.0.dist-info/"
    files = {
        "weirdemo.py": "WORD = 'it came over the gate'\n",
        info + "METADATA": "Metadata-Version: 2.1\nName: weirdemo\nVersion: 1.0\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: world\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += "%s,sha256=%s,%d\n" % (name, digest, len(text))
    files[info + "RECORD"] = record + info + "RECORD,,\n"
    with zipfile.ZipFile(out, "w") as z:
        for name, text in files.items():
            z.writestr(name, text)
    file = "weirdemo-1.0-py3-none-any.whl"
    put(www + "/pypi.test/packages/" + file, out.getvalue())
    digest = hashlib.sha256(out.getvalue()).hexdigest()
    put(
        www + "/pypi.test/simple/weirdemo/index.html",
        '<!DOCTYPE html><a href="/packages/%s#sha256=%s">%s</a>\n' % (file, digest, file),
    )


def npm(www):
    package = {"name": "weir-demo", "version": "1.0.0", "main": "index.js"}
    data = tar({"package/package.json": json.dumps(package), "package/index.js": "module.exports = 'it came over the gate'\n"})
    put(www + "/npm.test/weir-demo/-/weir-demo-1.0.0.tgz", data)
    package["dist"] = {
        "tarball": "https://npm.test/weir-demo/-/weir-demo-1.0.0.tgz",
        "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode(),
        "shasum": hashlib.sha1(data).hexdigest(),
    }
    put(
        www + "/npm.test/weir-demo/index.html",
        json.dumps({"name": "weir-demo", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": package}}),
    )


def ar(members):
    out = b"!<arch>\n"
    for name, data in members.items():
        out += ("%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, "100644", len(data))).encode() + data
        out += b"\n" * (len(data) % 2)
    return out


def apt(www):
    control = "Package: weir-demo\nVersion: 1.0\nArchitecture: all\nMaintainer: world <world@example.org>\nDescription: it came over the gate\n"
    deb = ar({
        "debian-binary": b"2.0\n",
        "control.tar.gz": tar({"./control": control}),
        "data.tar.gz": tar({"./usr/share/weir-demo": "it came over the gate\n"}),
    })
    put(www + "/apt.test/pool/weir-demo_1.0_all.deb", deb)
    packages = control + "Filename: pool/weir-demo_1.0_all.deb\nSize: %d\nSHA256: %s\n\n" % (len(deb), hashlib.sha256(deb).hexdigest())
    put(www + "/apt.test/dists/stable/main/binary-all/Packages", packages)
    put(www + "/apt.test/dists/stable/main/binary-amd64/Packages", packages)
    release = "Suite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64 all\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
    for arch in "all", "amd64":
        for suffix, data in ("", packages.encode()), (".gz", gzip.compress(packages.encode(), mtime=0)):
            name = "main/binary-%s/Packages%s" % (arch, suffix)
            put(www + "/apt.test/dists/stable/" + name, data)
            release += " %s %d %s\n" % (hashlib.sha256(data).hexdigest(), len(data), name)
    put(www + "/apt.test/dists/stable/Release", release)


def git(directory):
    env = dict(os.environ, HOME=directory, GIT_CONFIG_NOSYSTEM="1")
    for who in "AUTHOR", "COMMITTER":
        env.update({"GIT_%s_NAME" % who: "World", "GIT_%s_EMAIL" % who: "world@example.org", "GIT_%s_DATE" % who: "1767225600 +0000"})
    bare = directory + "/git/project.git"
    stream = (
        "commit refs/heads/main\ncommitter World <world@example.org> 1767225600 +0000\n"
        "data 6\nfirst\n\nM 644 inline README\ndata 22\nit came over the gate\n\n"
    )
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], env=env, check=True)
    subprocess.run(["git", "-C", bare, "fast-import", "--quiet"], input=stream.encode(), env=env, check=True)
    subprocess.run(["git", "-C", bare, "config", "http.receivepack", "true"], env=env, check=True)


if __name__ == "__main__":
    www = sys.argv[1] + "/www"
    wheel(www)
    npm(www)
    apt(www)
    put(www + "/files.test/hello", "it came over the gate\n")
    git(sys.argv[1])
