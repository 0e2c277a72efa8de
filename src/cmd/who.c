// SPDX-License-Identifier: Apache-2.0
/* weir who: a line of a foreign firewall's log, answered with run, call, process and command. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "cmd/command.h"
#include "report/who.h"

#define EXIT_WHO_NONE 1
#define WITHIN_SECONDS 2 /* how wrong clocks usually are */
#define WITHIN_MAX 86400

struct who_options {
	const char *store, *form, *at, *src, *proto;
	uint64_t sport, within;
};

static const struct option_row rows[] = {
	{ 0, "at", "TIME", NULL,
	  "when it was seen: RFC 3339, UTC where it names no zone; or since 1970", OPTION_TEXT,
	  offsetof(struct who_options, at) },
	{ 0, "sport", "PORT", NULL, "the source port that was seen", OPTION_UINT,
	  offsetof(struct who_options, sport) },
	{ 0, "src", "ADDRESS", NULL, "the source address that was seen", OPTION_TEXT,
	  offsetof(struct who_options, src) },
	{ 0, "proto", "PROTO", "tcp|udp", "the protocol (default: either)", OPTION_TEXT,
	  offsetof(struct who_options, proto) },
	{ 0, "within", "SECONDS", NULL, "how wrong the clock there may be (default: 2)",
	  OPTION_UINT, offsetof(struct who_options, within) },
	{ 's', "store", "DIR", NULL, "the store (default: $WEIR_STORE, else weir's own)",
	  OPTION_TEXT, offsetof(struct who_options, store) },
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct who_options, form) },
	{ 0 },
};

static int parse_address(const char *text, uint8_t ret[16])
{
	uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, text, mapped + 12) != 1 && inet_pton(AF_INET6, text, mapped) != 1)
		return -EINVAL;
	memcpy(ret, mapped, 16);
	return 0;
}

static int parse_port(const char *text, uint16_t *ret)
{
	unsigned long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	n = strtoul(text, &end, 10);
	if (*end || !n || n > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

/* ADDRESS, ADDRESS:PORT for IPv4, [ADDRESS]:PORT for either. */
static int parse_destination(const char *text, struct who_question *q)
{
	char address[INET6_ADDRSTRLEN];
	const char *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');
	size_t skip = *text == '[', size;

	if (!parse_address(text, q->dst))
		return 0;
	if (!end)
		return -EINVAL;
	size = (size_t)(end - text) - skip;
	if (size >= sizeof(address))
		return -EINVAL;
	memcpy(address, text + skip, size);
	address[size] = '\0';
	end += skip;
	if (parse_address(address, q->dst) < 0 || (*end && *end != ':'))
		return -EINVAL;
	return *end ? parse_port(end + 1, &q->port) : 0;
}

/* 0, or what is wrong was said. */
static int question(const struct who_options *o, const char *destination, struct who_question *q)
{
	*q = (struct who_question){ .sport = (uint16_t)o->sport,
				    .within_ns = o->within * NSEC_PER_SEC,
				    .has_src = o->src };
	if (o->proto)
		q->transport = strcmp(o->proto, "tcp") ? IPPROTO_UDP : IPPROTO_TCP;
	if (parse_destination(destination, q) < 0)
		log_error("who: '%s' is no destination: it is ADDRESS or ADDRESS:PORT, such as "
			  "198.51.100.7:443 or [2001:db8::7]:443",
			  destination);
	else if (!o->at)
		log_error("who: --at TIME is needed, such as --at '2026-11-21 15:18:13'");
	else if (clock_parse(o->at, &q->at_ns, &q->precision_ns) < 0)
		log_error("who: '%s' is no time: it is RFC 3339, YYYY-MM-DD HH:MM:SS (UTC), or "
			  "seconds since 1970",
			  o->at);
	else if (o->src && parse_address(o->src, q->src) < 0)
		log_error("who: '%s' is no address", o->src);
	else if (o->sport > UINT16_MAX || o->within > WITHIN_MAX)
		log_error("who: a port is at most 65535, and a clock at most a day wrong");
	else
		return 0;
	return -EINVAL;
}

static int who_run(int argc, char **argv);

const struct command command_who = {
	.name = "who",
	.arguments = "DST[:PORT]",
	.about = "answer a line of a firewall's log: which run, call and process it was",
	.help = "DST and PORT are the destination as the outside saw it. With --sport the answer "
		"is "
		"exact\n"
		"where one flow fits; else it is the candidates that were there at that time, the "
		"likeliest\n"
		"first. Looks in all runs of the store, living ones too. Exit status: 0 found, 1 "
		"no "
		"run of\n"
		"this store.\n"
		"\n"
		"  weir who 198.51.100.7:443 --sport 50432 --at '2026-11-21 15:18:13'\n"
		"  weir who '[2001:db8::7]:22' --at 1795274293.25 -f json\n",
	.options = rows,
	.run = who_run,
};

static int answer(const struct who_options *o, const struct who_question *q, struct fail *f)
{
	struct text_style style = text_style_of(stdout);
	cleanup_free char *standard = o->store ? NULL : store_path_default();
	cleanup_who struct who_answer a = { 0 };
	struct store *s = NULL;
	int r = store_open(o->store ? o->store : standard, &s, f);

	if (r >= 0)
		r = who_ask(s, q, &a, f);
	if (r >= 0)
		r = strcmp(o->form, "json") ? who_text(q, &a, &style, stdout, f)
					    : who_json(q, &a, stdout, f);
	store_close(s);
	return r < 0 ? EXIT_WEIR_FAILED : a.kind == WHO_NONE ? EXIT_WHO_NONE : 0;
}

static int who_run(int argc, char **argv)
{
	struct who_options o = { .form = "text", .within = WITHIN_SECONDS };
	int first = options_parse(&command_who, argc, argv, &o);
	struct fail f = { .code = 0 };
	struct who_question q;
	int status;

	if (first < 0)
		return options_status(first);
	if (argc - first != 1) {
		log_error("who: it is 'weir who DST[:PORT] --at TIME'");
		return EXIT_WEIR_USAGE;
	}
	if (question(&o, argv[first], &q) < 0)
		return EXIT_WEIR_USAGE;
	status = answer(&o, &q, &f);
	if (status == EXIT_WEIR_FAILED)
		log_error("%s", f.text);
	return status;
}
