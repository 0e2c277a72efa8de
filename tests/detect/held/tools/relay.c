// SPDX-License-Identifier: Apache-2.0
// relay FAR PORT INNER PORT: carries bytes between a TLS connection that goes out and a connection
// to the inside.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int dial(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		exit(1);
	return fd;
}

static bool carry_in(SSL *outer, int inner, char *data, int size)
{
	int n = SSL_read(outer, data, size);

	if (n <= 0)
		return SSL_get_error(outer, n) == SSL_ERROR_WANT_READ;
	return write(inner, data, (size_t)n) == n;
}

static bool carry_out(SSL *outer, int inner, char *data, int size)
{
	ssize_t n = read(inner, data, (size_t)size);

	return n > 0 && SSL_write(outer, data, (int)n) == n;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); // session tickets are no data
	SSL *outer = SSL_new(context);
	int fd = dial(argv[1], argv[2]);
	SSL_set_fd(outer, fd);
	if (SSL_connect(outer) != 1)
		return 1;
	struct pollfd ends[2] = { { .fd = fd, .events = POLLIN },
				  { .fd = dial(argv[3], argv[4]), .events = POLLIN } };
	char data[16384];
	bool open = true;
	while (open) {
		bool pending = SSL_pending(outer) > 0;
		if (!pending)
			poll(ends, 2, -1);
		if (pending || ends[0].revents)
			open = carry_in(outer, ends[1].fd, data, sizeof(data));
		if (open && !pending && ends[1].revents)
			open = carry_out(outer, ends[1].fd, data, sizeof(data));
	}
	return 0;
}
