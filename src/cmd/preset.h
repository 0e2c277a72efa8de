/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that come with weir, by name: `-p qwen-code`. */
#ifndef WEIR_CMD_PRESET_H
#define WEIR_CMD_PRESET_H

#include "base/fail.h"
#include "policy/policy.h"

/* Reads the policy file of this name; where there is no such file and name has neither slash nor
 * dot, the preset. An unknown name is told with those that there are. */
int preset_read(const char *name, struct policy *ret, struct fail *f);
/* Each preset in order of name, with its file. */
int preset_list(void (*on_preset)(const char *name, const char *path), struct fail *f);

#endif
