// SPDX-License-Identifier: Apache-2.0
/* See secret.h. Paths are an agent's. */
#include "detect/secret.h"

#include <string.h>

#include "base/cleanup.h"
#include "detect/detection.h"

void secret_event(struct keyed *secrets, const struct detection *d, const struct event_view *e)
{
	char path[PATH_TEXT_MAX] = "";
	int severity = e->file->result < 0 ? -1 : sensitive_file_read(d, e, path);
	unsigned weight = severity >= SEVERITY_HIGH ? 2 : 1;
	struct secret *s;
	size_t size;

	if (severity < SEVERITY_MEDIUM)
		return;
	s = keyed_get(secrets, e->h->call, 0);
	if (!s)
		return;
	if (!s->first_ns)
		s->first_ns = e->h->mono_ns;
	if (weight < s->weight)
		return;
	*s = (struct secret){ .weight = weight,
			      .first_ns = s->first_ns,
			      .mono_ns = e->h->mono_ns,
			      .seq = e->seq,
			      .call = e->h->call,
			      .pid = e->h->pid,
			      .start_ns = e->h->start_ns };
	size = strlen(path);
	size = size < sizeof(s->path) ? size : sizeof(s->path) - 1;
	memcpy(s->path, path + strlen(path) - size, size);
}

const struct secret *secret_before(struct keyed *secrets, const struct detection *d,
				   const struct event_header *h, bool *ret_edge)
{
	const struct secret *own = keyed_find(secrets, h->call, 0), *best = NULL;
	struct finding behind = { .call = h->call };

	*ret_edge = false;
	if (own)
		return own;
	finding_add_label(d, &behind, h->label);
	for (size_t i = 0; i < behind.via_count; i++) {
		const struct secret *s = keyed_find(secrets, behind.via[i].call, 0);

		if (s && (!best || s->weight > best->weight))
			best = s;
	}
	*ret_edge = best != NULL;
	return best;
}

/* What is used by showing it. Patterns as in files.sensitive. */
bool secret_opens(const struct secret *s, enum protocol protocol)
{
	static char *const keys[] = { "id_*", "*.ppk" };
	static char *const tokens[] = {
		".netrc",
		".git-credentials",
		".npmrc",
		".pypirc",
		"*/.aws/*",
		"*/.azure/*",
		"*/.config/gcloud/*",
		"*/.config/gh/hosts.yml",
		"*/.docker/config.json",
		"*/.kube/config",
		"*/.cargo/credentials*",
		"*/.terraform.d/*",
		"*/.claude/.credentials.json",
		"*/.codex/auth.json",
		"*/.qwen/oauth_creds.json",
		"*.p12",
		"*.pfx",
	};
	static char *const postgres[] = { ".pgpass" }, *const mysql[] = { ".my.cnf" };
	static const struct {
		enum protocol protocol;
		struct text_list files;
	} uses[] = {
		{ PROTOCOL_SSH, { ARRAY_LENGTH(keys), (char **)keys } },
		{ PROTOCOL_TLS, { ARRAY_LENGTH(tokens), (char **)tokens } },
		{ PROTOCOL_HTTP, { ARRAY_LENGTH(tokens), (char **)tokens } },
		{ PROTOCOL_POSTGRES, { ARRAY_LENGTH(postgres), (char **)postgres } },
		{ PROTOCOL_MYSQL, { ARRAY_LENGTH(mysql), (char **)mysql } },
	};

	for (size_t i = 0; i < ARRAY_LENGTH(uses); i++)
		if (uses[i].protocol == protocol && path_matches(s->path, &uses[i].files))
			return true;
	return false;
}
