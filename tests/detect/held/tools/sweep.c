// SPDX-License-Identifier: Apache-2.0
// sweep PREFIX FIRST LAST PORT...: connects that do not wait, all addresses and ports in a shuffled
// order, 200 a second.
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOW = 64 };

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int first = atoi(argv[2]), ports = argc - 4, count = (atoi(argv[3]) - first + 1) * ports;
	int *order = calloc((size_t)count, sizeof(*order));
	struct pollfd open[WINDOW];

	for (int i = 0; i < WINDOW; i++)
		open[i] = (struct pollfd){ .fd = -1, .events = POLLOUT };
	for (int i = 0; i < count; i++) {
		int j = rand() % (i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < count + WINDOW; i++) {
		struct pollfd *slot = &open[i % WINDOW];
		int error = 1;
		socklen_t size = sizeof(error);

		usleep(5000);
		if (slot->fd >= 0) { // its time is over: a third of a second
			if (poll(slot, 1, 0) == 1)
				getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &size);
			if (!error)
				puts("open");
			close(slot->fd);
			slot->fd = -1;
		}
		if (i >= count)
			continue;
		char address[64];
		snprintf(address, sizeof(address), "%s%d", argv[1], first + order[i] / ports);
		struct sockaddr_in to = { .sin_family = AF_INET,
					  .sin_port = htons(
						  (uint16_t)atoi(argv[4 + order[i] % ports])) };
		slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (inet_pton(AF_INET, address, &to.sin_addr) == 1)
			(void)connect(slot->fd, (struct sockaddr *)&to, sizeof(to));
	}
	free(order);
	return 0;
}
