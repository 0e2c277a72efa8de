/* SPDX-License-Identifier: Apache-2.0 */
/* Where a store's living processes meet: STORE/run/, with the supervisor's socket and lock and one
 * socket a run; and where weir's other executables are. */
#ifndef WEIR_CALL_PLACE_H
#define WEIR_CALL_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/fail.h"
#include "call/call.h"

#define PLACE_SUPERVISOR "supervisor.sock"
#define PLACE_LOCK "supervisor.lock" /* held by the supervisor while it lives */
#define PLACE_START "start.lock"     /* held by a client while it starts one */
#define PLACE_SOCKET_MAX 32

/* Opens STORE/run, making the store (0700) where it is missing. Returns a descriptor or -errno. */
int place_open(const char *store, struct fail *f);
/* As place_open(), but makes nothing: -ENOENT where there is no store. */
int place_open_existing(const char *store, struct fail *f);

/* The name of a run's socket in STORE/run. */
void place_run_socket(const char *run_id, char name[PLACE_SOCKET_MAX]);
/* Whether name is a run's socket; fills in its id. */
bool place_is_run_socket(const char *name, char run_id[RUN_ID_SIZE]);

/* The path of an executable of libexec: beside this one in a build tree, ../libexec/weir when
 * installed. malloc'ed, or NULL with f set. */
char *place_executable(const char *name, struct fail *f);
/* Starts the executable of libexec that argv[0] names: fd as its descriptor 3 (-1: /dev/null, as
 * the standard ones are), no signal blocked or ignored. The child is the caller's to reap. */
int place_spawn(char *const argv[], int fd, pid_t *ret, struct fail *f);

/* Connects to the store's supervisor and starts one where none answers. `place` as from
 * place_open(). Returns a descriptor or -errno. */
int place_supervisor(int place, const char *store, struct fail *f);
/* Starts a supervisor without waiting for it; more than one is harmless, since they agree by
 * PLACE_LOCK. */
int place_supervisor_start(const char *store, struct fail *f);

/* The ELF build id of this executable as "build-id:HEX" (a digest of its contents made by the
 * linker); malloc'ed, or NULL where it has none. */
char *place_build_id(void);

#endif
