// SPDX-License-Identifier: Apache-2.0
/* weir pcap: flows and findings of packet captures. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "capture/capture.h"
#include "cmd/command.h"
#include "report/pcap.h"

#define EXIT_PCAP_NOT_ALL 1
#define FLOWS_SHOWN 1000

struct pcap_options {
	const char *form;
	uint64_t flows;
};

static const struct option_row rows[] = {
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct pcap_options, form) },
	{ 0, "flows", "N", NULL, "show the N flows with most to say (default: 1000, at most 65536)",
	  OPTION_UINT, offsetof(struct pcap_options, flows) },
	{ 0 },
};

static int pcap_run(int argc, char **argv);

const struct command command_pcap = {
	.name = "pcap",
	.arguments = "FILE...",
	.about = "read packet captures: their flows, and what the detectors find in them",
	.help = "FILEs are captures in the formats pcap and pcapng, of Ethernet, Linux cooked, "
		"loopback\n"
		"or IP, and are read as one capture, in the order given; - is standard input. The "
		"same\n"
		"detectors judge as in a run, with each host that opens flows as a call. Exit "
		"status: 0\n"
		"all was read, 1 a file was cut or malformed and was read up to there.\n"
		"\n"
		"  weir pcap capture.pcapng\n"
		"  tcpdump -i any -w - | weir pcap -f json - | jq .findings\n",
	.options = rows,
	.run = pcap_run,
};

static void show_progress(void *context, uint64_t bytes, uint64_t packets)
{
	(void)context;
	fprintf(stderr, "\r%llu MB, %llu packets ", (unsigned long long)(bytes / 1000000),
		(unsigned long long)packets);
}

static void end_progress(void)
{
	fprintf(stderr, "\r%40s\r", "");
}

/* Returns the exit status. */
static int read_all(struct capture *c, size_t count, char **paths, struct pcap_file *files)
{
	size_t broken = 0;

	for (size_t i = 0; i < count; i++) {
		files[i].path = paths[i];
		broken += capture_read(c, paths[i], &files[i].fail) < 0;
	}
	if (broken < count || capture_counts(c)->packets > 0)
		return broken ? EXIT_PCAP_NOT_ALL : 0;
	for (size_t i = 0; i < count; i++)
		log_error("%s", files[i].fail.text);
	return EXIT_WEIR_FAILED;
}

static int print(const struct pcap_options *o, const struct pcap_report *r)
{
	struct text_style style = text_style_of(stdout);
	struct fail f = { .code = 0 };
	int n = strcmp(o->form, "json") ? pcap_text(r, &style, stdout, &f)
					: pcap_json(r, stdout, &f);

	if (n < 0)
		log_error("%s", f.text);
	return n < 0 ? EXIT_WEIR_FAILED : 0;
}

static int judge(const struct pcap_options *o, size_t count, char **paths, struct pcap_file *files)
{
	bool watched = isatty(STDERR_FILENO);
	struct capture_options options = { .flows = o->flows,
					   .progress = watched ? show_progress : NULL };
	struct capture *c = NULL;
	int status = capture_new(&options, &c);

	if (status < 0) {
		log_error("pcap: %s", strerror(-status));
		return EXIT_WEIR_FAILED;
	}
	status = read_all(c, count, paths, files);
	capture_finish(c);
	if (watched)
		end_progress();
	if (status != EXIT_WEIR_FAILED && print(o, &(struct pcap_report){ c, count, files }) != 0)
		status = EXIT_WEIR_FAILED;
	capture_free(c);
	return status;
}

static int pcap_run(int argc, char **argv)
{
	struct pcap_options o = { .form = "text", .flows = FLOWS_SHOWN };
	int first = options_parse(&command_pcap, argc, argv, &o);
	cleanup_free struct pcap_file *files = NULL;
	size_t count;

	if (first < 0)
		return options_status(first);
	if (first == argc) {
		log_error("pcap: it is 'weir pcap FILE...', with - for standard input");
		return EXIT_WEIR_USAGE;
	}
	if (o.flows < 1 || o.flows > CAPTURE_FLOWS_MAX) {
		log_error("pcap: --flows is from 1 to %d", CAPTURE_FLOWS_MAX);
		return EXIT_WEIR_USAGE;
	}
	count = (size_t)(argc - first);
	files = calloc(count, sizeof(*files));
	if (!files) {
		log_error("pcap: %s", strerror(ENOMEM));
		return EXIT_WEIR_FAILED;
	}
	return judge(&o, count, argv + first, files);
}
