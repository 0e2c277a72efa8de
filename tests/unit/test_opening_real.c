// SPDX-License-Identifier: Apache-2.0
/* The first bytes of real programs, caught by a listener of the test's own: each is known as what
 * it is, and no beginning of it as anything else. A program that is not there is left out, but some
 * of every protocol must be. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* ours is a function */

#include "base/cleanup.h"
#include "flow/opening.h"

#define PATIENCE_MS 10000

struct program {
	const char *needs;
	const char *command; /* run by sh, with PORT set */
	enum protocol protocol;
	const char *name;   /* NULL: none */
	const char *detail; /* what it must hold */
};

#define PYTHON(text) "python3 -c 'import os,socket,ssl; p=int(os.environ[\"PORT\"]); " text "'"
#define PYTHON_TLS                                                                  \
	"c=ssl.create_default_context(); c.check_hostname=False; c.verify_mode=0; " \
	"s=socket.create_connection((\"127.0.0.1\",p)); "

static const struct program programs[] = {
	{ "openssl", "openssl s_client -connect 127.0.0.1:$PORT -servername a.example.org",
	  PROTOCOL_TLS, "a.example.org", "SNI a.example.org" },
	{ "openssl", "openssl s_client -connect 127.0.0.1:$PORT -noservername -alpn h2,http/1.1",
	  PROTOCOL_TLS, NULL, "no SNI, ALPN h2 http/1.1" },
	{ "openssl",
	  "openssl s_client -connect 127.0.0.1:$PORT -servername a.b -tls1_2 -split_send_frag "
	  "512",
	  PROTOCOL_TLS, "a.b", "SNI a.b" },
	{ "openssl", "openssl s_client -connect 127.0.0.1:$PORT -servername 93.184.216.34",
	  PROTOCOL_TLS, "", "SNI 93.184.216.34" },
	{ "curl",
	  "curl -sk --noproxy '*' --resolve a.example.org:$PORT:127.0.0.1 "
	  "https://A.example.org:$PORT/",
	  PROTOCOL_TLS, "a.example.org", "SNI a.example.org, ALPN h2 http/1.1" },
	{ "curl", "curl -sk --noproxy '*' https://127.0.0.1:$PORT/", PROTOCOL_TLS, NULL, "no SNI" },
	{ "python3", PYTHON(PYTHON_TLS "c.wrap_socket(s, server_hostname=\"py.example.org\")"),
	  PROTOCOL_TLS, "py.example.org", "SNI py.example.org" },
	{ "node",
	  "node -e 'require(\"tls\").connect({port:+process.env.PORT, host:\"127.0.0.1\", "
	  "servername:\"node.example.org\", rejectUnauthorized:false}).on(\"error\",()=>0)'",
	  PROTOCOL_TLS, "node.example.org", "SNI node.example.org" },
	{ "wget",
	  "wget -q --no-proxy -T 5 -t 1 -O - http://127.0.0.1:$PORT/x --header 'Host: "
	  "w.example.org'",
	  PROTOCOL_HTTP, "w.example.org", "GET /x" },
	{ "curl",
	  "curl -s --noproxy '*' --resolve a.example.org:$PORT:127.0.0.1 "
	  "http://a.example.org:$PORT/ -d body=1",
	  PROTOCOL_HTTP, "a.example.org", "POST /" },
	{ "curl",
	  "curl -s --noproxy '*' --http2-prior-knowledge --resolve a.example.org:$PORT:127.0.0.1 "
	  "http://a.example.org:$PORT/",
	  PROTOCOL_HTTP, "a.example.org", "HTTP/2" },
	{ "curl",
	  "curl -s --noproxy '*' --http2 --resolve a.example.org:$PORT:127.0.0.1 "
	  "http://a.example.org:$PORT/",
	  PROTOCOL_HTTP, "a.example.org", "GET /" },
	{ "curl", "curl -s -p -x 127.0.0.1:$PORT http://b.example.org/", PROTOCOL_HTTP,
	  "b.example.org", "CONNECT" },
	{ "curl", "curl -s -x 127.0.0.1:$PORT http://b.example.org/x", PROTOCOL_HTTP,
	  "b.example.org", "GET http://b.example.org/x" },
	{ "curl", "curl -s --socks5-hostname 127.0.0.1:$PORT http://b.example.org/", PROTOCOL_SOCKS,
	  NULL, "SOCKS 5" },
	{ "curl", "curl -s --socks4a 127.0.0.1:$PORT http://b.example.org:81/", PROTOCOL_SOCKS,
	  NULL, "SOCKS 4 to b.example.org:81" },
	{ "ssh", "ssh -F none -o BatchMode=yes -p $PORT 127.0.0.1", PROTOCOL_SSH, NULL,
	  "SSH-2.0-" },
	{ "git", "git ls-remote git://127.0.0.1:$PORT/project.git", PROTOCOL_GIT, "",
	  "git-upload-pack /project.git" },
	{ "psql", "psql -w 'host=127.0.0.1 user=u dbname=d sslmode=disable port='$PORT",
	  PROTOCOL_POSTGRES, NULL, "user u database d" },
	{ "psql", "psql -w 'host=127.0.0.1 user=u dbname=d sslmode=require port='$PORT",
	  PROTOCOL_POSTGRES, NULL, "asks for TLS" },
	{ "dig", "dig +tcp +tries=1 +timeout=2 @127.0.0.1 -p $PORT q.example.org AAAA",
	  PROTOCOL_DNS, NULL, "question for q.example.org" },
	{ "kdig", "kdig +tcp +retry=0 +timeout=2 @127.0.0.1 -p $PORT q.example.org", PROTOCOL_DNS,
	  NULL, "question for q.example.org" },
	{ "redis-cli", "redis-cli -p $PORT ping", PROTOCOL_REDIS, NULL, "" },
	{ "python3",
	  PYTHON("socket.create_connection((\"127.0.0.1\",p)).send(b\"*1\\r\\n$"
		 "4\\r\\nPING\\r\\n\")"),
	  PROTOCOL_REDIS, NULL, "PING" },
};

static int listen_here(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static pid_t start(const char *command, uint16_t port)
{
	char text[8];
	pid_t pid;

	snprintf(text, sizeof(text), "%u", port);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	setpgid(0, 0);
	setenv("PORT", text, 1);
	setenv("GIT_TERMINAL_PROMPT", "0", 1);
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* What a program says until its opening is known, or it says no more. */
static size_t catch (int listener, char *data, size_t most)
{
	size_t size = 0;
	struct opening o;
	int fd;

	if (!readable(listener))
		return 0;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	while (size < most && opening_read(data, size, false, &o) == OPENING_MORE && readable(fd)) {
		ssize_t n = recv(fd, data + size, most - size, 0);

		if (n <= 0)
			break;
		size += (size_t)n;
	}
	close(fd);
	return size;
}

static void check_beginnings(const char *data, size_t size, const struct opening *whole)
{
	struct opening part;

	for (size_t n = 0; n < size; n++) {
		opening_read(data, n, false, &part);
		assert_true(part.state != OPENING_BROKEN);
		assert_true(part.protocol == PROTOCOL_UNKNOWN || part.protocol == whole->protocol);
		if (part.state == OPENING_KNOWN) {
			assert_int_equal(part.protocol, whole->protocol);
			assert_string_equal(part.name, whole->name);
			assert_string_equal(part.detail, whole->detail);
		}
	}
}

static bool try_program(const struct program *p)
{
	static char data[OPENING_MAX];
	struct opening o;
	uint16_t port = 0;
	char which[64];
	int listener;
	size_t size;
	pid_t pid;

	snprintf(which, sizeof(which), "command -v %s >/dev/null", p->needs);
	if (system(which) != 0)
		return false;
	listener = listen_here(&port);
	pid = start(p->command, port);
	size = catch (listener, data, sizeof(data));
	kill(-pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(listener);
	opening_read(data, size, false, &o);
	if (o.state != OPENING_KNOWN || o.protocol != p->protocol || !strstr(o.detail, p->detail) ||
	    strcmp(o.name, p->name ? p->name : "") != 0 || o.has_name != (p->name != NULL)) {
		print_error("%s\n%zu bytes: state %d, protocol %d, name %s, detail %s\n",
			    p->command, size, o.state, o.protocol, o.name, o.detail);
		assert_true(false);
	}
	check_beginnings(data, size, &o);
	return true;
}

static void test_programs(void **state)
{
	bool seen[PROTOCOL_COUNT] = { false };

	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
		seen[programs[i].protocol] |= try_program(&programs[i]);
	assert_true(seen[PROTOCOL_TLS] && seen[PROTOCOL_HTTP] && seen[PROTOCOL_SSH] &&
		    seen[PROTOCOL_GIT]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_programs) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
