// SPDX-License-Identifier: Apache-2.0
/* Asking living runs of a store by their sockets: `weir ps`, `weir kill`, `weir policy`. Owns
 * nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "call/channel.h"
#include "call/client.h"
#include "call/message.h"
#include "call/place.h"

#define ANSWER_WAIT_MS 10000

/* Sends one question to a run and waits for its answer. -ECONNREFUSED or -ENOENT: it does not live.
 */
static int ask(int place, const char *run_id, enum message_type question, const void *data,
	       size_t size, enum message_type answer, struct message *ret)
{
	struct channel c = { .self = PARTY_ASKER, .peer = PARTY_KEEPER };
	cleanup_message struct message m = { .fd_count = 0 };
	char name[PLACE_SOCKET_MAX];
	cleanup_fd int fd = -1;
	int r;

	place_run_socket(run_id, name);
	fd = c.fd = channel_connect(place, name);
	if (fd < 0)
		return fd;
	r = channel_send(&c, question, 0, data, size, NULL, 0, 0);
	if (r < 0)
		return r;
	r = channel_receive_within(&c, &m, ANSWER_WAIT_MS);
	if (r <= 0)
		return r == 0 ? -EPIPE : r;
	if (m.type != answer)
		return -EPROTO;
	*ret = m;
	m = (struct message){ .fd_count = 0 };
	return 0;
}

/* An order: its answer says whether it was carried out, and a number. */
static int order(const char *store, const char *run_id, enum message_type question,
		 const struct buf *data, enum message_type answer, uint32_t *ret_n, struct fail *f)
{
	cleanup_fd int place = place_open_existing(store, f);
	cleanup_message struct message m = { .fd_count = 0 };
	struct message_text t;
	struct wire w;
	int r;

	if (place < 0)
		return place;
	if (data->error)
		return fail(f, -data->error, "the question to run %s", run_id);
	r = ask(place, run_id, question, data->data, data->size, answer, &m);
	if (r == -ECONNREFUSED || r == -ENOENT)
		return fail_text(f, ESRCH, "run %s does not live", run_id);
	if (r < 0)
		return fail(f, -r, "run %s did not answer", run_id);
	wire_init(&w, m.data, m.size);
	r = message_text_decode(&w, &t);
	if (r < 0)
		return fail(f, -r, "run %s", run_id);
	if (t.code)
		return fail_text(f, t.code, "%s", t.text);
	*ret_n = t.n;
	return 0;
}

int client_kill(const char *store, const char *run_id, uint32_t call, struct fail *f)
{
	cleanup_buf struct buf question = { 0 };
	uint32_t n;

	buf_init(&question, 4);
	wire_put_u32(&question, call);
	return order(store, run_id, MESSAGE_KILL_ASK, &question, MESSAGE_KILL_DONE, &n, f);
}

int client_change_policy(const char *store, const char *run_id, const struct policy *p,
			 uint32_t *ret_cut, struct fail *f)
{
	cleanup_buf struct buf question = { 0 };

	buf_init(&question, POLICY_BYTES_MAX);
	policy_encode(p, &question);
	return order(store, run_id, MESSAGE_POLICY_ASK, &question, MESSAGE_POLICY_DONE, ret_cut, f);
}

int client_change_phase(const char *store, const char *run_id, enum egress_phase phase,
			uint32_t *ret_cut, struct fail *f)
{
	cleanup_buf struct buf question = { 0 };

	buf_init(&question, 4);
	wire_put_u32(&question, phase);
	return order(store, run_id, MESSAGE_PHASE_ASK, &question, MESSAGE_POLICY_DONE, ret_cut, f);
}

/* 1: asked; 0: the run does not live any more; else what on_run returned. */
static int status_of(int place, const char *run_id,
		     int (*on_run)(void *context, const struct message_status *status),
		     void *context)
{
	cleanup_message struct message m = { .fd_count = 0 };
	struct message_status status;
	struct wire w;
	int r = ask(place, run_id, MESSAGE_STATUS_ASK, NULL, 0, MESSAGE_STATUS, &m);

	if (r < 0)
		return 0;
	wire_init(&w, m.data, m.size);
	if (message_status_decode(&w, &status) < 0)
		return 0;
	r = on_run(context, &status);
	message_status_free(&status);
	return r;
}

int client_status(const char *store,
		  int (*on_run)(void *context, const struct message_status *status), void *context,
		  struct fail *f)
{
	int place = place_open_existing(store, f);
	cleanup_dir DIR *d = NULL;
	struct dirent *e;
	char run_id[RUN_ID_SIZE];

	if (place < 0)
		return place;
	d = fdopendir(place);
	if (!d) {
		close(place);
		return fail(f, ENOMEM, "cannot list the runs of %s", store);
	}
	while ((e = readdir(d))) {
		int r = place_is_run_socket(e->d_name, run_id)
				? status_of(dirfd(d), run_id, on_run, context)
				: 0;

		if (r < 0)
			return r;
	}
	return 0;
}
