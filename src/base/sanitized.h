/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this build has a sanitizer, whose run time needs system calls and files of its own
 * (ptrace, /proc). */
#ifndef WEIR_BASE_SANITIZED_H
#define WEIR_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
