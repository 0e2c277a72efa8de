/* SPDX-License-Identifier: Apache-2.0 */
/* Names that may hold data: what a run asks for below one registered domain, by call and for the
 * run as a whole. Kept by the engine for the detectors of tunnels and of exfiltration, of which
 * one alone speaks about a domain. */
#ifndef WEIR_DETECT_LABELS_H
#define WEIR_DETECT_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/event_decode.h"

/* At the limits the domain, or the name, that was asked for longest ago is forgotten: asked for
 * again it counts as a new one. */
#define LABELS_DOMAINS_MAX                                                                      \
	2048		       /* (call, domain), of one run; and as many of the run as a whole \
				*/
#define LABELS_NAMES_MAX 32768 /* (call, name, kind of type) */
#define LABELS_DOMAIN_TEXT 128 /* bytes of a domain's text, cut */

struct label_count {
	char domain[LABELS_DOMAIN_TEXT]; /* as an agent wrote it, in lower case; not escaped */
	uint32_t names;			 /* different ones below it, once whatever their types */
	uint32_t data;			 /* of these, such as look like data */
	uint64_t data_bytes; /* of what stands before the domain in those, without dots */
	uint32_t longest;    /* the most such bytes of one of them */
	uint32_t carriers;   /* different names asked for by a type that carries text */
	uint32_t
		verdicts[DNS_VERDICT_COUNT]; /* different names by what became of the first question
					      */
	uint64_t first_mono_ns, last_mono_ns;
};

struct labels;

int labels_new(struct labels **ret); /* 0 or -ENOMEM */
void labels_free(struct labels *l);  /* accepts NULL */
/* Takes EVENT_DNS; what is not one is left alone. Names that are made of addresses (.arpa) are not
 * counted. */
void labels_event(struct labels *l, const struct event_view *e);
/* Of the domain of an EVENT_DNS that was taken: as its call asked, or as the run did. NULL where it
 * is not counted. Valid until the next labels_event(). */
const struct label_count *labels_of(struct labels *l, const struct event_view *dns, bool of_run);
/* Answers carry data back: a tunnel. Else what carries data carries it out alone. */
bool labels_both_ways(const struct label_count *c);

/* Where the registered domain begins in a name without its final dot. Without a list of public
 * suffixes: the last two labels, or three below a country's second level ("example.co.uk"). */
size_t labels_domain(const char *name, size_t size);
/* Whether what stands before the domain looks like encoded bytes more than like words. */
bool labels_look_like_data(const char *name, size_t size);

#endif
