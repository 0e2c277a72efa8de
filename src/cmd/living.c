// SPDX-License-Identifier: Apache-2.0
/* Finds a living run by asking all of them; see living.h. Owns nothing. */
#include "cmd/living.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "call/client.h"
#include "call/message.h"

struct search {
	const char *wanted;
	size_t size;
	char id[RUN_ID_SIZE];
	int found;
};

static int compare(void *context, const struct message_status *status)
{
	struct search *s = context;
	bool same = (status->name && strlen(status->name) == s->size &&
		     memcmp(status->name, s->wanted, s->size) == 0) ||
		    strncmp(status->id, s->wanted, s->size) == 0;

	if (same) {
		memcpy(s->id, status->id, sizeof(s->id));
		s->found++;
	}
	return 0;
}

int living_find(const char *store, const char *wanted, size_t size, char ret_id[RUN_ID_SIZE],
		struct fail *f)
{
	struct search s = { .wanted = wanted, .size = size };
	int r = client_status(store, compare, &s, f);

	if (r < 0)
		return r;
	if (s.found == 0)
		return fail_text(f, ESRCH, "no living run is called %.*s; 'weir ps' lists them",
				 (int)size, wanted);
	if (s.found > 1)
		return fail_text(f, ENOTUNIQ, "%d living runs begin with %.*s", s.found, (int)size,
				 wanted);
	memcpy(ret_id, s.id, sizeof(s.id));
	return 0;
}
