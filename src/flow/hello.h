/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's opening, gathered from its first bytes until it says what is spoken and with whom. */
#ifndef WEIR_FLOW_HELLO_H
#define WEIR_FLOW_HELLO_H

#include "flow/account.h"
#include "flow/octets.h"
#include "flow/meter.h"
#include "flow/opening.h"

#define HELLO_MAX 8192 /* bytes of a side: a ClientHello with post-quantum keys is 2 to 4 KiB */

struct hello;

struct hello *hello_new(struct account *a);	     /* NULL without memory */
void hello_free(struct hello *h, struct account *a); /* accepts NULL */
/* True: it is known by now, or never will be: *ret is what it is. */
bool hello_said(struct hello *h, struct account *a, enum meter_side side, struct octets o,
		struct opening *ret);

#endif
