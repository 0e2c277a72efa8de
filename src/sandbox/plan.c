// SPDX-License-Identifier: Apache-2.0
/* Makes plans: asks every barrier for its steps, puts them in order, decides whether the run may
 * start at all. Owns the image. Trusts the policy to be well-formed, not what its paths point at.
 */
#include "sandbox/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "sandbox/barrier.h"

#define ENVIRONMENT_MAX (256 * 1024)

static uint32_t text_add(struct sandbox_plan *p, const char *text)
{
	struct plan_image *image = p->image;
	size_t size = text ? strlen(text) + 1 : 0;
	uint32_t at = image->text_size;

	if (size <= 1)
		return 0;
	if (size > PLAN_TEXT_MAX - at) {
		p->error = -ENOBUFS;
		return 0;
	}
	memcpy(image->text + at, text, size);
	image->text_size += (uint32_t)size;
	return at;
}

struct step *plan_step(struct sandbox_plan *p, enum step_stage stage, enum step_op op,
		       const char *path, const char *target)
{
	struct plan_image *image = p->image;
	struct step *s = &image->steps[image->step_count];

	if (image->step_count == PLAN_STEPS_MAX - 1)
		p->error = -ENOBUFS; /* the last one is a place to write to, never executed */
	else
		image->step_count++;
	*s = (struct step){ .op = (uint8_t)op, .stage = (uint8_t)stage, .barrier = p->barrier };
	s->path = text_add(p, path);
	s->target = text_add(p, target);
	return s;
}

uint32_t plan_text(struct sandbox_plan *p, const char *text)
{
	return text_add(p, text);
}

bool plan_has(const struct sandbox_plan *p, enum step_op op, const char *path)
{
	for (uint32_t i = 0; i < p->image->step_count; i++) {
		const struct step *s = &p->image->steps[i];

		if (s->op == op && strcmp(image_text(p->image, s->path), path) == 0)
			return true;
	}
	return false;
}

void plan_file(struct sandbox_plan *p, const char *path, const char *content, mode_t mode,
	       uint8_t flags)
{
	struct step *s = plan_step(p, STAGE_BUILD, STEP_FILE, path, content);

	s->a = mode;
	s->b = strlen(content);
	s->flags = flags;
}

void plan_dirs(struct sandbox_plan *p, enum step_stage stage, const char *path, bool parents_only)
{
	char part[PATH_MAX];

	for (const char *slash = path; slash;) {
		slash = strchr(slash + 1, '/');
		if (!slash && parents_only)
			break;
		snprintf(part, sizeof(part), "%.*s", (int)(slash ? slash - path : PATH_MAX - 1),
			 path);
		if (!plan_has(p, STEP_DIR, part) && !plan_has(p, STEP_SYMLINK, part))
			plan_step(p, stage, STEP_DIR, part, NULL)->a = 0755;
	}
}

void plan_state(struct sandbox_plan *p, enum barrier_state state, const char *reason, ...)
{
	struct state_line *line = &p->states[p->state_count - 1];
	va_list args;

	if (state <= line->state)
		return;
	line->state = state;
	va_start(args, reason);
	vsnprintf(line->reason, sizeof(line->reason), reason, args);
	va_end(args);
}

/* Within init, seal and call the order is that of the operations; elsewhere that of planning. */
static bool comes_before(const struct step *a, const struct step *b)
{
	if (a->stage != b->stage)
		return a->stage < b->stage;
	return a->stage >= STAGE_INIT && a->op < b->op;
}

/* Stable; the lists are nearly sorted. */
static void steps_sort(struct plan_image *image)
{
	for (uint32_t i = 1; i < image->step_count; i++) {
		struct step s = image->steps[i];
		uint32_t k = i;

		for (; k > 0 && comes_before(&s, &image->steps[k - 1]); k--)
			image->steps[k] = image->steps[k - 1];
		image->steps[k] = s;
	}
}

static bool degrade_named(const struct policy *policy, const char *barrier)
{
	for (size_t i = 0; i < policy->degrade.count; i++) {
		if (strcmp(policy->degrade.items[i], barrier) == 0)
			return true;
	}
	return false;
}

/* A misspelt name would silently degrade nothing. */
static int degrade_check(const struct policy *policy, struct fail *f)
{
	for (size_t i = 0; i < policy->degrade.count; i++) {
		size_t k = 0;

		while (k < barrier_count &&
		       strcmp(policy->degrade.items[i], barriers[k]->name) != 0)
			k++;
		if (k == barrier_count)
			return fail_text(f, EINVAL,
					 "degrade: %s is no barrier; weir doctor lists them",
					 policy->degrade.items[i]);
	}
	return 0;
}

static int barriers_plan(struct sandbox_plan *p, struct fail *f)
{
	for (size_t i = 0; i < barrier_count; i++) {
		struct state_line *line = &p->states[p->state_count++];
		int r;

		p->barrier = (uint8_t)i;
		*line = (struct state_line){ .state = STATE_ENFORCED };
		snprintf(line->name, sizeof(line->name), "%s", barriers[i]->name);
		r = barriers[i]->plan(p, f);
		if (r < 0)
			return r;
		if (line->state == STATE_UNAVAILABLE && p->policy &&
		    !degrade_named(p->policy, line->name))
			return fail_text(
				f, ENOTSUP,
				"barrier %s is unavailable here: %s (see weir doctor; to run "
				"without it, name it under degrade:)",
				line->name, line->reason);
	}
	return 0;
}

static int plan_make(const struct policy *policy, struct sandbox_plan **ret, struct fail *f)
{
	struct sandbox_plan *p = calloc(1, sizeof(*p));
	int r;

	if (!p || !(p->image = malloc(sizeof(*p->image)))) {
		free(p);
		return fail(f, ENOMEM, "plan the sandbox");
	}
	memset(p->image, 0, offsetof(struct plan_image, steps));
	p->image->text[0] = '\0';
	p->image->text_size = 1;
	buf_init(&p->environment, ENVIRONMENT_MAX);
	host_look(&p->host);
	p->image->privileged = p->host.privileged;
	p->policy = policy;
	/* An ordinary user's root is not to be had: the identity barrier says so. */
	p->identity = policy && p->host.privileged ? policy->identity : IDENTITY_USER;
	r = policy ? degrade_check(policy, f) : 0;
	if (r == 0)
		r = barriers_plan(p, f);
	p->policy = NULL;
	if (r == 0 && p->error)
		r = fail(f, -p->error, "plan the sandbox: too many paths");
	if (r == 0 && p->environment.error)
		r = fail(f, -p->environment.error, "plan the environment");
	if (r < 0) {
		sandbox_plan_free(p);
		return r;
	}
	steps_sort(p->image);
	*ret = p;
	return 0;
}

int sandbox_plan_make(const struct policy *p, struct sandbox_plan **ret, struct fail *f)
{
	return plan_make(p, ret, f);
}

int plan_make_ahead(struct sandbox_plan **ret, struct fail *f)
{
	return plan_make(NULL, ret, f);
}

const struct state_line *sandbox_plan_states(const struct sandbox_plan *plan, size_t *ret_count)
{
	*ret_count = plan->state_count;
	return plan->states;
}

void sandbox_plan_free(struct sandbox_plan *plan)
{
	if (!plan)
		return;
	buf_free(&plan->environment);
	free(plan->image);
	free(plan);
}

void plan_image_copy(struct plan_image *to, const struct plan_image *from)
{
	memcpy(to, from, offsetof(struct plan_image, steps));
	memcpy(to->steps, from->steps, from->step_count * sizeof(*from->steps));
	memcpy(to->text, from->text, from->text_size);
}
