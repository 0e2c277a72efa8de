// SPDX-License-Identifier: Apache-2.0
/* The recorder's life: started with the supervisor, started again when it dies, given the store,
 * the kernel's rings and a way to every keeper. Owns the connection to it. Of what it says only its
 * state matters here. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "supervisor/supervisor.h"

#define RETRY_NS NSEC_PER_SEC /* one that died at once is not started again at once */

static void recorder_lost(struct supervisor *s)
{
	uint64_t now = clock_mono_ns();

	loop_remove(&s->loop, &s->recorder_watch);
	close(take_fd(&s->recorder.fd));
	s->recorder_retry_ns = now;
	if (now - s->recorder_started_ns < RETRY_NS)
		s->recorder_retry_ns = now + RETRY_NS;
}

static void recorder_ready(struct watch *w, uint32_t events)
{
	struct supervisor *s = container_of(w, struct supervisor, recorder_watch);
	struct message m = { .fd_count = 0 };
	int r = channel_receive(&s->recorder, &m, MSG_DONTWAIT);
	struct wire wire;

	if (r == 1) {
		wire_init(&wire, m.data, m.size);
		if (message_text_decode(&wire, &s->recorder_state) < 0)
			r = -EPROTO;
		else if (s->recorder_state.code)
			log_error("%s", s->recorder_state.text);
	}
	message_free(&m);
	if (r != 1 && r != -EAGAIN)
		recorder_lost(s);
}

/* A ring's data area has as many bytes as its map has "entries"; proc(5), fdinfo. */
static uint64_t ring_size(int fd)
{
	cleanup_buf struct buf text = { 0 };
	char path[48];
	const char *at;

	buf_init(&text, 4096);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (file_read_path(AT_FDCWD, path, &text) < 0)
		return 0;
	at = strstr(buf_text(&text), "max_entries:");
	return at ? strtoull(at + strlen("max_entries:"), NULL, 10) : 0;
}

void recorder_rings(struct supervisor *s)
{
	struct message_rings rings = { .count = 0 };
	int fds[MESSAGE_FDS_MAX];
	cleanup_buf struct buf data = { 0 };
	const struct sensor_fd *all;
	size_t count;

	if (s->recorder.fd < 0 || !s->sensors)
		return;
	all = sensors_fds(s->sensors, &count);
	for (size_t i = 0; i < count && rings.count < MESSAGE_FDS_MAX; i++) {
		struct message_ring *ring = &rings.rings[rings.count];

		if (strncmp(all[i].name, "ring.", strlen("ring.")) != 0)
			continue;
		memcpy(ring->name, all[i].name, sizeof(ring->name));
		ring->size = ring_size(all[i].fd);
		fds[rings.count++] = all[i].fd;
	}
	if (rings.count == 0)
		return;
	buf_init(&data, 4096);
	message_rings_encode(&rings, &data);
	channel_send(&s->recorder, MESSAGE_RECORDER_RINGS, 0, data.data, data.size, fds,
		     rings.count, MSG_DONTWAIT);
}

int recorder_add_run(struct supervisor *s, const char *run_id)
{
	int ends[2];
	int r;

	if (s->recorder.fd < 0)
		return -ENOTCONN;
	r = channel_pair(ends);
	if (r < 0)
		return r;
	r = channel_send(&s->recorder, MESSAGE_RECORDER_RUN, 0, run_id, strlen(run_id), &ends[1], 1,
			 MSG_DONTWAIT);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	return ends[0];
}

static void lead_runs(struct supervisor *s)
{
	for (struct keeper_link *k = s->keepers; k; k = k->next) {
		cleanup_fd int fd = recorder_add_run(s, k->id);

		if (fd >= 0)
			channel_send(&k->channel, MESSAGE_RECORDER_LINK, 0, NULL, 0, &fd, 1,
				     MSG_DONTWAIT);
	}
}

void recorder_start(struct supervisor *s)
{
	struct fail f = { .code = 0 };
	int ends[2];
	int r;

	s->recorder_retry_ns = UINT64_MAX;
	if (s->recorder.fd >= 0 || channel_pair(ends) < 0)
		return;
	r = supervisor_spawn(s, "weir-recorder", ends[1], &f);
	close(ends[1]);
	if (r < 0) {
		log_error("%s", f.text);
		s->recorder_missing = r == -ENOENT;
		close(ends[0]);
		return;
	}
	s->recorder_started_ns = clock_mono_ns();
	s->recorder.fd = s->recorder_watch.fd = ends[0];
	s->recorder_watch.events = EPOLLIN;
	s->recorder_watch.ready = recorder_ready;
	s->recorder_state = (struct message_text){ .code = 0 };
	loop_add(&s->loop, &s->recorder_watch);
	channel_send(&s->recorder, MESSAGE_RECORDER_OPEN, 0, s->store, strlen(s->store), NULL, 0,
		     MSG_DONTWAIT);
	recorder_rings(s);
	lead_runs(s);
}
