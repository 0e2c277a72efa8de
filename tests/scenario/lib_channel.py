#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of each channel, and the judge, for handover-channels.sh.

  lib_channel.py server|client KIND [ROUNDS]   one end, in the workspace
  lib_channel.py judge EXPECTED < EVENTS       one line a wrong thing

A mark is an execution of /bin/true whose argument names it: KIND-END-before what the other end sent was taken, and
KIND-END-after. EXPECTED has lines: KIND, the edge that the server's call has to the client's after, the edge the other
way; - for none either way, ? for whatever it is."""

import array, ctypes, json, mmap, os, signal, socket, struct, sys, time

LIBC = ctypes.CDLL(None, use_errno=True)


def mark(when):
    os.spawnl(os.P_WAIT, "/bin/true", "true", f"{KIND}-{END}-{when}")


def ready():
    """The server is: the client finds out by a look at the directory, which is no hand-over."""
    mark("before")
    os.close(os.open(f"{KIND}.ready", os.O_CREAT | os.O_WRONLY, 0o600))


def wait(what="ready"):
    while not os.path.exists(f"{KIND}.{what}"):
        time.sleep(0.02)


def stream(address, family, form=socket.SOCK_STREAM):
    s = socket.socket(family, form)
    if END == "server":
        s.bind(address)
        s.listen()
        ready()
        c = s.accept()[0]
        while data := c.recv(100):
            c.sendall(data)
        mark("after")
    else:
        s.connect(address)
        for _ in range(ROUNDS):
            s.sendall(b"do it")
            s.recv(100)
        mark("after")


def datagram(server, client, family, to=None, connect=False):
    s = socket.socket(family, socket.SOCK_DGRAM)
    if END == "server":
        s.bind(server)
        ready()
        data, back = s.recvfrom(100)
        mark("after")
        s.sendto(data, back)
    else:
        s.bind(client)
        if connect:
            s.connect(to or server)
            s.send(b"do it")
        else:
            s.sendto(b"do it", to or server)
        s.recv(100)
        mark("after")


def alias():
    if END == "client":
        os.symlink("alias.sock", "alias.other")
    datagram("alias.sock", "alias.back", socket.AF_UNIX, to="alias.other")


def fifo():
    if END == "server":
        os.mkfifo("fifo.pipe")
        ready()
        open("fifo.pipe").read()
        mark("after")
    else:
        open("fifo.pipe", "w").write("do it")


def splice():
    """What is read never enters the server's memory: it goes on to a second FIFO, which the client reads."""
    if END == "server":
        os.mkfifo("splice.pipe")
        os.mkfifo("splice.back")
        ready()
        taken = os.open("splice.pipe", os.O_RDONLY)
        given = os.open("splice.back", os.O_WRONLY)
        LIBC.splice(taken, None, given, None, 100, 0)
        mark("after")
    else:
        given = os.open("splice.pipe", os.O_WRONLY)
        taken = os.open("splice.back", os.O_RDONLY)
        os.write(given, b"do it")
        os.read(taken, 100)
        mark("after")


def memory(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, 4096)
    m = mmap.mmap(fd, 4096)
    exchange(lambda: m[0], lambda value: m.__setitem__(0, value))


def exchange(get, put):
    """By stores and loads alone."""
    if END == "server":
        ready()
        while get() != 1:
            time.sleep(0.02)
        mark("after")
        put(2)
    else:
        put(1)
        while get() != 2:
            time.sleep(0.02)
        mark("after")


def segment():
    LIBC.shmat.restype = ctypes.c_void_p
    key = LIBC.shmget(0x1EA1, 4096, 0o600 | 0o1000)
    at = ctypes.cast(LIBC.shmat(key, None, 0), ctypes.POINTER(ctypes.c_byte))
    exchange(lambda: at[0], lambda value: at.__setitem__(0, value))


def messages():
    queue = LIBC.msgget(0x1EA2, 0o600 | 0o1000)
    message = struct.pack("l8s", 1, b"do it")
    answer = struct.pack("l8s", 2, b"done")
    buffer = ctypes.create_string_buffer(64)
    if END == "server":
        ready()
        LIBC.msgrcv(queue, buffer, 8, 1, 0)
        mark("after")
        LIBC.msgsnd(queue, answer, 8, 0)
    else:
        LIBC.msgsnd(queue, message, 8, 0)
        LIBC.msgrcv(queue, buffer, 8, 2, 0)
        mark("after")


def semaphore():
    both = LIBC.semget(0x1EA3, 2, 0o600 | 0o1000)
    def operate(number, by):
        LIBC.semop(both, struct.pack("Hhh", number, by, 0), 1)
    if END == "server":
        ready()
        operate(0, -1)
        mark("after")
        operate(1, 1)
    else:
        operate(0, 1)
        operate(1, -1)
        mark("after")


def descriptor():
    """The client hands over a pipe's end; the order comes through that."""
    s = socket.socket(socket.AF_UNIX)
    if END == "server":
        s.bind("descriptor.sock")
        s.listen()
        ready()
        c = s.accept()[0]
        fd = array.array("i", c.recvmsg(10, 100)[1][0][2])[0]
        mark("after")
        os.write(fd, b"done")
    else:
        s.connect("descriptor.sock")
        taken, given = os.pipe()
        s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given]))])
        os.read(taken, 10)
        mark("after")


def watch(change):
    if END == "server":
        os.mkdir(KIND)
        open(f"{KIND}/old", "w").close()
        fd = LIBC.inotify_init1(0)
        LIBC.inotify_add_watch(fd, KIND.encode(), 0x3C6)
        ready()
        os.read(fd, 4096)
        time.sleep(0.3)  # the watcher is told before the system call that made the change returns
        mark("after")
    else:
        change()


def notified():
    if END == "server":
        open("signal.pid", "w").write(str(os.getpid()))
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        ready()
        signal.sigwait([signal.SIGUSR1])
        mark("after")
    else:
        os.kill(int(open("signal.pid").read()), signal.SIGUSR1)


def apart():
    """Two that run beside each other and have nothing to do with one another."""
    ready() if END == "server" else None
    a, b = socket.socketpair()
    a.send(b"x")
    b.recv(1)
    taken, given = os.pipe()
    os.write(given, b"x")
    os.read(taken, 1)
    time.sleep(0.5)
    mark("after")


def nowhere():
    """The client finds nobody."""
    if END == "server":
        s = socket.socket()
        s.bind(("127.0.0.1", 21020))
        s.listen()
        ready()
        time.sleep(0.5)
    else:
        time.sleep(1)
        for family, address in (socket.AF_INET, ("127.0.0.1", 21021)), (socket.AF_UNIX, "nobody.sock"):
            try:
                socket.socket(family).connect(address)
            except OSError:
                pass
    mark("after")


KINDS = {
    "unix": lambda: stream("unix.sock", socket.AF_UNIX),
    "abstract": lambda: stream("\0abstract", socket.AF_UNIX),
    "seqpacket": lambda: stream("seqpacket.sock", socket.AF_UNIX, socket.SOCK_SEQPACKET),
    "thousand": lambda: stream("thousand.sock", socket.AF_UNIX),
    "tcp": lambda: stream(("127.0.0.1", 21001), socket.AF_INET),
    "tcp6": lambda: stream(("::1", 21002), socket.AF_INET6),
    "named": lambda: datagram("named.sock", "named.back", socket.AF_UNIX),
    "alias": alias,
    "dgram": lambda: datagram("dgram.sock", "dgram.back", socket.AF_UNIX, connect=True),
    "udp": lambda: datagram(("127.0.0.1", 21003), ("127.0.0.1", 0), socket.AF_INET),
    "udp6": lambda: datagram(("::1", 21004), ("::1", 0), socket.AF_INET6, connect=True),
    "fifo": fifo,
    "splice": splice,
    "memory": lambda: memory("/dev/shm/memory"),
    "mapped": lambda: memory("mapped.file"),
    "segment": segment,
    "messages": messages,
    "semaphore": semaphore,
    "descriptor": descriptor,
    "created": lambda: watch(lambda: open(f"{KIND}/new", "w").close()),
    "renamed": lambda: watch(lambda: os.rename(f"{KIND}/old", f"{KIND}/other")),
    "removed": lambda: watch(lambda: os.unlink(f"{KIND}/old")),
    "signal": notified,
    "apart": apart,
    "nowhere": nowhere,
}


def judge(expected):
    events = [json.loads(line) for line in sys.stdin]
    marks = {e["argv"][1]: e for e in events if e["kind"] == "exec" and os.path.basename(e["argv"][0]) == "true" and len(e["argv"]) == 2}
    for line in expected.splitlines():
        kind, *wanted = line.split()
        calls = {end: next((e["call"] for m, e in marks.items() if m.startswith(f"{kind}-{end}-")), None)
                 for end in ("server", "client")}
        for end, want in zip(("server", "client"), wanted):
            other = calls["client" if end == "server" else "server"]
            for when in ("before", "after"):
                e = marks.get(f"{kind}-{end}-{when}")
                if e is None:
                    if (when, want) != ("after", "?"):
                        print(f"{kind}: the {end} has no mark {when}")
                    continue
                via = e.get("via", [])
                others = [v for v in via if v["call"] != other and (v["kind"], want) != ("unknown", "watch")]
                if others:
                    print(f"{kind}: the {end}'s mark {when} has edges to others: {others}")
                if when == "before" and via or when == "after" and want == "-" and via:
                    print(f"{kind}: the {end}'s mark {when} has edges {via}")
                if when == "after" and want not in "-?" and want not in [v["kind"] for v in via]:
                    print(f"{kind}: the {end}'s mark {when} lacks the edge {want} to call {other}: {via}")


if sys.argv[1] == "judge":
    judge(sys.argv[2])
else:
    END, KIND = sys.argv[1:3]
    ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if END == "client":
        mark("before")
        wait()
    KINDS[KIND]()
