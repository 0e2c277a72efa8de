# SPDX-License-Identifier: Apache-2.0
# Tries addresses and ports, one after another.   scan.py PAUSE SECONDS HOST... -- PORT...
import random
import socket
import sys
import time

pause, limit = float(sys.argv[1]), float(sys.argv[2])
cut = sys.argv.index("--")
places = [(host, int(port)) for host in sys.argv[3:cut] for port in sys.argv[cut + 1 :]]
random.Random(1).shuffle(places)
for host, port in places:
    try:
        with socket.create_connection((host, port), limit):
            print(host, port, flush=True)
    except OSError:
        pass
    time.sleep(pause)
