// SPDX-License-Identifier: Apache-2.0
/* Announcements of an agent's hooks; see hook.h. An announcement that no process answers to is a
 * call too, recorded as one that was not executed: the agent did it itself, in call 0. Owns the
 * announcements. Trusts no word of them; they are bounded by number and by bytes. */
#include "keeper/hook.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ask.h"
#include "base/clock.h"
#include "keeper/keeper.h"

#define COMMAND_COMPARED 4096 /* bytes of a command that are looked for */
#define LOOSE_MIN 6	      /* letters of a command that is found without its quotes */
#define INSERTED_MIN 16	      /* letters of one that is found with something put into it */
#define ORDER_NS \
	(10ull * NSEC_PER_SEC) /* how long one without a command may wait for its process */

enum word { WORD_WHEN, WORD_ID, WORD_NAME, WORD_ARGUMENTS, WORD_COMMAND, WORD_RESULT, WORD_TOTAL };
_Static_assert(WORD_TOTAL + 1 == ASK_HOOK_WORDS, "base/ask.h");

struct announced {
	struct announced *next;
	uint32_t agent; /* the call that the agent works in */
	uint64_t key, wall_ns, mono_ns;
	size_t size;
	const char *word[ASK_HOOK_WORDS]; /* in text */
	char text[];
};

/* What is between two single words of a command line; what a shell's quoting adds or takes away. */
static bool is_quoting(char c)
{
	return isspace((unsigned char)c) || c == '\'' || c == '"' || c == '\\' || c == '\0';
}

static bool is_boundary(char c)
{
	return !isalnum((unsigned char)c) && !strchr("_-./", c);
}

/* Copies text without its quoting; returns how much is left. */
static size_t bare(const char *text, size_t size, char *to, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < size && n < room; i++)
		if (!is_quoting(text[i]))
			to[n++] = text[i];
	return n;
}

/* The command as it is written, not as a part of another word. */
static bool has_words(const char *argv, size_t size, const char *command, size_t length)
{
	const char *end = argv + size, *at = argv;

	while ((at = memmem(at, (size_t)(end - at), command, length))) {
		const char *behind = at + length;

		if ((at == argv || is_boundary(at[-1])) && (behind >= end || is_boundary(*behind)))
			return true;
		at++;
	}
	return false;
}

/* Whether the text is the command with something put into it, once: Qwen Code adds who helped to
 * the message of a commit. */
static bool has_inserted(const char *had, size_t had_size, const char *wanted, size_t wanted_size)
{
	size_t before = 0, behind = 0;

	while (before < wanted_size && before < had_size && had[before] == wanted[before])
		before++;
	while (behind < wanted_size && behind < had_size &&
	       had[had_size - 1 - behind] == wanted[wanted_size - 1 - behind])
		behind++;
	return before >= INSERTED_MIN / 2 && wanted_size >= INSERTED_MIN &&
	       before + behind >= wanted_size;
}

/* The same for one of the arguments. */
static bool has_argument_inserted(const char *argv, size_t size, const char *wanted,
				  size_t wanted_size)
{
	char had[2 * COMMAND_COMPARED];

	for (size_t at = 0; at < size; at += strlen(argv + at) + 1) {
		size_t had_size = bare(argv + at, strlen(argv + at), had, sizeof(had));

		if (has_inserted(had, had_size, wanted, wanted_size))
			return true;
	}
	return false;
}

/* How well arguments fit an announced command: 0 not at all, 1 with something in between, 2
 * loosely, 3 word for word, 4 as one argument. */
static int fit(const struct announced *w, const char *argv, size_t size)
{
	const char *command = w->word[WORD_COMMAND];
	size_t length = strnlen(command, COMMAND_COMPARED);
	char wanted[COMMAND_COMPARED], had[2 * COMMAND_COMPARED];
	size_t wanted_size, had_size;

	for (size_t at = 0; at < size; at += strlen(argv + at) + 1)
		if (strcmp(argv + at, command) == 0)
			return 4;
	if (has_words(argv, size, command, length))
		return 3;
	wanted_size = bare(command, length, wanted, sizeof(wanted));
	had_size = bare(argv, size, had, sizeof(had));
	if (wanted_size >= LOOSE_MIN && memmem(had, had_size, wanted, wanted_size))
		return 2;
	return has_argument_inserted(argv, size, wanted, wanted_size) ? 1 : 0;
}

static uint64_t hash(uint64_t h, const char *text)
{
	do
		h = (h ^ (unsigned char)*text) * 0x100000001b3ull; /* FNV-1a */
	while (*text++);
	return h;
}

/* The tool call: by its id, or where the agent gives none by its tool and arguments. */
static uint64_t key_of(uint32_t agent, const char *const word[ASK_HOOK_WORDS])
{
	uint64_t h = 0xcbf29ce484222325ull ^ agent;

	if (*word[WORD_ID])
		return hash(h, word[WORD_ID]);
	return hash(hash(h + 1, word[WORD_NAME]), word[WORD_ARGUMENTS]);
}

/* Points at the words of a message; each has its NUL. */
static int words_find(const char *words, size_t size, const char *ret[ASK_HOOK_WORDS])
{
	size_t at = 0;

	for (int i = 0; i < ASK_HOOK_WORDS; i++) {
		const char *nul = at < size ? memchr(words + at, '\0', size - at) : NULL;

		if (!nul)
			return -EBADMSG;
		ret[i] = words + at;
		at = (size_t)(nul - words) + 1;
	}
	if (strlen(ret[WORD_ID]) >= CALL_ID_MAX || strlen(ret[WORD_NAME]) >= CALL_FUNCTION_MAX ||
	    strlen(ret[WORD_RESULT]) > CALL_OUTPUT_MAX)
		return -EBADMSG;
	return 0;
}

void hooks_init(struct hooks *h)
{
	*h = (struct hooks){ .first = NULL };
	h->last = &h->first;
}

/* Takes it out of the list. */
static struct announced *unlink_at(struct hooks *h, struct announced **at)
{
	struct announced *w = *at;

	*at = w->next;
	if (!w->next)
		h->last = at;
	h->count--;
	h->bytes -= w->size;
	return w;
}

static int wait_for_process(struct hooks *h, uint32_t agent, const char *words, size_t size)
{
	struct announced *w;

	if (h->count >= HOOKS_WAITING_MAX || h->bytes + size > HOOKS_BYTES_MAX)
		return -ENOBUFS;
	w = malloc(sizeof(*w) + size);
	if (!w)
		return -ENOMEM;
	*w = (struct announced){
		.agent = agent, .wall_ns = clock_wall_ns(), .mono_ns = clock_mono_ns(), .size = size
	};
	memcpy(w->text, words, size);
	words_find(w->text, size, w->word);
	w->key = key_of(agent, w->word);
	*h->last = w;
	h->last = &w->next;
	h->count++;
	h->bytes += size;
	return 0;
}

void announced_words(const struct announced *w, struct call_announce *a)
{
	a->tool_call_id = (char *)w->word[WORD_ID];
	a->function_name = (char *)w->word[WORD_NAME];
	a->arguments = *w->word[WORD_ARGUMENTS] ? (char *)w->word[WORD_ARGUMENTS] : NULL;
	a->source = CALL_BY_HOOK;
}

/* A call without a process. Returns its number, or 0 where a run has too many. */
static uint32_t note(struct keeper *k, const struct announced *w, const char *reason)
{
	struct call_announce a = { .parent = w->agent,
				   .started_ns = w->wall_ns,
				   .reason = (char *)reason };

	if (k->calls_begun >= CALLS_PER_RUN_MAX)
		return 0;
	a.n = ++k->calls_begun;
	announced_words(w, &a);
	record_call_announce(k, &a);
	record_call_exit(k, &(struct call_exit){ .n = a.n,
						 .exit_code = -1,
						 .ending = ENDING_NOT_EXECUTED,
						 .ended_ns = clock_wall_ns() });
	record_call_gone(k, &(struct call_gone){ .n = a.n, .gone_ns = clock_wall_ns() });
	return a.n;
}

static void remember(struct hooks *h, uint64_t key, uint32_t n)
{
	h->known[h->known_next] = (struct known){ .key = key, .call = n };
	h->known_next = (h->known_next + 1) % HOOKS_KNOWN_MAX;
}

/* The call that became of the announcement, once; 0: none is known. */
static uint32_t known_take(struct hooks *h, uint64_t key)
{
	for (size_t i = 0; i < HOOKS_KNOWN_MAX; i++) {
		struct known *k = &h->known[(h->known_next + i) % HOOKS_KNOWN_MAX];
		uint32_t n = k->call;

		if (!n || k->key != key)
			continue;
		k->call = 0;
		return n;
	}
	return 0;
}

static void observe(struct keeper *k, uint32_t n, const char *const word[ASK_HOOK_WORDS])
{
	struct call_observation o = { .n = n,
				      .output = (char *)word[WORD_RESULT],
				      .output_size = strlen(word[WORD_RESULT]),
				      .output_total = strtoull(word[WORD_TOTAL], NULL, 10) };
	cleanup_buf struct buf data = { 0 };

	if (o.output_total < o.output_size)
		o.output_total = o.output_size;
	buf_init(&data, MESSAGE_OBSERVATION_MAX);
	call_observation_encode(&o, &data);
	if (!data.error)
		record_bytes(k, MESSAGE_REC_CALL_OBSERVATION, data.data, data.size);
}

/* The result has come: of a call that has a process, or of something that the agent did itself. */
static int take_result(struct hooks *h, struct keeper *k, uint32_t agent, const char *words,
		       size_t size, const char *const word[ASK_HOOK_WORDS])
{
	uint64_t key = key_of(agent, word);
	uint32_t n = known_take(h, key);
	struct announced **at = &h->first;
	int r = 0;

	while (!n && *at && (*at)->key != key)
		at = &(*at)->next;
	if (!n && !*at) { /* nobody had announced it */
		r = wait_for_process(h, agent, words, size);
		for (at = &h->first; *at && (*at)->next;)
			at = &(*at)->next;
	}
	if (r < 0)
		return r;
	if (!n) {
		struct announced *w = unlink_at(h, at);

		n = note(k, w, "the agent did this itself: what it did is part of call 0");
		free(w);
	}
	if (n)
		observe(k, n, word);
	return 0;
}

int hooks_hear(struct hooks *h, struct keeper *k, uint32_t agent, const char *words, size_t size)
{
	const char *word[ASK_HOOK_WORDS];
	int r = words_find(words, size, word);

	if (r < 0)
		return r;
	if (strcmp(word[WORD_WHEN], "pre") == 0)
		return wait_for_process(h, agent, words, size);
	return take_result(h, k, agent, words, size, word);
}

/* By the command's text, the better fit and then the earlier one first. Without any that fits, the
 * earliest of those that name no command, while it is new. */
struct announced *hooks_claim(struct hooks *h, uint32_t agent, const char *argv, size_t size)
{
	struct announced **best = NULL, **next = NULL;
	uint64_t now = clock_mono_ns();
	int best_fit = 0;

	for (struct announced **at = &h->first; *at; at = &(*at)->next) {
		int fits;

		if ((*at)->agent != agent)
			continue;
		if (!*(*at)->word[WORD_COMMAND]) {
			next = next || now - (*at)->mono_ns > ORDER_NS ? next : at;
			continue;
		}
		fits = fit(*at, argv, size);
		if (fits > best_fit) {
			best = at;
			best_fit = fits;
		}
	}
	best = best ?: next;
	return best ? unlink_at(h, best) : NULL;
}

void hooks_became(struct hooks *h, struct announced *w, uint32_t n)
{
	if (n)
		remember(h, w->key, n);
	free(w);
}

void hooks_end(struct hooks *h, struct keeper *k)
{
	while (h->first) {
		struct announced *w = unlink_at(h, &h->first);

		note(k, w, "announced; the run ended before a process or a result came");
		free(w);
	}
}
