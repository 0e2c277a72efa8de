/* SPDX-License-Identifier: Apache-2.0 */
/* The manual's generator. */
#ifndef WEIR_MAN_MKMAN_H
#define WEIR_MAN_MKMAN_H

/* Prints the JSON Schema of a policy, one line; 0 or an exit status. */
int print_policy_schema(void);

#endif
