/* SPDX-License-Identifier: Apache-2.0 */
/* The variables every call has. */
#ifndef WEIR_SANDBOX_ENVIRONMENT_H
#define WEIR_SANDBOX_ENVIRONMENT_H

#define ENVIRONMENT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
