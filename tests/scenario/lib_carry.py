# SPDX-License-Identifier: Apache-2.0
# Both ends of carried sockets, for carry.sh. Outside: `lib_carry.py serve DIR` listens on 127.0.0.1 and on
# DIR/socket, writes DIR/port, and answers by the first line of a connection:
#   sum       reads to the end, answers with the digest of what it read     give N   sends N bytes, then ends
#   silent    reads nothing for as long as the other side is there          reset    resets at once
# and writes that line to DIR/log as the witness. Inside: `lib_carry.py ask PORT WORD...`.
import hashlib
import os
import socket
import struct
import sys
import threading
import time


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer(connection, log):
    file = connection.makefile("rb")
    line = file.readline().decode().strip()
    log.write(line + "\n")
    log.flush()
    word = (line.split() + [""])[0]
    if word == "sum":
        digest, size = hashlib.sha256(), 0
        while block := file.read(65536):
            digest.update(block)
            size += len(block)
        connection.sendall(f"{size} {digest.hexdigest()}\n".encode())
    elif word == "give":
        connection.sendall(b"g" * int(line.split()[1]))
    elif word == "silent":
        time.sleep(8)
    file.close()
    if word in ("silent", "reset"):
        reset(connection)
        return
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def serve(directory):
    log = open(f"{directory}/log", "a")
    tcp = socket.create_server(("127.0.0.1", 0), backlog=512)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(f"{directory}/socket")
    unix.listen(64)
    os.chmod(f"{directory}/socket", 0o777)

    def accept(listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(connection, log), daemon=True).start()

    threading.Thread(target=accept, args=(unix,), daemon=True).start()
    with open(f"{directory}/port.new", "w") as f:
        f.write(str(tcp.getsockname()[1]))
    os.rename(f"{directory}/port.new", f"{directory}/port")
    accept(tcp)


def connect(port, line):
    s = socket.create_connection(("127.0.0.1", port), timeout=30)
    s.sendall(line.encode() + b"\n")
    return s


def ask_sum(port, size, mark=""):
    data = os.urandom(size)
    s = connect(port, f"sum {mark}")
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)  # the answer comes only after this
    got = s.makefile("rb").read().decode().split()
    return got == [str(size), hashlib.sha256(data).hexdigest()]


def ask(port, word, arguments):
    if word == "sum":
        print("same" if ask_sum(port, int(arguments[0]), *arguments[1:]) else "other")
    elif word == "many":  # so many connections at once
        good = []

        def one(i):
            good.append(ask_sum(port, 1000 + i))

        threads = [threading.Thread(target=one, args=(i,)) for i in range(int(arguments[0]))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        print(sum(good), "same")
    elif word == "give":
        s = connect(port, f"give {arguments[0]}")
        print(len(s.makefile("rb").read()))
    elif word == "flood":  # at a far side that reads nothing: how much is taken
        s = connect(port, "silent")
        s.setblocking(False)
        sent, last = 0, time.time()
        while time.time() - last < 2.5:
            try:
                sent += s.send(b"f" * 65536)
                last = time.time()
            except BlockingIOError:
                time.sleep(0.05)
        print(sent)
    elif word == "reset":
        s = connect(port, "reset")
        try:
            print("end" if not s.recv(1) else "data")
        except ConnectionResetError:
            print("reset")
    else:  # open: what becomes of a connection
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=10)
            print("data" if s.recv(1) else "end")
        except OSError as e:
            print(type(e).__name__)


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
