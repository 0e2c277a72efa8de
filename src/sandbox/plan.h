/* SPDX-License-Identifier: Apache-2.0 */
/* A plan under construction: barriers add steps to it and say how well they hold. Errors (no room)
 * are sticky and told once at the end of sandbox_plan_make(). */
#ifndef WEIR_SANDBOX_PLAN_H
#define WEIR_SANDBOX_PLAN_H

#include "sandbox/host.h"
#include "sandbox/sandbox.h"
#include "sandbox/step.h"

struct sandbox_plan {
	struct host host;
	const struct policy
		*policy; /* only while barriers plan; NULL for the launcher's own plan */
	enum policy_identity identity; /* the one that can be had here */
	struct plan_image *image;
	struct state_line states[BARRIERS_MAX];
	size_t state_count;
	uint8_t barrier; /* the one that is planning */
	int error;
	/* what sandbox_start() needs outside of steps */
	struct sandbox_limits {
		uint64_t memory; /* POLICY_UNLIMITED: none */
		uint32_t cpus_milli, pids;
	} limits;
	uid_t workspace_uid; /* the workspace's owner on the host */
	gid_t workspace_gid;
	struct buf environment; /* NAME=VALUE, each NUL-terminated */
};

/* Appends a step of the planning barrier. path and target may be NULL. The returned step may be
 * refined until the next one is added; it is never NULL. */
struct step *plan_step(struct sandbox_plan *p, enum step_stage stage, enum step_op op,
		       const char *path, const char *target);
/* Offset of a text kept in the image. */
uint32_t plan_text(struct sandbox_plan *p, const char *text);
/* Directories for every parent of path (relative), then, unless parents_only, for path itself. */
void plan_dirs(struct sandbox_plan *p, enum step_stage stage, const char *path, bool parents_only);
bool plan_has(const struct sandbox_plan *p, enum step_op op, const char *path);
/* A file with this content; owned as flags say. */
void plan_file(struct sandbox_plan *p, const char *path, const char *content, mode_t mode,
	       uint8_t flags);
/* How well the planning barrier holds in this run. The worst state said wins. */
void plan_state(struct sandbox_plan *p, enum barrier_state state, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));

/* The steps that no policy changes, for a launcher that is started ahead of time. */
int plan_make_ahead(struct sandbox_plan **ret, struct fail *f);
void plan_image_copy(struct plan_image *to, const struct plan_image *from);
/* The steps of the way out; see sockets.c. */
int sockets_plan(struct sandbox_plan *p, struct fail *f);
/* "bind /usr on /usr, read-only", for people */
void plan_describe(const struct plan_image *image, const struct step *s, struct buf *out);

#endif
