/* SPDX-License-Identifier: Apache-2.0 */
/* weir policy learn: a command runs while its network is only watched, and the smallest policy that
 * would have let it pass is printed. */
#ifndef WEIR_CMD_LEARN_H
#define WEIR_CMD_LEARN_H

/* base: a policy file or preset whose other settings hold, or NULL; store: or NULL. Everything but
 * the policy goes to standard error. Returns the command's exit status, or weir's own. */
int learn_run(const char *base, const char *store, char **argv);

#endif
