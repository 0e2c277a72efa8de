/* SPDX-License-Identifier: Apache-2.0 */
/* files.sensitive for the kernel: each pattern becomes one hash that a BPF program compares with a
 * file's name (bpf/sensitive.h). A pattern is narrowed down, never widened past its reader: what
 * the kernel then reports too much, whoever judges compares with the whole pattern. */
#ifndef WEIR_SENSOR_RULES_H
#define WEIR_SENSOR_RULES_H

#include <stdint.h>

#include "base/fail.h"
#include "policy/policy.h"

/* The hash of one pattern, before it is mixed with a run. */
uint64_t rule_of_pattern(const char *pattern);
/* Enters the run's patterns into the maps `rules` and `bits`. Returns how many, or -errno. */
int rules_add(int rules, int bits, uint64_t run, const struct text_list *patterns, struct fail *f);

#endif
