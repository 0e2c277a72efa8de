// SPDX-License-Identifier: Apache-2.0
/* weir doctor: which barriers and sensors hold on this host, why not, and what would change that.
 * Barriers are probed here; sensors by weir-supervisor --probe, so that this program need not link
 * libbpf. Owns the child it asks. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "call/place.h"
#include "cmd/command.h"
#include "sandbox/sandbox.h"

#define PROBE_BYTES_MAX 65536
#define LINES_MAX 64

struct doctor_options {
	const char *form;
};

static const struct option_row rows[] = {
	{ 'f', "format", "FORM", "text|json", "how to print (default: text)", OPTION_TEXT,
	  offsetof(struct doctor_options, form) },
	{ 0 },
};

struct diagnosis {
	size_t barrier_count, sensor_count;
	struct doctor_line barriers[BARRIERS_MAX];
	struct doctor_line sensors[LINES_MAX];
};

/* Runs weir-supervisor --probe and takes its output. */
static int ask_supervisor(struct buf *output, struct fail *f)
{
	cleanup_free char *path = place_executable("weir-supervisor", f);
	char *argv[] = { (char *)"weir-supervisor", (char *)"--probe", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0, r;
	pid_t pid;

	if (!path)
		return -f->code;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return fail(f, errno, "cannot make a pipe");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (r == 0)
		r = -file_read_all(ends[0], output);
	close(ends[0]);
	if (r != 0)
		return fail(f, r, "cannot ask %s", path);
	waitpid(pid, &status, 0);
	return status ? fail_text(f, EIO, "%s --probe failed", path) : 0;
}

static enum barrier_state state_of(const char *name)
{
	for (int s = STATE_ENFORCED; s <= STATE_NOT_OURS; s++)
		if (strcmp(name, barrier_state_name(s)) == 0)
			return s;
	return STATE_UNAVAILABLE;
}

static void copy_field(char *into, size_t room, char **rest)
{
	char *field = *rest ? strsep(rest, "\t") : NULL;

	snprintf(into, room, "%s", field ? field : "");
}

static void take_sensors(struct diagnosis *d, char *output)
{
	char *line;

	while ((line = strsep(&output, "\n")) && d->sensor_count < LINES_MAX) {
		struct doctor_line *s = &d->sensors[d->sensor_count];
		char state[32];

		if (!*line)
			continue;
		copy_field(s->line.name, sizeof(s->line.name), &line);
		copy_field(state, sizeof(state), &line);
		copy_field(s->line.reason, sizeof(s->line.reason), &line);
		copy_field(s->fix, sizeof(s->fix), &line);
		s->line.state = state_of(state);
		d->sensor_count++;
	}
}

static void print_group(const char *title, const struct doctor_line *lines, size_t count)
{
	printf("%s\n", title);
	for (size_t i = 0; i < count; i++) {
		printf("  %-20s%s\n", lines[i].line.name, barrier_state_name(lines[i].line.state));
		if (lines[i].line.reason[0])
			printf("  %-20s  why: %s\n", "", lines[i].line.reason);
		if (lines[i].fix[0])
			printf("  %-20s  to change it: %s\n", "", lines[i].fix);
	}
}

static void add_group(struct json *j, const char *key, const struct doctor_line *lines,
		      size_t count)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < count; i++) {
		json_object(j);
		json_field_string(j, "name", lines[i].line.name);
		json_field_string(j, "state", barrier_state_name(lines[i].line.state));
		json_field_string(j, "reason", lines[i].line.reason);
		json_field_string(j, "fix", lines[i].fix);
		json_object_end(j);
	}
	json_array_end(j);
}

static void print_json(const struct diagnosis *d, const struct utsname *u)
{
	cleanup_buf struct buf text = { 0 };
	struct json j;

	buf_init(&text, 1024 * 1024);
	json_init(&j, &text);
	json_object(&j);
	json_field_string(&j, "version", WEIR_VERSION);
	json_field_string(&j, "kernel", u->release);
	json_field_uint(&j, "uid", geteuid());
	add_group(&j, "barriers", d->barriers, d->barrier_count);
	add_group(&j, "sensors", d->sensors, d->sensor_count);
	json_object_end(&j);
	puts(buf_text(&text));
}

static int doctor_run(int argc, char **argv);

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.about = "what holds on this host, and what would make more hold",
	.help = "Probes every barrier and every sensor on this host, for this user, and says of "
		"each\n"
		"whether it is enforced, degraded or unavailable, why, and what would change "
		"that.\n"
		"Nothing on the host is changed.\n",
	.options = rows,
	.run = doctor_run,
};

static int doctor_run(int argc, char **argv)
{
	struct doctor_options o = { .form = "text" };
	int first = options_parse(&command_doctor, argc, argv, &o);
	struct diagnosis d = { .sensor_count = 0 };
	cleanup_buf struct buf output = { 0 };
	struct fail f = { .code = 0 };
	struct utsname u;

	buf_init(&output, PROBE_BYTES_MAX);
	if (first < 0)
		return options_status(first);
	if (first != argc) {
		log_error("weir doctor takes no arguments");
		return EXIT_WEIR_USAGE;
	}
	uname(&u);
	d.barrier_count = sandbox_probe(d.barriers);
	if (ask_supervisor(&output, &f) < 0)
		log_error("sensors could not be probed: %s", f.text);
	if (output.data)
		take_sensors(&d, output.data);
	if (strcmp(o.form, "json") == 0) {
		print_json(&d, &u);
		return f.code ? EXIT_WEIR_FAILED : 0;
	}
	printf("weir " WEIR_VERSION " on Linux %s, as uid %u\n\n", u.release, geteuid());
	print_group("barriers", d.barriers, d.barrier_count);
	print_group("\nsensors", d.sensors, d.sensor_count);
	return f.code ? EXIT_WEIR_FAILED : 0;
}
